/* Small files, read whole or not at all. */
#ifndef COMMON_BASE_FILE_H
#define COMMON_BASE_FILE_H

#include "common/base/buf.h"
#include "common/base/error.h"

/* Appends the whole file. 1 if there is none, -1 if it cannot be read (a directory, a pipe, more
 * than limit bytes, ...); error says so. It never waits: files are read on the loop. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *error);

#endif
