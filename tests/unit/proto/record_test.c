/* A record's state, what counts of it, and when AWS is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/record/record.h"
#include "tests/support/random.h"

enum { H = 3600, D = 24 * H, T = 100 * D /* a date in all cases */ };

static struct entitlement seats = {.dimension = STR_INIT("seats"),
                                   .value = {.kind = VALUE_INTEGER, .integer = 10},
                                   .expires_at = T};

struct counting_case {
    const char *name;
    int64_t verified_at;
    int64_t expires_at;
    struct evidence evidence;
    int64_t now;
    enum counting want;
    enum state want_state;
};

#define EMPTY(at)        .empty_at = (at), .listed_at = (at)-H
#define EMPTY_TWICE(at)  EMPTY(at), .empty_again_at = (at) + 60
#define NOTICE(kind, at) .notice = NOTICE_##kind, .notice_at = (at)

static const struct counting_case counting_cases[] = {
    {"before its date", T - D, T, {0}, T - 1, COUNTING_YES, STATE_ACTIVE},
    {"without a date, long not asked", H, 0, {0}, 900 * D, COUNTING_YES, STATE_ACTIVE},
    {"at its date", T - D, T, {0}, T, COUNTING_GRACE, STATE_ACTIVE},
    {"same date again, not settled", T + H - 1, T, {0}, T + H, COUNTING_GRACE, STATE_ACTIVE},
    {"same date again after settling", T + H, T, {0}, T + H, COUNTING_EXPIRED, STATE_ACTIVE},
    {"not asked since, within grace", T - 1, T, {0}, T + 72 * H - 1, COUNTING_GRACE, STATE_ACTIVE},
    {"not asked since, past grace", T - 1, T, {0}, T + 72 * H, COUNTING_UNVERIFIED, STATE_ACTIVE},
    {"asked within settling, then no more",
     T + 60,
     T,
     {0},
     T + 72 * H,
     COUNTING_UNVERIFIED,
     STATE_ACTIVE},
    {"empty once", T - D, T, {EMPTY(T - D)}, T - H, COUNTING_HELD, STATE_ACTIVE},
    {"empty twice, nothing explains",
     T - D,
     T,
     {EMPTY_TWICE(T - D)},
     T - H,
     COUNTING_HELD,
     STATE_HELD},
    {"empty twice, still so when the date comes, but not asked after it",
     T - D,
     T,
     {EMPTY_TWICE(T - D)},
     T + 1,
     COUNTING_HELD,
     STATE_HELD},
    {"empty twice, also after the date",
     T,
     T,
     {EMPTY_TWICE(T - D)},
     T,
     COUNTING_ENDED,
     STATE_ENDED},
    {"empty once after the date, not confirmed", T, T, {EMPTY(T)}, T, COUNTING_HELD, STATE_ACTIVE},
    {"empty twice and announced",
     T - D,
     T,
     {EMPTY_TWICE(T - D), NOTICE(CANCELLED, T - D)},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
    {"announced, empty once",
     T - D,
     T,
     {EMPTY(T - D), NOTICE(CANCELLED, T - D)},
     T - H,
     COUNTING_HELD,
     STATE_ACTIVE},
    {"announced, still listed",
     T - D,
     T,
     {NOTICE(CANCELLED, T - D)},
     T - H,
     COUNTING_YES,
     STATE_ACTIVE},
    {"empty twice, the product lists others",
     T - D,
     T,
     {EMPTY_TWICE(T - D), .product_alive_at = T - D},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
    {"empty once, the product lists others",
     T - D,
     T,
     {EMPTY(T - D), .product_alive_at = T - D},
     T - H,
     COUNTING_HELD,
     STATE_ACTIVE},
    {"held to its limit",
     T - 20 * D,
     T,
     {EMPTY_TWICE(T - 20 * D)},
     T - 6 * D - 1,
     COUNTING_HELD,
     STATE_HELD},
    {"held past its limit",
     T - 20 * D,
     T,
     {EMPTY_TWICE(T - 20 * D)},
     T - 6 * D,
     COUNTING_ENDED,
     STATE_ENDED},
    {"no date, nothing explains an end",
     3 * D,
     0,
     {EMPTY_TWICE(2 * D)},
     3 * D,
     COUNTING_HELD,
     STATE_HELD},
    {"renewed, no successor yet, ended otherwise",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .succeeded_at = T},
     T + 3 * D - 1,
     COUNTING_HELD,
     STATE_HELD},
    {"renewed, the successor did not come",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .succeeded_at = T},
     T + 3 * D,
     COUNTING_ENDED,
     STATE_ENDED},
    {"renewed, date settled", T + H, T, {.succeeded_at = T}, T + H, COUNTING_HELD, STATE_ACTIVE},
    {"renewed, listed with a later date",
     T,
     T + 365 * D,
     {.succeeded_at = T},
     T + H,
     COUNTING_YES,
     STATE_ACTIVE},
    {"perhaps renewed, ended otherwise",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .undecided_at = T},
     T + 3 * D - 1,
     COUNTING_HELD,
     STATE_HELD},
    {"perhaps renewed, AWS never said so",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .undecided_at = T},
     T + 3 * D,
     COUNTING_ENDED,
     STATE_ENDED},
    {"perhaps renewed, then cancelled",
     T - D,
     T,
     {EMPTY_TWICE(T - D), NOTICE(CANCELLED, T - D), .undecided_at = T - D},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
    {"perhaps renewed, an operator knows better",
     T - D,
     T,
     {EMPTY_TWICE(T - D), .undecided_at = T - D, .accepted_at = T - 2 * H},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
};

static void entitlements_count_by_date_and_evidence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counting_cases) / sizeof(counting_cases[0]); i++) {
        struct counting_case c = counting_cases[i];
        struct entitlement entitlement = seats;
        struct subscription record = {
            .id = STR("s1"),
            .entitlements = {&entitlement, 1},
            .verified_at = c.verified_at,
            .evidence = &c.evidence,
        };
        entitlement.expires_at = c.expires_at;

        enum counting got = record_counting(&record, &entitlement, &policy_default, c.now);
        enum state got_state = record_state(&record, &policy_default, c.now, false);
        if (got != c.want || got_state != c.want_state)
            fail_msg("%s: counts %s in state %s, not %s in %s", c.name,
                     choice_text(&enumeration_counting, got),
                     choice_text(&enumeration_state, got_state),
                     choice_text(&enumeration_counting, c.want),
                     choice_text(&enumeration_state, c.want_state));
    }
}

