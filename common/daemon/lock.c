#include "common/daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"

struct lock {
    int fd;
};

/* The process that wrote itself into the file, as far as it can be read. */
static const char *read_holder(int fd, char *text, size_t size)
{
    ssize_t got = pread(fd, text, size - 1, 0);

    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text[0] ? text : "another process";
}

static int write_holder(int fd, const char *path, const char *holder_name, struct error *error)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "%.80s (pid %ld)\n", holder_name, (long)getpid());

    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len)
        return 0;
    return error_set(error, "cannot write '%s': %s", path, strerror(errno));
}

/* False if somebody removed the file since it was opened: a lock on it excludes nobody. */
static bool is_still_there(int fd, const char *path)
{
    struct stat mine, there;

    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
           mine.st_ino == there.st_ino;
}

static int lock_file(int fd, const char *path, struct error *error)
{
    char holder[128];

    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return error_set(error, "'%s' is held by %s", path,
                         read_holder(fd, holder, sizeof(holder)));
    return error_set(error, "cannot lock '%s': %s", path, strerror(errno));
}

/* A descriptor that holds the lock, or -1. */
static int open_locked(const char *path, struct error *error)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
            return error_set(error, "cannot open '%s': %s", path, strerror(errno));
        int err = lock_file(fd, path, error);
        if (err == 0 && is_still_there(fd, path))
            return fd;
        close(fd);
        if (err != 0)
            return -1;
    }
}

int lock_take(struct lock **ret, const char *path, const char *holder_name, struct error *error)
{
    int fd = open_locked(path, error);

    if (fd < 0)
        return -1;
    if (write_holder(fd, path, holder_name, error) != 0) {
        close(fd);
        return -1;
    }
    *ret = mem_alloc(sizeof(**ret));
    (*ret)->fd = fd;
    return 0;
}

/* The file stays: removing it would let two processes lock two files of the same name. */
void lock_release(struct lock *lock)
{
    if (!lock)
        return;
    (void)!ftruncate(lock->fd, 0);
    close(lock->fd);
    mem_free(lock);
}
