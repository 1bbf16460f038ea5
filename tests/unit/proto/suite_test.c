/* How a daemon becomes part of the suite: by its name and the settings alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/suite/suite.h"
#include "tests/support/endpoint_fixture.h"

/* A store that keeps what it was told last, and the daemon that tells it. */
struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct settings settings;
    struct suite suite;
    char daemon[64], name[64], endpoint[128], figure[64], event[256];
    bool connected;
};

static void keep(char *text, size_t size, struct str value)
{
    snprintf(text, size, STR_FMT, STR_ARG(value));
}

static void on_announce(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const struct announce_params *params = rpc_request_params(request);
    const struct announce_result result = {.peers = {.items = params->peer, .count = 1}};

    keep(stage->daemon, sizeof(stage->daemon), params->peer->daemon);
    keep(stage->name, sizeof(stage->name), params->peer->name);
    if (params->peer->endpoints.count == 1)
        keep(stage->endpoint, sizeof(stage->endpoint), params->peer->endpoints.items[0]);
    if (params->counters.count == 1)
        keep(stage->figure, sizeof(stage->figure), params->counters.items[0].name);
    rpc_reply(request, &result);
    loop_stop(stage->fixture.loop);
}

static void on_event(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const struct record_event_params *params = rpc_request_params(request);

    keep(stage->event, sizeof(stage->event), params->text);
    rpc_reply(request, NULL);
    loop_stop(stage->fixture.loop);
}

static const struct rpc_route routes[] = {
    {METHOD_store_announce, on_announce},
    {METHOD_store_record_event, on_event},
    {0, NULL},
};

static int open_stage(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->server = fixture_server(&stage->fixture, routes, stage, false);
    stage->settings.poller.curve_certificate = stage->settings.checker.curve_certificate =
        stage->settings.store.curve_certificate = stage->settings.store.allowed_keys =
            stage->settings.checker.allowed_keys = stage->settings.entitled.store_certificate = "";
    stage->settings.entitled.store_endpoint = stage->fixture.rpc;
    stage->settings.entitled.key_directory = stage->fixture.directory;
    *state = stage;
    return 0;
}

static int close_stage(void **state)
{
    struct stage *stage = *state;

    suite_close(&stage->suite);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void on_store(void *arg, bool connected)
{
    struct stage *stage = arg;

    stage->connected = connected;
}

static struct suite_options options_of(struct stage *stage, const char *daemon,
                                       const char *instance)
{
    return (struct suite_options){.loop = stage->fixture.loop,
                                  .settings = &stage->settings,
                                  .daemon = daemon,
                                  .instance = instance,
                                  .without_store = "nothing happens",
                                  .on_store = on_store,
                                  .arg = stage};
}

static void open_suite(struct stage *stage, const char *daemon, const char *instance)
{
    const struct suite_options options = options_of(stage, daemon, instance);
    struct error error;

    if (suite_open(&stage->suite, &options, &error) < 0)
        fail_msg("%s", error.text);
}

static struct counter_list one_figure(void *arg, struct arena *arena)
{
    struct counter_list list = {.items = arena_alloc_array(arena, 1, sizeof(*list.items)),
                                .count = 1};
    (void)arg;

    list.items[0] = (struct counter){STR("a_figure"), 1};
    return list;
}

static void a_daemon_is_listed_with_its_figures(void **state)
{
    struct stage *stage = *state;

    open_suite(stage, "poller", "2");
    suite_announce(&stage->suite, &(struct announcement_options){.figures = one_figure});
    loop_run(stage->fixture.loop);
    assert_string_equal(stage->daemon, "entitled-poller");
    assert_string_equal(stage->name, "2");
    assert_string_equal(stage->figure, "a_figure");
    assert_true(stage->connected);
}

static void a_daemon_is_listed_with_its_endpoints_and_learns_of_others(void **state)
{
    struct stage *stage = *state;

    open_suite(stage, "checker", "1");
    assert_int_equal(suite_guard(&stage->suite, &stage->fixture.feed, &(struct error){""}), 0);
    suite_announce(&stage->suite,
                   &(struct announcement_options){.endpoints = &stage->fixture.feed});
    while (suite_peers(&stage->suite).count == 0)
        loop_turn(stage->fixture.loop, -1);
    assert_string_equal(stage->endpoint, stage->fixture.feed_address);
    assert_true(str_eq_text(suite_peers(&stage->suite).items[0].name, "1"));
}

static void what_it_turned_away_is_journalled_in_its_name(void **state)
{
    const struct {
        const char *instance, *event;
    } cases[] = {{"1", "poller: something"}, {"b", "poller b: something"}};
    struct stage *stage = *state;

    for (size_t i = 0; i < 2; i++) {
        open_suite(stage, "poller", cases[i].instance);
        suite_refused(&stage->suite, "something");
        loop_run(stage->fixture.loop);
        assert_string_equal(stage->event, cases[i].event);
        suite_close(&stage->suite);
    }
}

static void refuse_nobody(void *arg, const char *last, uint64_t count)
{
    (void)arg;
    (void)last;
    (void)count;
}

static void the_store_asks_no_store(void **state)
{
    struct stage *stage = *state;
    struct suite_options options = options_of(stage, "store", "1");
    struct error error;

    options.on_refused = refuse_nobody;
    assert_int_equal(suite_open(&stage->suite, &options, &error), 0);
    assert_null(stage->suite.store);
    assert_int_equal(suite_guard(&stage->suite, &stage->fixture.feed, &error), 0);
}

static void over_tcp_it_needs_its_own_certificate(void **state)
{
    static const char *tcp[] = {"tcp://127.0.0.1:1"};
    const struct config_list addresses = {tcp, 1};
    struct stage *stage = *state;
    struct suite_options options = options_of(stage, "poller", "1");
    struct config_list feed;
    struct error error;

    stage->settings.entitled.store_feed_endpoint = addresses;
    open_suite(stage, "poller", "1");
    assert_int_equal(suite_store_feed(&stage->suite, &feed, &error), -1);
    assert_non_null(strstr(error.text, "poller.cert_secret"));
    assert_int_equal(suite_guard(&stage->suite, &addresses, &error), -1);
    assert_non_null(strstr(error.text, "poller.cert_secret"));
    suite_close(&stage->suite);

    stage->settings.entitled.store_endpoint = addresses;
    assert_int_equal(suite_open(&stage->suite, &options, &error), -1);
    assert_non_null(strstr(error.text, "poller.cert_secret"));
}

int main(void)
{
#define SUITE_TEST(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        SUITE_TEST(a_daemon_is_listed_with_its_figures),
        SUITE_TEST(a_daemon_is_listed_with_its_endpoints_and_learns_of_others),
        SUITE_TEST(what_it_turned_away_is_journalled_in_its_name),
        SUITE_TEST(the_store_asks_no_store),
        SUITE_TEST(over_tcp_it_needs_its_own_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