static void one_date_to_come_does_not_explain_an_end(void **state)
{
    (void)state;
    struct evidence evidence = {EMPTY_TWICE(T)};
    struct entitlement both[] = {seats, seats};
    struct subscription record = {
        .entitlements = {both, 2}, .verified_at = T, .evidence = &evidence};

    both[1].expires_at = T + 1;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_HELD);
    assert_false(record_end_is_explained(&record));
    both[1].expires_at = T;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_ENDED);
}

static void nothing_granted_is_pending_not_ended(void **state)
{
    (void)state;
    struct evidence evidence = {EMPTY_TWICE(T), .product_alive_at = T};
    struct subscription record = {.verified_at = T + 60, .evidence = &evidence};

    assert_int_equal(record_state(&record, &policy_default, T + 99 * D, false), STATE_PENDING);
    record.payment_failed_at = T;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_PAYMENT_FAILED);
    record.evidence = NULL;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_PAYMENT_FAILED);
    record.payment_failed_at = 0;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_PENDING);
    record.evidence = &evidence;
    evidence.notice = NOTICE_CANCELLED;
    assert_int_equal(record_state(&record, &policy_default, T + 60, false), STATE_ENDED);
}

static void an_active_successor_ends_a_record(void **state)
{
    (void)state;
    struct subscription record = {.entitlements = {&seats, 1}, .verified_at = T - D};

    assert_int_equal(record_state(&record, &policy_default, T - D, true), STATE_ENDED);
    assert_int_equal(record_state(&record, &policy_default, T - D, false), STATE_ACTIVE);
}

