/* Long work is done in slices, between which others have their turn. */
#ifndef COMMON_BASE_SLICE_H
#define COMMON_BASE_SLICE_H

#include <stdbool.h>

#include "common/base/clock.h"

struct slice {
    int64_t ends_mono_us;
};

static inline struct slice slice_begin(int64_t length_us)
{
    return (struct slice){clock_mono_us() + length_us};
}

/* Asked after a piece of work, so that each slice gets on. */
static inline bool slice_is_over(const struct slice *slice)
{
    return clock_mono_us() >= slice->ends_mono_us;
}

#endif
