/* Two licences of an account and a new one: whose renewal is it? */
#ifndef TESTS_SUPPORT_SUCCESSION_FIXTURE_H
#define TESTS_SUPPORT_SUCCESSION_FIXTURE_H

#include "tests/support/store_fixture.h"

/* Some hours ago: what is held now counts, and nothing lies in the future. */
static int64_t begin_s;

/* The renewal's own events are late: GetEntitlements lists its licence before anything says whose
 * it is. */
static inline void begin_two(struct fixture *f)
{
    static const char *const keys[] = {FIRST_KEY, THIRD_KEY};

    for (size_t i = 0; i < 2; i++) {
        struct str key = str_of(keys[i]);
        NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
               .account_id = STR(ACCOUNT), .license = key,
               .agreement_id = i ? STR("agmt-3") : STR("agmt-1"), .event_time = begin_s);
        fixture_apply(f, fixture_of_license(f, keys[i]).id, SCOPE_ACCOUNT, begin_s,
                      ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY))),
                              SEATS(9, .license_arn = STR(ARN(THIRD_KEY)))));
    }
}

/* AWS lists nothing of it but a new licence of the account. */
static inline void find_gone(struct fixture *f, const char *key, int64_t at_s)
{
    struct str id = fixture_of_license(f, key).id;

    fixture_apply(f, id, SCOPE_LICENSE, at_s, NO_ROWS);
    fixture_apply(f, id, SCOPE_ACCOUNT, at_s + 90,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY)))));
}

static inline void ask_again(struct fixture *f, const char *key, int64_t at_s)
{
    fixture_apply(f, fixture_of_license(f, key).id, SCOPE_ACCOUNT, at_s,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY)))));
}

static inline void end_agreement(struct fixture *f, const char *agreement, const char *status)
{
    NOTIFY(f, .kind = EVENT_AGREEMENT_ENDED, .account_id = STR(ACCOUNT),
           .agreement_id = str_of(agreement), .status = str_of(status), .event_time = begin_s + 5);
}

static inline enum outcome tell_whose_renewal(struct fixture *f, const char *previous)
{
    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
           .agreement_id = STR("agmt-2"), .intent = STR("RENEW"),
           .previous_agreement_id = str_of(previous), .event_time = begin_s + 6);
    return NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
                  .account_id = STR(ACCOUNT), .license = STR(SECOND_KEY),
                  .agreement_id = STR("agmt-2"), .event_time = begin_s + 7)
        .outcome;
}

static inline enum state state_at(struct fixture *f, const char *key, int64_t at_s)
{
    struct subscription record = fixture_of_license(f, key);

    return record_state(&record, &f->books.policy, at_s, false);
}

static inline bool is_renewed_as(struct fixture *f, const char *old, const char *new)
{
    struct subscription before = fixture_of_license(f, old), after = fixture_of_license(f, new);

    return str_eq(before.successor, after.id) && str_eq(after.predecessor, before.id);
}

/* Whichever is asked about first: nobody is given the new licence, and nobody is cut off. */
static inline void play_undecided(struct fixture *f, bool renewed_first)
{
    begin_two(f);
    find_gone(f, renewed_first ? THIRD_KEY : FIRST_KEY, begin_s + 10);
    find_gone(f, renewed_first ? FIRST_KEY : THIRD_KEY, begin_s + 20);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
    assert_int_equal(state_at(f, SECOND_KEY, begin_s + 200), STATE_ACTIVE);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_HELD);
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 200), STATE_HELD);
}

/* The first licence is given the new one, for nothing else is possible. */
static inline void infer(struct fixture *f)
{
    begin_two(f);
    end_agreement(f, "agmt-3", "CANCELLED");
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
}

#endif
