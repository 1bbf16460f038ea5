/* Announcements in any order, of purchases that came and went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/events_fixture.h"

/* Two licences of one customer, of a listing whose SNS messages name neither. */
static void begin_two_licences(struct fixture *f, int64_t at_s)
{
    static const char *const keys[] = {FIRST_KEY, SECOND_KEY};

    for (size_t i = 0; i < 2; i++) {
        struct register_params params = {.product_code = STR(PRODUCT),
                                         .license_arn = arena_printf(&f->arena, ARN("%s"), keys[i]),
                                         .account_id = STR(ACCOUNT),
                                         .customer_identifier = STR("customer-1")};
        struct register_result result = {0};
        assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
        fixture_apply(f, fixture_of_license(f, keys[i]).id, SCOPE_LICENSE, at_s,
                      ROWS_OF(SEATS(9, .license_arn = params.license_arn)));
    }
}

static enum notice notice_of(struct fixture *f, const char *key)
{
    struct subscription record = fixture_of_license(f, key);

    return record_evidence(&record).notice;
}

static void of_several_licences_sns_ends_none(void **state)
{
    struct fixture *f = *state;

    begin_two_licences(f, NOW);
    assert_int_equal(sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW + 10).subscriptions.count, 2);
    assert_int_equal(notice_of(f, FIRST_KEY), notice_none);
    assert_int_equal(notice_of(f, SECOND_KEY), notice_none);
    assert_int_equal(due_class_of(f, fixture_of_license(f, SECOND_KEY).id), DUE_NOTIFICATION);
}

/* Bought and cancelled before AWS listed a licence of it. */
static void an_end_may_be_that_of_a_purchase_nobody_saw(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .license_arn = STR(ARN(FIRST_KEY)),
                                     .account_id = STR(ACCOUNT),
                                     .customer_identifier = STR("customer-1")};
    struct register_result result = {0};
    int64_t now_s = clock_wall_s();

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    fixture_make_older(f, FIRST_KEY, 86400);
    fixture_apply(f, fixture_of_license(f, FIRST_KEY).id, SCOPE_LICENSE, now_s - 3600,
                  ROWS_OF(SEATS(9, .license_arn = params.license_arn)));
    sns(f, EVENT_SUBSCRIBE_SUCCESS, now_s - 20);
    sns(f, EVENT_UNSUBSCRIBE_SUCCESS, now_s - 10);
    assert_int_equal(notice_of(f, FIRST_KEY), notice_none);
}

/* The second has ended; what is announced about then may be its end, and hours later is not. */
static void what_has_ended_long_before_is_not_meant(void **state)
{
    struct fixture *f = *state;

    begin_two_licences(f, NOW);
    struct str second = fixture_of_license(f, SECOND_KEY).id;
    for (int64_t at_s = NOW + 20; at_s <= NOW + 120; at_s += 100)
        fixture_apply(f, second, SCOPE_ACCOUNT, at_s,
                      ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY)))));
    sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW + 1000);
    assert_int_equal(notice_of(f, FIRST_KEY), notice_none);
    sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW + 8000);
    assert_int_equal(notice_of(f, FIRST_KEY), NOTICE_UNSUBSCRIBED);
    assert_int_equal(notice_of(f, SECOND_KEY), notice_none);
}

/* Cancelled, bought again, listed: in whatever order the three come to be known. */
static void play_bought_again(struct fixture *f, const int order[3])
{
    struct str id = only_record(f).id;

    for (size_t i = 0; i < 3; i++) {
        if (order[i] == 0)
            sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW + 10);
        else if (order[i] == 1)
            sns(f, EVENT_SUBSCRIBE_SUCCESS, NOW + 600);
        else
            fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 700, ROWS_OF(SEATS(5)));
    }
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 800, NO_ROWS);
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 900, NO_ROWS);
    struct subscription record = only_record(f);
    assert_int_equal(record_evidence(&record).notice, notice_none);
    assert_int_equal(record_state(&record, &f->books.policy, NOW + 1000, false), STATE_HELD);
}

/* Plays it once for each order of its three. */
static void in_every_order(void **state, void (*play)(struct fixture *f, const int order[3]))
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct fixture *f = *state;
        sns(f, EVENT_ENTITLEMENT_UPDATED, NOW - 10);
        play(f, orders[i]);
        fixture_tear_down(state);
        fixture_set_up(state);
    }
}

static void a_later_purchase_refutes_the_end_of_an_earlier_one(void **state)
{
    in_every_order(state, play_bought_again);
}

/* Bought, listed, cancelled, and all of it in one second. */
static void play_bought_and_cancelled(struct fixture *f, const int order[3])
{
    struct str id = only_record(f).id;

    for (size_t i = 0; i < 3; i++) {
        if (order[i] == 0)
            sns(f, EVENT_SUBSCRIBE_SUCCESS, NOW);
        else if (order[i] == 1)
            sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW);
        else
            fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(5)));
    }
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW, NO_ROWS);
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 100, NO_ROWS);
    struct subscription record = only_record(f);
    assert_int_equal(record_evidence(&record).notice, NOTICE_UNSUBSCRIBED);
    assert_int_equal(record_state(&record, &f->books.policy, NOW + 200, false), STATE_ENDED);
}

