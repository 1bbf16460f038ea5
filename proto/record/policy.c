/* The rules' spans as a message, and back. */
#include "proto/record/record.h"

enum { MS = 1000 };

struct decision_policy policy_to_message(const struct policy *policy)
{
    return (struct decision_policy){
        .grace_ms = policy->grace_s * MS,
        .settling_ms = policy->settling_s * MS,
        .stale_after_ms = policy->stale_after_s * MS,
        .hold_limit_ms = policy->hold_limit_s * MS,
        .successor_wait_ms = policy->successor_wait_s * MS,
        .end_confirm_delay_ms = policy->confirm_delay_s * MS,
        .unannounced_end_delay_ms = policy->unannounced_end_s * MS,
        .pending_limit_ms = policy->pending_limit_s * MS,
    };
}

struct policy policy_of_message(const struct decision_policy *message)
{
    return (struct policy){
        .grace_s = message->grace_ms / MS,
        .settling_s = message->settling_ms / MS,
        .stale_after_s = message->stale_after_ms / MS,
        .hold_limit_s = message->hold_limit_ms / MS,
        .successor_wait_s = message->successor_wait_ms / MS,
        .confirm_delay_s = message->end_confirm_delay_ms / MS,
        .unannounced_end_s = message->unannounced_end_delay_ms / MS,
        .pending_limit_s = message->pending_limit_ms / MS,
    };
}
