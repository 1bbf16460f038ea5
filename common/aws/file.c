/* Small files, whole or not at all. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/internal.h"

int file_read(const char *path, size_t limit, struct buf *out, struct error *error)
{
    char chunk[4096];
    size_t len;
    FILE *file = fopen(path, "re");

    if (!file) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        error_set(error, "cannot read '%s': %s", path, strerror(errno));
        return absent ? 1 : -1;
    }
    while (out->len <= limit && (len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_append(out, chunk, len);
    bool failed = ferror(file);
    fclose(file);
    if (failed)
        return error_set(error, "cannot read '%s': input/output error", path);
    if (out->len > limit)
        return error_set(error, "cannot read '%s': it is longer than %zu bytes", path, limit);
    return 0;
}
