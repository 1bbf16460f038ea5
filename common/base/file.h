/* Small files, read whole or not at all. */
#ifndef COMMON_BASE_FILE_H
#define COMMON_BASE_FILE_H

#include "common/base/buf.h"
#include "common/base/error.h"

/* Appends the whole file; fails if it is longer than that. errno says why too. It never waits, and
 * refuses pipes: for files that are read on a loop. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *error);
/* The same of whatever can be read: for a program that starts, or that does nothing else. */
int file_read_waiting(const char *path, size_t limit, struct buf *out, struct error *error);

#endif
