#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns -1; errno stays as it is. */
static int fail(const char *path, struct error *error)
{
    int reason = errno;

    error_set(error, "cannot read '%s': %s", path, strerror(reason));
    errno = reason;
    return -1;
}

/* A pipe without a writer would stop who reads it. /dev/null is an empty file. */
static int check_kind(int fd, const char *path, struct error *error)
{
    struct stat about;

    if (fstat(fd, &about) != 0 || S_ISREG(about.st_mode) || S_ISCHR(about.st_mode))
        return 0;
    errno = EINVAL;
    return error_set(error, "cannot read '%s': it is a directory, a pipe or a socket", path);
}

static int read_all(int fd, const char *path, size_t limit, struct buf *out, struct error *error)
{
    enum { CHUNK = 16384 };
    const size_t before = out->len;
    ssize_t len;

    while ((len = read(fd, buf_room(out, CHUNK), CHUNK)) != 0) {
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return fail(path, error);
        buf_grew(out, (size_t)len);
        if (out->len - before > limit) {
            errno = EFBIG;
            return error_set(error, "cannot read '%s': it is longer than %zu bytes", path, limit);
        }
    }
    return 0;
}

static int read_file(const char *path, int flags, size_t limit, struct buf *out,
                     struct error *error)
{
    int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | flags);

    if (fd < 0)
        return fail(path, error);
    int result = flags & O_NONBLOCK ? check_kind(fd, path, error) : 0;
    if (result == 0)
        result = read_all(fd, path, limit, out, error);
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

int file_read(const char *path, size_t limit, struct buf *out, struct error *error)
{
    return read_file(path, O_NONBLOCK, limit, out, error);
}

int file_read_waiting(const char *path, size_t limit, struct buf *out, struct error *error)
{
    return read_file(path, 0, limit, out, error);
}