static void an_end_in_the_second_of_its_purchase_is_its_end(void **state)
{
    in_every_order(state, play_bought_and_cancelled);
}

static void what_was_only_bought_before_stays_ended(void **state)
{
    struct fixture *f = *state;

    sns(f, EVENT_SUBSCRIBE_SUCCESS, NOW - 10);
    fixture_apply(f, only_record(f).id, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(5)));
    sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW + 10);
    fixture_apply(f, only_record(f).id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 20, NO_ROWS);
    fixture_apply(f, only_record(f).id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 120, NO_ROWS);
    sns(f, EVENT_SUBSCRIBE_SUCCESS, NOW + 600);
    struct subscription record = only_record(f);
    assert_int_equal(record_state(&record, &f->books.policy, NOW + 700, false), STATE_ENDED);
}

/* A record without what depends on chance and order: ids, versions, times of writing. */
static struct str essence(struct fixture *f, const struct subscription *record)
{
    struct evidence evidence = record_evidence(record);
    struct subscription other = {0};
    struct str predecessor = STR("-"), successor = STR("-");

    if (record->predecessor.len > 0 &&
        records_get(f->books.db, record->predecessor, &f->arena, &other))
        predecessor = other.license_key;
    if (record->successor.len > 0 && records_get(f->books.db, record->successor, &f->arena, &other))
        successor = other.license_key;
    return arena_printf(&f->arena,
                        STR_FMT ": agreement " STR_FMT ", offer " STR_FMT ", after " STR_FMT
                                ", before " STR_FMT ", notice %s at %lld, succeeded %lld\n",
                        STR_ARG(record->license_key), STR_ARG(record->agreement_id),
                        STR_ARG(record->offer_id), STR_ARG(predecessor), STR_ARG(successor),
                        choice_text(&enumeration_notice, evidence.notice),
                        (long long)evidence.notice_at, (long long)evidence.succeeded_at);
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct str essence_of_all(struct fixture *f)
{
    struct subscription_list all = fixture_all(f);
    struct str texts[8] = {{0}};
    struct buf buf = BUF_INIT;

    assert_true(all.count <= 8);
    for (size_t i = 0; i < all.count; i++)
        texts[i] = essence(f, &all.items[i]);
    qsort(texts, all.count, sizeof(texts[0]), compare_texts);
    for (size_t i = 0; i < all.count; i++)
        buf_append_str(&buf, texts[i]);
    struct str text = arena_str(&f->arena, buf_str(&buf));
    buf_done(&buf);
    return text;
}

enum { EVENTS_MAX = 5 };

struct story {
    const char *name;
    struct notification events[EVENTS_MAX];
    size_t count;
    const char *want;
};

#define LICENSE_EVENT(word, key, agreement, offer, at)                                             \
    {                                                                                              \
        .kind = EVENT_LICENSE_##word, .product_code = STR_INIT(PRODUCT),                           \
        .account_id = STR_INIT(ACCOUNT), .license = STR_INIT(key),                                 \
        .agreement_id = STR_INIT(agreement), .offer_id = STR_INIT(offer), .event_time = (at)       \
    }
#define CREATED(agreement, why, previous, offer, at)                                               \
    {                                                                                              \
        .kind = EVENT_AGREEMENT_CREATED, .account_id = STR_INIT(ACCOUNT),                          \
        .agreement_id = STR_INIT(agreement), .intent = STR_INIT(why),                              \
        .previous_agreement_id = STR_INIT(previous), .offer_id = STR_INIT(offer),                  \
        .event_time = (at)                                                                         \
    }
#define ENDED(agreement, word, offer, at)                                                          \
    {                                                                                              \
        .kind = EVENT_AGREEMENT_ENDED, .account_id = STR_INIT(ACCOUNT),                            \
        .agreement_id = STR_INIT(agreement), .status = STR_INIT(word),                             \
        .offer_id = STR_INIT(offer), .event_time = (at)                                            \
    }

static const struct story stories[] = {
    {.name = "a renewal that names the agreement before it",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                ENDED("agmt-1", "RENEWED", "offer-1", 200),
                CREATED("agmt-2", "RENEW", "agmt-1", "offer-2", 201),
                LICENSE_EVENT(UPDATED, SECOND_KEY, "agmt-2", "offer-2", 202)},
     .count = 4,
     .want = FIRST_KEY ": agreement agmt-1, offer offer-1, after -, before " SECOND_KEY
                       ", notice  at 0, succeeded 201\n" SECOND_KEY
                       ": agreement agmt-2, offer offer-2, after " FIRST_KEY
                       ", before -, notice  at 0, succeeded 0\n"},
    {.name = "a renewal that does not, its first licence event lost",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                ENDED("agmt-1", "RENEWED", "offer-1", 200),
                CREATED("agmt-2", "RENEW", "", "offer-2", 201),
                LICENSE_EVENT(UPDATED, SECOND_KEY, "agmt-2", "offer-2", 202)},
     .count = 4,
     .want = FIRST_KEY ": agreement agmt-1, offer offer-1, after -, before " SECOND_KEY
                       ", notice  at 0, succeeded 200\n" SECOND_KEY
                       ": agreement agmt-2, offer offer-2, after " FIRST_KEY
                       ", before -, notice  at 0, succeeded 0\n"},
    {.name = "a renewal whose end was lost",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                CREATED("agmt-2", "RENEW", "agmt-1", "offer-2", 201),
                LICENSE_EVENT(UPDATED, SECOND_KEY, "agmt-2", "offer-2", 202)},
     .count = 3,
     .want = FIRST_KEY ": agreement agmt-1, offer offer-1, after -, before " SECOND_KEY
                       ", notice  at 0, succeeded 201\n" SECOND_KEY
                       ": agreement agmt-2, offer offer-2, after " FIRST_KEY
                       ", before -, notice  at 0, succeeded 0\n"},
    {.name = "a replacement that keeps the licence",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                ENDED("agmt-1", "REPLACED", "offer-1", 200),
                CREATED("agmt-2", "REPLACE", "agmt-1", "offer-2", 200),
                LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-2", "offer-2", 202)},
     .count = 4,
     .want = FIRST_KEY ": agreement agmt-2, offer offer-2, after -, before -, notice  at 0, "
                       "succeeded 0\n"},
    {.name = "a replacement that keeps the licence, deprovisioned in between",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                LICENSE_EVENT(DEPROVISIONED, FIRST_KEY, "agmt-1", "offer-1", 150),
                ENDED("agmt-1", "CANCELLED", "offer-1", 140),
                LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-2", "offer-2", 202)},
     .count = 4,
     .want = FIRST_KEY ": agreement agmt-2, offer offer-2, after -, before -, notice  at 0, "
                       "succeeded 0\n"},
    {.name = "a cancellation",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                CREATED("agmt-1", "NEW", "", "offer-1", 90),
                ENDED("agmt-1", "CANCELLED", "offer-1", 200),
                LICENSE_EVENT(DEPROVISIONED, FIRST_KEY, "agmt-1", "offer-1", 210)},
     .count = 4,
     .want = FIRST_KEY ": agreement agmt-1, offer offer-1, after -, before -, notice "
                       "DEPROVISIONED at 210, succeeded 0\n"},
    {.name = "a chain of two renewals",
     .events = {LICENSE_EVENT(UPDATED, FIRST_KEY, "agmt-1", "offer-1", 100),
                CREATED("agmt-2", "RENEW", "agmt-1", "offer-1", 200),
                LICENSE_EVENT(UPDATED, SECOND_KEY, "agmt-2", "offer-1", 202),
                CREATED("agmt-3", "RENEW", "agmt-2", "offer-1", 300),
                LICENSE_EVENT(UPDATED, THIRD_KEY, "agmt-3", "offer-1", 302)},
     .count = 5,
     .want = FIRST_KEY ": agreement agmt-1, offer offer-1, after -, before " SECOND_KEY
                       ", notice  at 0, succeeded 200\n" SECOND_KEY
                       ": agreement agmt-2, offer offer-1, after " FIRST_KEY ", before " THIRD_KEY
                       ", notice  at 0, succeeded 300\n" THIRD_KEY
                       ": agreement agmt-3, offer offer-1, after " SECOND_KEY
                       ", before -, notice  at 0, succeeded 0\n"},
};

