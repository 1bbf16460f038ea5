/* Whom a request comes from, behind proxies or not, and how much each caller may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/registrar/caller.h"
#include "services/registrar/rate_limit.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(str_of(text), &ip));
    return ip;
}

static void the_caller_is_whom_our_own_proxies_name(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *forwarded_for, *want; /* want NULL: not known */
    } cases[] = {
        {"203.0.113.9", "", "203.0.113.9"},
        /* Whoever is no proxy of ours may claim what they like. */
        {"203.0.113.9", "198.51.100.1", "203.0.113.9"},
        {"203.0.113.9", "127.0.0.1", "203.0.113.9"},
        {"127.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "nonsense, 198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "127.0.0.1,198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "192.0.2.66, 198.51.100.1, 10.1.2.3", "198.51.100.1"},
        {"127.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
        {"127.0.0.1", "2001:db8::7", "2001:db8::7"},
        {"127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"},
        {"127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"},
        {"::1", "198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "", NULL},
        {"127.0.0.1", "10.1.2.3", NULL},
        {"127.0.0.1", "unknown", NULL},
        {"127.0.0.1", "198.51.100.1, [", NULL},
        {"127.0.0.1", "198.51.100.1,", NULL},
    };
    const char *proxies[] = {"127.0.0.0/8", "::1", "10.0.0.0/8"};
    struct arena arena = ARENA_INIT;
    struct caller_rules rules;

    caller_rules_init(&rules, &(struct config_list){proxies, 3}, &arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ip got;
        struct ip peer = ip_of(cases[i].peer);
        bool known = caller_find(&rules, &peer, str_of(cases[i].forwarded_for), &got);
        assert_int_equal(known, cases[i].want != NULL);
        if (cases[i].want) {
            struct ip want = ip_of(cases[i].want);
            assert_memory_equal(&got, &want, sizeof(want));
        }
    }
    arena_done(&arena);
}

static void without_proxies_nobody_is_believed(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct caller_rules rules;
    struct ip got, want = ip_of("127.0.0.1");

    caller_rules_init(&rules, &(struct config_list){NULL, 0}, &arena);
    assert_true(caller_find(&rules, &want, STR("198.51.100.1"), &got));
    assert_memory_equal(&got, &want, sizeof(want));
    arena_done(&arena);
}

static size_t take_all(struct rate_limit *limit, const char *caller, int64_t now_ms)
{
    struct ip ip = ip_of(caller);
    size_t count = 0;

    while (rate_limit_take(limit, &ip, 1, now_ms))
        count++;
    return count;
}

static void a_minutes_worth_may_be_taken_at_once_and_refills(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(60, 100);
    struct ip ip = ip_of("198.51.100.1");

    assert_int_equal(take_all(limit, "198.51.100.1", 1000), 60);
    assert_int_equal(take_all(limit, "198.51.100.1", 1999), 0);
    assert_int_equal(take_all(limit, "198.51.100.1", 2000), 1);
    assert_int_equal(take_all(limit, "198.51.100.1", 12000), 10);
    assert_int_equal(take_all(limit, "198.51.100.1", 3600000), 60);
    assert_true(rate_limit_take(limit, &ip, 10, 3610000));
    assert_false(rate_limit_take(limit, &ip, 10, 3610000));
    rate_limit_free(limit);
}

/* A registration counts as ten, and a vendor may set less for a minute. */
static void what_costs_more_than_a_minutes_worth_waits_for_its_turn(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(5, 100);
    struct ip ip = ip_of("198.51.100.1");

    assert_true(rate_limit_take(limit, &ip, 10, 0));
    assert_false(rate_limit_take(limit, &ip, 10, 119000));
    assert_false(rate_limit_take(limit, &ip, 1, 71000));
    assert_true(rate_limit_take(limit, &ip, 1, 72000));
    assert_true(rate_limit_take(limit, &ip, 10, 132000));
    rate_limit_free(limit);
}

static void callers_do_not_use_up_each_others(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(5, 100);

    assert_int_equal(take_all(limit, "198.51.100.1", 0), 5);
    assert_int_equal(take_all(limit, "198.51.100.2", 0), 5);
    assert_int_equal(take_all(limit, "2001:db8:0:1::1", 0), 5);
    assert_int_equal(take_all(limit, "2001:db8:0:1::2", 0), 0);
    assert_int_equal(take_all(limit, "2001:db8:0:2::1", 0), 5);
    assert_int_equal(take_all(limit, "::ffff:198.51.100.1", 0), 0);
    rate_limit_free(limit);
}

static void the_longest_silent_caller_is_forgotten(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(1, 2);

    assert_int_equal(take_all(limit, "198.51.100.1", 0), 1);
    assert_int_equal(take_all(limit, "198.51.100.2", 0), 1);
    assert_int_equal(take_all(limit, "198.51.100.1", 0), 0);
    assert_int_equal(take_all(limit, "198.51.100.3", 0), 1);
    assert_int_equal(take_all(limit, "198.51.100.1", 0), 0);
    assert_int_equal(take_all(limit, "198.51.100.2", 0), 1);
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caller_is_whom_our_own_proxies_name),
        cmocka_unit_test(without_proxies_nobody_is_believed),
        cmocka_unit_test(a_minutes_worth_may_be_taken_at_once_and_refills),
        cmocka_unit_test(what_costs_more_than_a_minutes_worth_waits_for_its_turn),
        cmocka_unit_test(callers_do_not_use_up_each_others),
        cmocka_unit_test(the_longest_silent_caller_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
