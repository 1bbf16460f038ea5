#include "proto/settings/settings_policy.h"

static int64_t seconds(int64_t span_ms)
{
    return (span_ms + 999) / 1000;
}

struct policy settings_policy(const struct settings *settings)
{
    const struct settings_entitled *entitled = &settings->entitled;

    return (struct policy){
        .grace_s = seconds(entitled->grace_ms),
        .settling_s = seconds(entitled->settling_ms),
        .stale_after_s = seconds(entitled->stale_after_ms),
        .hold_limit_s = seconds(entitled->hold_limit_ms),
        .successor_wait_s = seconds(entitled->successor_wait_ms),
        .confirm_delay_s = seconds(entitled->end_confirm_delay_ms),
        .unannounced_end_s = seconds(entitled->unannounced_end_delay_ms),
        .pending_limit_s = seconds(entitled->pending_limit_ms),
    };
}
