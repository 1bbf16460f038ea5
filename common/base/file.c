#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files are read on the loop, which a pipe without a writer would stop. /dev/null is an empty file.
 */
static int check_kind(int fd, const char *path, struct error *error)
{
    struct stat about;

    if (fstat(fd, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISCHR(about.st_mode))
        return error_set(error, "cannot read '%s': it is a directory, a pipe or a socket", path);
    return 0;
}

static int read_all(int fd, const char *path, size_t limit, struct buf *out, struct error *error)
{
    char chunk[4096];
    const size_t before = out->len;
    ssize_t len = 0;

    while (out->len - before <= limit && (len = read(fd, chunk, sizeof(chunk))) != 0) {
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return error_set(error, "cannot read '%s': %s", path, strerror(errno));
        buf_append(out, chunk, (size_t)len);
    }
    if (out->len - before > limit)
        return error_set(error, "cannot read '%s': it is longer than %zu bytes", path, limit);
    return 0;
}

int file_read(const char *path, size_t limit, struct buf *out, struct error *error)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        error_set(error, "cannot read '%s': %s", path, strerror(errno));
        return absent ? 1 : -1;
    }
    int result = check_kind(fd, path, error) < 0 ? -1 : read_all(fd, path, limit, out, error);
    close(fd);
    return result;
}
