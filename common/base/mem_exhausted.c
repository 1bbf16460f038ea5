/* Apart from mem.c, so that the client library, which must not end a process that is not ours, can
 * bring another. */
#include "common/base/mem.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

void mem_exhausted(void)
{
    static const char text[] = "out of memory, ending the process\n";
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};

    /* It may have no reader: the end does not wait for one. */
    if (poll(&room, 1, 0) > 0)
        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    abort();
}
