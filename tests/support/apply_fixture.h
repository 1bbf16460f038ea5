/* Answers of AWS, applied to one record. */
#ifndef TESTS_SUPPORT_APPLY_FIXTURE_H
#define TESTS_SUPPORT_APPLY_FIXTURE_H

#include "services/store/rules/apply.h"

enum { H = 3600, D = 24 * H, T = 100 * D, LATER = 10000 * D };

/* What the product's listing of others alone explains is confirmed as soon as the rest. */
static struct policy soon;
static const struct policy *const policy = &soon;

static inline struct aws_entitlement_list seats(int64_t count, int64_t expires_at)
{
    static struct aws_entitlement rows[1];

    rows[0] = (struct aws_entitlement){
        .dimension = STR("seats"),
        .value = {.kind = VALUE_INTEGER, .integer = count},
        .expires_at = expires_at,
    };
    return (struct aws_entitlement_list){rows, count > 0};
}

static inline enum applied listed(struct subscription *record, int64_t began_at, int64_t count,
                                  struct arena *arena)
{
    struct aws_entitlement_list rows = seats(count, T);

    return apply_answer(record, &rows, &(struct asked){began_at, SCOPE_LICENSE, false, true, LATER},
                        policy, arena);
}

static inline struct subscription new_record(void)
{
    return (struct subscription){
        .id = STR("s1"),
        .account_id = STR("111122223333"),
        .license_arn = STR("arn:aws:license-manager::1:license:l-00aa"),
        .license_key = STR("l-00aa"),
        .created_at = D,
    };
}

static inline enum state state_of(const struct subscription *record, int64_t now)
{
    return record_state(record, policy, now, false);
}

#endif
