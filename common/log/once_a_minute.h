/* A line about what may happen any number of times is written once a minute at most, and says how
 * many of them there were since the last. */
#ifndef COMMON_LOG_ONCE_A_MINUTE_H
#define COMMON_LOG_ONCE_A_MINUTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. Of any thread. */
struct once_a_minute {
    atomic_int_fast64_t again_at_mono_ms;
    atomic_uint_fast64_t told;
};

/* True: the line is to be written now. total: how many there were in all; *ret_since_last (may be
 * NULL): how many of them the line is about. */
bool once_a_minute(struct once_a_minute *line, int64_t now_mono_ms, uint64_t total,
                   uint64_t *ret_since_last);

#endif
