/* Standard error, written to without ever waiting for its reader. Not for two threads at once. */
#ifndef COMMON_LOG_STANDARD_ERROR_H
#define COMMON_LOG_STANDARD_ERROR_H

#include <stdbool.h>

#include "common/base/str.h"

/* Once at start, before any thread. Without it writing waits. */
void standard_error_open(void);
/* Whether it leads to systemd's journal. */
bool standard_error_is_journal(void);
/* How many bytes were taken; the rest would have to wait, or cannot be written at all. */
size_t standard_error_write(struct str text);

#endif
