#include "common/log/standard_error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* How to write without waiting. O_NONBLOCK is never set on what we were given: it would be set for
 * everybody who has it, the shell that started us among them. */
static enum {
    BY_WRITING,         /* files, which never wait */
    BY_SENDING,         /* sockets: asked for with each message */
    BY_OUR_OWN_OPENING, /* pipes and terminals, opened once more, for us */
    BY_ASKING_FIRST,    /* those that we may not open: a pipe of another user's */
} way = BY_WRITING;
static int own_fd = -1;

void standard_error_open(void)
{
    struct stat about;

    if (fstat(STDERR_FILENO, &about) < 0 || S_ISREG(about.st_mode))
        return;
    if (S_ISSOCK(about.st_mode)) {
        way = BY_SENDING;
        return;
    }
    own_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    way = own_fd < 0 ? BY_ASKING_FIRST : BY_OUR_OWN_OPENING;
}

/* JOURNAL_STREAM is the device and inode of what systemd gave the process. It stays in the
 * environment of a process that was given another standard error since (systemd.exec(5)). */
bool standard_error_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat about;
    char own[64];

    if (!stream || fstat(STDERR_FILENO, &about) < 0)
        return false;
    snprintf(own, sizeof(own), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)about.st_dev,
             (uintmax_t)about.st_ino);
    return strcmp(stream, own) == 0;
}

/* A pipe that can be written to at all takes PIPE_BUF bytes (pipe(7)). */
static ssize_t write_if_room(const char *data, size_t len)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&room, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(STDERR_FILENO, data, len < PIPE_BUF ? len : PIPE_BUF);
}

static ssize_t write_some(const char *data, size_t len)
{
    switch (way) {
    case BY_SENDING:
        return send(STDERR_FILENO, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    case BY_OUR_OWN_OPENING:
        return write(own_fd, data, len);
    case BY_ASKING_FIRST:
        return write_if_room(data, len);
    case BY_WRITING:
        break;
    }
    return write(STDERR_FILENO, data, len);
}

size_t standard_error_write(struct str text)
{
    size_t done = 0;

    while (done < text.len) {
        ssize_t taken = write_some(text.ptr + done, text.len - done);
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken <= 0)
            break;
        done += (size_t)taken;
    }
    return done;
}
