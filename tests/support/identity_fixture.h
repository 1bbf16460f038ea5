/* Registrations and announcements by every key, told to the books. */
#ifndef TESTS_SUPPORT_IDENTITY_FIXTURE_H
#define TESTS_SUPPORT_IDENTITY_FIXTURE_H

#include "tests/support/store_fixture.h"

#define NOW 1700000000

static inline struct register_result enter_full(struct fixture *f, struct register_params params)
{
    struct register_result result = {0};

    if (params.product_code.len == 0)
        params.product_code = STR(PRODUCT);
    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return result;
}

#define ENTER(f, ...) enter_full(f, (struct register_params){__VA_ARGS__})

static inline struct str enter_id(struct register_result result)
{
    return result.subscription->id;
}

static inline void notify_license(struct fixture *f, const char *key)
{
    struct notification message = {.kind = EVENT_LICENSE_UPDATED,
                                   .product_code = STR(PRODUCT),
                                   .account_id = STR(ACCOUNT),
                                   .license = str_of(key),
                                   .event_time = NOW};
    struct notify_params params = {.notification = &message};
    struct notify_result result = {0};

    assert_int_equal(fixture_write(f, on_notify, &params, &result), ERROR_NONE);
    assert_int_equal(result.outcome, OUTCOME_APPLIED);
}

static inline size_t count_all(struct fixture *f)
{
    return fixture_all(f).count;
}

#endif