static void play(const struct story *story, const size_t *order)
{
    void *state;

    fixture_set_up(&state);
    struct fixture *f = state;
    for (size_t i = 0; i < story->count; i++)
        fixture_notify(f, story->events[order[i]]);
    struct str got = essence_of_all(f);
    if (!str_eq(got, str_of(story->want))) {
        for (size_t i = 0; i < story->count; i++)
            print_error("%zu ", order[i]);
        fail_msg("%s:\n%swant:\n%s", story->name, got.ptr, story->want);
    }
    fixture_tear_down(&state);
}

static size_t play_all_orders(const struct story *story, size_t *order, size_t chosen)
{
    size_t played = 0;

    if (chosen == story->count) {
        play(story, order);
        return 1;
    }
    for (size_t i = chosen; i < story->count; i++) {
        size_t swap = order[chosen];
        order[chosen] = order[i];
        order[i] = swap;
        played += play_all_orders(story, order, chosen + 1);
        order[i] = order[chosen];
        order[chosen] = swap;
    }
    return played;
}

static void any_order_makes_the_same_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        size_t order[EVENTS_MAX] = {0, 1, 2, 3, 4};
        assert_true(play_all_orders(&stories[i], order, 0) >= 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(of_several_licences_sns_ends_none),
        fixture_test(an_end_may_be_that_of_a_purchase_nobody_saw),
        fixture_test(what_has_ended_long_before_is_not_meant),
        fixture_test(a_later_purchase_refutes_the_end_of_an_earlier_one),
        fixture_test(an_end_in_the_second_of_its_purchase_is_its_end),
        fixture_test(what_was_only_bought_before_stays_ended),
        cmocka_unit_test(any_order_makes_the_same_records),
    };

    return cmocka_run_group_tests_name("services/store_events", tests, NULL, NULL);
}