static void old_answers_are_stale(void **state)
{
    (void)state;
    struct subscription record = {.verified_at = T};

    assert_false(record_is_stale(&record, &policy_default, T + 12 * H));
    assert_true(record_is_stale(&record, &policy_default, T + 12 * H + 1));
    assert_false(record_is_stale(&record, &policy_default, T - 60));
    /* A clock that was ahead stamped it: nobody knows how old it is. */
    assert_true(record_is_stale(&record, &policy_default, T - H));
    record.verified_at = 0;
    assert_true(record_is_stale(&record, &policy_default, T));
}

struct due_case {
    const char *name;
    int64_t verified_at;
    int64_t expires_at; /* -1: nothing was ever granted */
    struct evidence evidence;
    int64_t now;
    int64_t want;
    enum due_class want_class;
};

/* Records are created at D. */
static const struct due_case due_cases[] = {
    {"never asked", 0, -1, {0}, D + 1, D, DUE_PENDING},
    {"pending, just asked", D + 2, -1, {0}, D + 2, D + 7, DUE_PENDING},
    {"pending for an hour", D + H, -1, {0}, D + H, D + H + 900, DUE_PENDING},
    {"pending for a day", 2 * D, -1, {0}, 2 * D, 2 * D + H, DUE_PENDING},
    {"pending for three days", 4 * D, -1, {0}, 4 * D, 5 * D, DUE_PENDING},
    {"pending too long", 31 * D, -1, {0}, 31 * D, 0, DUE_PENDING},
    {"pending, confirmed empty", D + H, -1, {EMPTY_TWICE(D + 2)}, D + H, D + H + 900, DUE_PENDING},
    {"pending, but cancelled",
     D + H,
     -1,
     {EMPTY(D + H), NOTICE(CANCELLED, D)},
     D + H,
     D + H + 60,
     DUE_EXPIRY},
    {"its date is to come", T - D, T, {0}, T - D, T, DUE_EXPIRY},
    {"its date came", T - D, T, {0}, T + 5, T, DUE_EXPIRY},
    {"no date", T - D, 0, {0}, T, 0, DUE_EXPIRY},
    {"same date at once", T, T, {0}, T, T + 10, DUE_EXPIRY},
    {"same date after 100 s", T + 100, T, {0}, T + 100, T + 150, DUE_EXPIRY},
    {"never past the settling time", T + 3599, T, {0}, T + 3599, T + H, DUE_EXPIRY},
    {"settled: a late renewal", T + H, T, {0}, T + H, T + H + 1800, DUE_EXPIRY},
    {"settled for ten days", T + 10 * D, T, {0}, T + 10 * D, T + 11 * D, DUE_EXPIRY},
    {"settled for a month", T + 30 * D, T, {0}, T + 30 * D, 0, DUE_EXPIRY},
    {"empty once", T - D, T, {EMPTY(T - D)}, T - D, T - D + 60, DUE_EXPIRY},
    {"held", T - D + 60, T, {EMPTY_TWICE(T - D)}, T - D + 60, T - D + 60 + H, DUE_EXPIRY},
    {"held, its date is near", T - 300, T, {EMPTY_TWICE(T - D)}, T - 300, T, DUE_EXPIRY},
    {"held for its limit", T - D, T, {EMPTY_TWICE(T - 20 * D)}, T - D, 0, DUE_EXPIRY},
    {"ended by its date", T, T, {EMPTY_TWICE(T - 60)}, T, T + 300, DUE_EXPIRY},
    {"ended by AWS's word",
     T,
     T,
     {EMPTY_TWICE(T - 60), NOTICE(CANCELLED, T - 60)},
     T,
     0,
     DUE_EXPIRY},
};

static void aws_is_asked_when_dates_say_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(due_cases) / sizeof(due_cases[0]); i++) {
        struct due_case c = due_cases[i];
        struct entitlement entitlement = seats;
        struct subscription record = {
            .id = STR("s1"),
            .created_at = D,
            .entitlements = {&entitlement, c.expires_at >= 0},
            .verified_at = c.verified_at,
            .evidence = &c.evidence,
        };
        enum due_class class;
        entitlement.expires_at = c.expires_at;

        int64_t got = record_next_due_s(&record, &policy_default, c.now, &class);
        if (got != c.want || class != c.want_class)
            fail_msg("%s: %lld %s, not %lld %s", c.name, (long long)got,
                     choice_text(&enumeration_due_class, class), (long long)c.want,
                     choice_text(&enumeration_due_class, c.want_class));
    }
}

