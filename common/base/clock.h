/* The two clocks. Rules about contracts use the wall clock; waits, leases and deadlines use the
 * monotonic one, which no operator can turn back. */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

int64_t clock_wall_ms(void); /* UTC, since the epoch */
int64_t clock_wall_s(void);
int64_t clock_mono_ms(void); /* since an unspecified start */
int64_t clock_mono_us(void);

#define CLOCK_TEXT_SIZE 32
/* "2026-11-23T12:00:00Z"; a time of 0 gives "-". Returns text. */
const char *clock_format_s(int64_t time_s, char text[CLOCK_TEXT_SIZE]);
/* "2026-11-23T12:00:00.123Z". Returns text. */
const char *clock_format_ms(int64_t time_ms, char text[CLOCK_TEXT_SIZE]);
/* ISO 8601 as AWS writes it: date, T, time, optional fraction, Z or +hh:mm. 0, or -1 if it is not.
 */
int clock_parse_iso8601(struct str text, int64_t *ret_time_s);

#endif
