/* The clocks that AWS's times are compared with. */
#ifndef COMMON_AWS_ENVIRONMENT_CLOCK_H
#define COMMON_AWS_ENVIRONMENT_CLOCK_H

#include <stdint.h>

struct aws_clock {
    int64_t (*wall_ms)(void); /* tests replace both */
    int64_t (*mono_ms)(void);
    int64_t offset_s; /* AWS's clock minus ours, as far as it is known */
};

static inline int64_t aws_clock_now_ms(const struct aws_clock *clock)
{
    return clock->wall_ms() + clock->offset_s * 1000;
}

#endif