/* A clock that was years ahead has been set back since: what it stamped says nothing about dates,
 * and AWS is asked at once, unless AWS's own word has ended the record. */
static void what_was_verified_in_the_future_is_not_believed(void **state)
{
    (void)state;
    struct entitlement entitlement = seats;
    struct evidence evidence = {0};
    struct subscription record = {.entitlements = {&entitlement, 1}, .verified_at = T + 365 * D};
    enum due_class class;
    entitlement.expires_at = T;

    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T - D), COUNTING_YES);
    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T + 2 * H),
                     COUNTING_GRACE);
    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T + 100 * H),
                     COUNTING_UNVERIFIED);
    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T + 365 * D),
                     COUNTING_EXPIRED);
    assert_int_equal(record_next_due_s(&record, &policy_default, T - D, &class), T - D);
    assert_int_equal(class, DUE_EXPIRY);

    /* Ended, by what such a clock made of a date: asked. By a notice: not. */
    record.evidence = &evidence;
    evidence.empty_at = evidence.empty_again_at = T + 365 * D;
    assert_int_equal(record_state(&record, &policy_default, T - D, false), STATE_ENDED);
    assert_int_equal(record_next_due_s(&record, &policy_default, T - D, &class), T - D);
    evidence.notice = NOTICE_CANCELLED;
    assert_int_equal(record_next_due_s(&record, &policy_default, T - D, &class), 0);

    /* Registered in such a future, and pending: asked hourly, not all the time. */
    record = (struct subscription){
        .created_at = T + 365 * D, .registered_at = T + 365 * D, .verified_at = T};
    assert_int_equal(record_next_due_s(&record, &policy_default, T, &class), T + H);
    assert_int_equal(class, DUE_PENDING);
}

/* Asking exactly when it is due, and AWS repeating itself, settles every date in bounded steps. */
static void a_repeated_date_settles(void **state)
{
    (void)state;
    struct entitlement entitlement = seats;
    struct subscription record = {.entitlements = {&entitlement, 1}, .verified_at = T - D};
    int64_t now = T - D;
    enum due_class class;
    int calls = 0;

    while (record_counting(&record, &entitlement, &policy_default, now) != COUNTING_EXPIRED) {
        int64_t due = record_next_due_s(&record, &policy_default, now, &class);
        assert_true(due > now);
        now = record.verified_at = due;
        assert_true(++calls < 30);
    }
    assert_int_equal(now, T + H);
}

