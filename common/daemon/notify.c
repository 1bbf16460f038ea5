#include "common/daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* 0: not an address of ours. An '@' stands for the abstract namespace. */
static socklen_t address_of(const char *name, struct sockaddr_un *ret)
{
    size_t len = name ? strlen(name) : 0;

    if (len < 2 || len >= sizeof(ret->sun_path) || !strchr("/@", name[0]))
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, name, len);
    if (name[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

bool notify(const char *state)
{
    struct sockaddr_un address;
    socklen_t size = address_of(getenv("NOTIFY_SOCKET"), &address);

    if (size == 0)
        return true;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    ssize_t sent = sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)&address, size);
    bool later = sent < 0 && (errno == EAGAIN || errno == ENOBUFS);
    close(fd);
    return !later;
}