static void a_licence_is_known_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        struct str license;
        struct str want;
    } cases[] = {
        {STR_INIT("arn:aws:license-manager::555566667777:license:l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT("aws:license-manager:us-east-1:555566667777:l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT("arn:aws-eusc:license-manager::555566667777:license:l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT("l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT(" l-00aa\n"), STR_INIT("l-00aa")},
        {STR_INIT("l-"), STR_INIT("")},
        {STR_INIT(""), STR_INIT("")},
        {STR_INIT("acme"), STR_INIT("")},
        {STR_INIT("tenant:l-00aa"), STR_INIT("")},
        {STR_INIT("l-00 aa"), STR_INIT("")},
        {STR_INIT("arn:aws:license-manager::555566667777:license:"), STR_INIT("")},
        {STR_INIT("arn:aws:license-manager::555566667777:grant:g-00aa"), STR_INIT("")},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str got = license_key(cases[i].license);
        if (!str_eq(got, cases[i].want))
            fail_msg("'" STR_FMT "' gave '" STR_FMT "'", STR_ARG(cases[i].license), STR_ARG(got));
        struct str key = got.len > 0 ? got : cases[i].license;
        assert_true(str_eq(handle_key(cases[i].license), key));
    }
}

static void a_record_is_found_by_every_handle(void **state)
{
    (void)state;
    struct str aliases[] = {STR("s0")};
    struct subscription record = {
        .id = STR("s1"),
        .aliases = {aliases, 1},
        .account_id = STR("012345678901"),
        .customer_identifier = STR("ifAPi5AcF3"),
        .license_arn = STR("arn:aws:license-manager::555566667777:license:l-00aa"),
        .license_key = STR("l-00aa"),
        .tenant = STR("acme"),
        .agreement_id = STR("agmt-1"),
    };

    assert_true(record_has_handle(&record, STR("s1")));
    assert_true(record_has_handle(&record, STR("s0")));
    assert_true(record_has_handle(&record, STR("012345678901")));
    assert_true(record_has_handle(&record, STR("ifAPi5AcF3")));
    assert_true(record_has_handle(&record, STR("l-00aa")));
    assert_true(record_has_handle(&record, record.license_arn));
    assert_true(
        record_has_handle(&record, STR("aws:license-manager:us-east-1:555566667777:l-00aa")));
    assert_true(record_has_handle(&record, STR("acme")));
    assert_false(record_has_handle(&record, STR("12345678901")));
    assert_false(record_has_handle(&record, STR("agmt-1")));
    assert_false(record_has_handle(&record, STR("")));
    record.tenant = STR_NONE;
    assert_false(record_has_handle(&record, STR("acme")));
    assert_false(record_has_handle(&(struct subscription){.id = STR("s1")}, STR("")));
}

static void check_change(const struct subscription *before, const struct subscription *after,
                         const char *want)
{
    struct buf out = BUF_INIT;

    buf_append_text(&out, "> ");
    record_describe_change(before, after, &out);
    assert_string_equal(out.data + 2, want);
    buf_done(&out);
}

static void a_change_is_one_line(void **state)
{
    (void)state;
    struct entitlement more = seats;
    struct entitlement two[] = {seats, seats};
    struct evidence evidence = {EMPTY_TWICE(T)};
    struct subscription before = {
        .id = STR("s1"),
        .product_code = STR("p1"),
        .account_id = STR("111122223333"),
        .entitlements = {&seats, 1},
    };
    struct subscription after = before;

    more.value.integer = 25;
    check_change(NULL, &before,
                 "new; product p1; account 111122223333; "
                 "granted seats 10 until 1970-04-11T00:00:00Z");
    after.version = 2;
    after.verified_at = after.updated_at = after.seq = 5;
    check_change(&before, &after, "");
    after.entitlements.items = &more;
    check_change(&before, &after,
                 "granted seats 25 until 1970-04-11T00:00:00Z; "
                 "no longer seats 10 until 1970-04-11T00:00:00Z");
    after.entitlements = (struct entitlement_list){two, 2};
    check_change(&before, &after, "granted seats 10 until 1970-04-11T00:00:00Z");
    after = before;
    after.tenant = STR("acme");
    check_change(&before, &after, "tenant acme");
    check_change(&after, &before, "tenant removed, was acme");
    after = before;
    after.evidence = &evidence;
    check_change(&before, &after,
                 "AWS lists nothing since 1970-04-11T00:00:00Z; "
                 "nothing listed, confirmed 1970-04-11T00:01:00Z");
    check_change(&after, &before, "AWS lists something again");
    evidence = (struct evidence){NOTICE(CANCELLED, T)};
    check_change(&before, &after, "end announced: CANCELLED at 1970-04-11T00:00:00Z");
    check_change(&after, &before, "announced end refuted");
}

static void a_huge_change_stays_one_short_line(void **state)
{
    (void)state;
    static char name[255];
    static struct entitlement many[1000];
    struct subscription before = {.id = STR("s1")}, after = before;
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 2 == 0 ? '\xc3' : '\xa9';
    for (size_t i = 0; i < 1000; i++)
        many[i] = (struct entitlement){.dimension = {name, sizeof(name) - 1}, .expires_at = T};
    after.entitlements = (struct entitlement_list){many, 1000};
    record_describe_change(&before, &after, &out);
    assert_true(out.len < 4000);
    assert_true(str_is_utf8(buf_str(&out)));
    assert_true(str_ends_with(buf_str(&out), STR("and 980 more granted")));

    after.tenant = after.account_id = after.offer_id = after.customer_identifier =
        (struct str){name, sizeof(name) - 1};
    after.license_key = after.license_arn = after.agreement_id = after.tenant;
    after.predecessor = after.successor = after.tenant;
    buf_clear(&out);
    record_describe_change(&before, &after, &out);
    assert_true(out.len < 4000);
    assert_true(str_is_utf8(buf_str(&out)));
    buf_done(&out);
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The last moment at which anything may count, from the promises of docs/architecture.md. */
static int64_t bound_of(const struct subscription *record, const struct entitlement *entitlement)
{
    struct evidence evidence = record_evidence(record);
    const struct policy *policy = &policy_default;
    int64_t bound = INT64_MAX;

    if (entitlement->expires_at != 0)
        bound = entitlement->expires_at + latest(policy->grace_s, policy->settling_s);
    if (evidence.empty_at != 0 && evidence.empty_at + policy->hold_limit_s < bound)
        bound = evidence.empty_at + policy->hold_limit_s;
    if (evidence.succeeded_at != 0)
        bound = latest(bound, evidence.succeeded_at + policy->successor_wait_s);
    if (evidence.undecided_at != 0)
        bound = latest(bound, evidence.undecided_at + policy->successor_wait_s);
    return bound;
}

/* What counts as held is shown to the operator with its limit, and ends at his word. */
static void assert_shown_and_decidable(const struct subscription *record, int64_t now)
{
    struct evidence evidence = record_evidence(record);
    struct subscription accepted = *record;
    int64_t until = 0;

    assert_int_not_equal(record_held(record, &policy_default, now, &until), held_reason_none);
    assert_true(until > now);
    assert_true(until <= bound_of(record, &record->entitlements.items[0]));
    evidence.accepted_at = now;
    accepted.evidence = &evidence;
    assert_int_equal(record_state(&accepted, &policy_default, now, false), STATE_ENDED);
}

static void nothing_counts_past_its_stated_time(void **state)
{
    (void)state;
    struct random random = random_seeded("nothing_counts_past_its_stated_time");

    for (int i = 0; i < 100000; i++) {
        struct entitlement entitlement = seats;
        struct evidence evidence = {0};
        struct subscription record = {.entitlements = {&entitlement, 1}, .evidence = &evidence};

        entitlement.expires_at = random_chance(&random, 80) ? T : 0;
        record.verified_at = T + random_between(&random, -20 * D, 5 * D);
        if (random_chance(&random, 50))
            evidence.empty_at = record.verified_at - random_between(&random, 0, 20 * D);
        if (evidence.empty_at && random_chance(&random, 50))
            evidence.empty_again_at = evidence.empty_at + 60;
        if (random_chance(&random, 20))
            evidence.succeeded_at = T + random_between(&random, -5 * D, 5 * D);
        if (random_chance(&random, 20))
            evidence.undecided_at = T + random_between(&random, -5 * D, 5 * D);
        if (random_chance(&random, 20))
            evidence.notice = NOTICE_CANCELLED;
        int64_t now = latest(record.verified_at, T + random_between(&random, -20 * D, 30 * D));

        enum counting got = record_counting(&record, &entitlement, &policy_default, now);
        bool counts = got == COUNTING_YES || got == COUNTING_GRACE || got == COUNTING_HELD;
        if (counts)
            assert_true(now < bound_of(&record, &entitlement));
        if (got == COUNTING_HELD)
            assert_shown_and_decidable(&record, now);
        if (record_state(&record, &policy_default, now, false) == STATE_ENDED)
            assert_int_equal(got, COUNTING_ENDED);
    }
}

static void a_policy_travels_whole(void **state)
{
    (void)state;
    const struct policy policy = {1, 2, 3, 4, 5, 6, 7, 8};
    struct decision_policy message = policy_to_message(&policy);
    struct policy again = policy_of_message(&message);

    assert_int_equal(message.grace_ms, 1000);
    assert_memory_equal(&policy, &again, sizeof(policy));
}

static int compare_owners(struct aws_entitlement a, struct aws_entitlement b)
{
    return record_compare_owners(record_row_owner(&a), record_row_owner(&b));
}

#define ROW(...) ((struct aws_entitlement){__VA_ARGS__})

static void a_row_is_of_its_licence_else_its_customer_else_its_account(void **state)
{
    (void)state;
    const struct aws_entitlement nobody = {.dimension = STR("seats")};

    assert_int_equal(
        compare_owners(ROW(.license_arn = STR("arn:aws:license-manager::1:license:l-1"),
                           .account_id = STR("1")),
                       ROW(.license_arn = STR("l-1"), .account_id = STR("2"))),
        0);
    assert_int_not_equal(compare_owners(ROW(.license_arn = STR("l-1"), .account_id = STR("1")),
                                        ROW(.license_arn = STR("l-2"), .account_id = STR("1"))),
                         0);
    assert_int_equal(compare_owners(ROW(.customer_identifier = STR("c"), .account_id = STR("1")),
                                    ROW(.customer_identifier = STR("c"), .account_id = STR("2"))),
                     0);
    assert_int_equal(compare_owners(ROW(.account_id = STR("1"), .dimension = STR("a")),
                                    ROW(.account_id = STR("1"), .dimension = STR("b"))),
                     0);
    assert_int_not_equal(
        compare_owners(ROW(.customer_identifier = STR("1")), ROW(.account_id = STR("1"))), 0);
    assert_int_equal(record_row_owner(&nobody).by, scope_none);
}

/* When AWS is asked from the first call on that lists nothing, none ever listing anything. */
static size_t asked_at(struct subscription *record, int64_t first_s, int64_t *times, size_t most)
{
    struct evidence *evidence = record->evidence;
    enum due_class class;
    size_t count = 0;
    int64_t due;

    record->verified_at = evidence->empty_at = first_s;
    while ((due = record_next_due_s(record, &policy_default, record->verified_at, &class)) != 0 &&
           count < most) {
        assert_int_equal(class, DUE_EXPIRY);
        record->verified_at = due;
        times[count++] = due - first_s;
        if (evidence->empty_again_at == 0 &&
            due >= first_s + record_end_delay_s(record, &policy_default))
            evidence->empty_again_at = due;
    }
    return count;
}

static void an_end_without_a_word_is_asked_about_before_and_after(void **state)
{
    (void)state;
    static const int64_t want[] = {60,   120,  240,  480,   960,   1920,  3600,  3900,  4200,
                                   4800, 6000, 8400, 13200, 22800, 42000, 80400, 157200};
    struct entitlement item = seats;
    struct evidence evidence = {.product_alive_at = T};
    struct subscription record = {
        .entitlements = {&item, 1}, .created_at = D, .evidence = &evidence};
    int64_t times[32];

    item.expires_at = 0;
    size_t count = asked_at(&record, T, times, 32);
    assert_int_equal(count, sizeof(want) / sizeof(want[0]));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(times[i], want[i]);
    /* A renewal deprovisions the old licence too: its own may be listed late. */
    evidence = (struct evidence){.notice = NOTICE_DEPROVISIONED, .notice_at = T};
    assert_int_equal(asked_at(&record, T, times, 32), 11);
    assert_int_equal(times[0], 60);
    assert_int_equal(times[1], 360);
    /* With the agreement's end nothing is asked afterwards. */
    evidence = (struct evidence){.notice = NOTICE_CANCELLED, .notice_at = T};
    assert_int_equal(asked_at(&record, T, times, 32), 1);
    assert_int_equal(times[0], 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entitlements_count_by_date_and_evidence),
        cmocka_unit_test(one_date_to_come_does_not_explain_an_end),
        cmocka_unit_test(nothing_granted_is_pending_not_ended),
        cmocka_unit_test(an_active_successor_ends_a_record),
        cmocka_unit_test(old_answers_are_stale),
        cmocka_unit_test(aws_is_asked_when_dates_say_so),
        cmocka_unit_test(what_was_verified_in_the_future_is_not_believed),
        cmocka_unit_test(a_repeated_date_settles),
        cmocka_unit_test(a_licence_is_known_in_every_spelling),
        cmocka_unit_test(a_record_is_found_by_every_handle),
        cmocka_unit_test(a_change_is_one_line),
        cmocka_unit_test(a_huge_change_stays_one_short_line),
        cmocka_unit_test(nothing_counts_past_its_stated_time),
        cmocka_unit_test(a_policy_travels_whole),
        cmocka_unit_test(a_row_is_of_its_licence_else_its_customer_else_its_account),
        cmocka_unit_test(an_end_without_a_word_is_asked_about_before_and_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
