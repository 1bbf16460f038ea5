/* TCP endpoints: who is let in, who is not, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <zmq.h>

#include "proto/endpoint/client.h"
#include "proto/endpoint/curve.h"
#include "proto/endpoint/feed.h"
#include "tests/support/endpoint_fixture.h"

enum { PATIENCE_MS = 30000, LOOK_MS = 20 };

/* A server that answers ping over ipc and TCP, and two who ask: friend is in its list, at first. */
struct stage {
    struct endpoint_fixture fixture; /* its context is the server's */
    struct endpoint_context *asking;
    char tcp_address[64], feed_address[64];
    char path[4][160]; /* server.cert, friend.cert, stranger.cert, allowed/ */
    struct admission *admission;
    struct rpc_server *server;
    enum rpc_error code;
    char message[256];
    uint64_t refusals; /* before the question */
    struct loop_timer *look;
    char told[256];
    unsigned tellings;
    bool heard;
};

enum { SERVER, FRIEND, STRANGER, ALLOWED };

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 42});
}

static const struct rpc_route routes[] = {{METHOD_query_ping, on_ping}, {0, NULL}};

static void on_refused(void *arg, const char *last, uint64_t count)
{
    struct stage *stage = arg;

    assert_true(count > 0);
    snprintf(stage->told, sizeof(stage->told), "%s", last);
    stage->tellings++;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

static void make(const struct stage *stage, const char *name)
{
    const struct certificate_note note = {"x", "y", "z"};
    struct curve_keys keys;
    struct error error;

    if (certificate_make(stage->fixture.directory, name, &note, &keys, &error) < 0)
        fail_msg("%s", error.text);
}

static void allow(const struct stage *stage, int who)
{
    cleanup(mem_freep) char *command =
        mem_printf("cp '%s' '%s/'", stage->path[who], stage->path[ALLOWED]);

    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    static const char *const names[] = {"server.cert", "friend.cert", "stranger.cert", "allowed"};
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->asking = endpoint_context_new();
    snprintf(stage->tcp_address, sizeof(stage->tcp_address), "tcp://127.0.0.1:%d", free_port());
    snprintf(stage->feed_address, sizeof(stage->feed_address), "tcp://127.0.0.1:%d", free_port());
    for (int i = SERVER; i <= ALLOWED; i++)
        snprintf(stage->path[i], sizeof(stage->path[i]), "%s/%s", stage->fixture.directory,
                 names[i]);
    for (int i = SERVER; i <= STRANGER; i++)
        make(stage, names[i]);
    assert_int_equal(mkdir(stage->path[ALLOWED], 0700), 0);
    allow(stage, FRIEND);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *command = mem_printf("rm -rf '%s'", stage->path[ALLOWED]);

    rpc_server_close(stage->server);
    admission_close(stage->admission);
    endpoint_context_free(stage->asking);
    assert_int_equal(system(command), 0);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static int guard(struct stage *stage, const char *address, struct error *error)
{
    const struct config_list list = {&address, 1};
    const struct admission_options options = {.loop = stage->fixture.loop,
                                              .context = stage->fixture.context,
                                              .allowed_keys = stage->path[ALLOWED],
                                              .on_refused = on_refused,
                                              .arg = stage};

    return curve_before_bind(&stage->admission, &list, stage->path[SERVER], &options, error);
}

static void serve(struct stage *stage, bool threaded)
{
    const char *items[] = {stage->fixture.rpc_address, stage->tcp_address};
    const struct config_list addresses = {items, 2};
    const struct rpc_server_options options = {.context = stage->fixture.context,
                                               .binding = fixture_binding(&addresses),
                                               .routes = routes,
                                               .arg = stage};
    struct error error;

    int err = guard(stage, stage->tcp_address, &error);
    if (err == 0)
        err = threaded ? rpc_server_open_threaded(&stage->server, &options, &error)
                       : rpc_server_open(&stage->server, stage->fixture.loop, &options, &error);
    if (err < 0)
        fail_msg("%s", error.text);
}

static void on_done(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    stage->code = response->code;
    snprintf(stage->message, sizeof(stage->message), STR_FMT, STR_ARG(response->message));
    loop_stop(stage->fixture.loop);
}

static enum rpc_error ping(struct stage *stage, struct rpc_client *client, int64_t timeout_ms)
{
    rpc_call(client, METHOD_query_ping, NULL, timeout_ms, STR_NONE, on_done, stage);
    loop_run(stage->fixture.loop);
    return stage->code;
}

static int prepare(struct stage *stage, struct endpoint_context *context, int who, int server,
                   const char *address, struct error *error)
{
    const struct config_list list = {&address, 1};
    const char *expected = stage->path[server];
    const struct config_list servers = {&expected, 1};

    return curve_before_connect(context, &list, stage->path[who], &servers, error);
}

static struct rpc_client *connect_to(struct stage *stage, struct endpoint_context *context,
                                     const char *address)
{
    const struct config_list list = {&address, 1};
    struct rpc_client *client;
    struct error error;

    if (rpc_client_open(&client, stage->fixture.loop, context, &list, &error) < 0)
        fail_msg("%s", error.text);
    return client;
}

/* The code of a ping over TCP by who, to somebody who must have the server's certificate. */
static enum rpc_error ask_as(struct stage *stage, int who, int server, int64_t timeout_ms)
{
    struct endpoint_context *context = endpoint_context_new();
    struct error error;

    assert_int_equal(prepare(stage, context, who, server, stage->tcp_address, &error), 0);
    struct rpc_client *client = connect_to(stage, context, stage->tcp_address);
    enum rpc_error code = ping(stage, client, timeout_ms);
    rpc_client_close(client);
    endpoint_context_free(context);
    return code;
}

static uint64_t refusals(const struct stage *stage)
{
    struct admission_stats stats = admission_stats(stage->admission);

    return stats.keys_refused + stats.not_handshaken;
}

static void look(void *arg)
{
    struct stage *stage = arg;

    stage->look = NULL;
    if (refusals(stage) > stage->refusals)
        loop_stop(stage->fixture.loop);
    else
        stage->look = loop_after(stage->fixture.loop, LOOK_MS, look, stage);
}

/* Whether the server turned one away before it answered. */
static bool is_refused_as(struct stage *stage, int who, int server)
{
    stage->refusals = refusals(stage);
    look(stage);
    stage->code = ERROR_UNAVAILABLE;
    enum rpc_error code = ask_as(stage, who, server, PATIENCE_MS);
    loop_cancel(stage->look);
    stage->look = NULL;
    return code == ERROR_UNAVAILABLE && refusals(stage) > stage->refusals;
}

static void a_key_of_the_list_is_let_in(void **state)
{
    struct stage *stage = *state;

    serve(stage, false);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_int_equal(admission_stats(stage->admission).admitted, 1);
    assert_int_equal(admission_stats(stage->admission).keys_refused, 0);
    assert_int_equal(stage->tellings, 0);
}

static void a_thread_of_its_own_lets_in_the_same(void **state)
{
    struct stage *stage = *state;

    serve(stage, true);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_true(is_refused_as(stage, STRANGER, SERVER));
}

static void a_strange_key_is_refused_counted_and_told_once(void **state)
{
    struct stage *stage = *state;
    struct curve_keys keys;

    serve(stage, false);
    assert_true(is_refused_as(stage, STRANGER, SERVER));
    assert_true(is_refused_as(stage, STRANGER, SERVER));
    assert_true(admission_stats(stage->admission).keys_refused >= 2);
    assert_int_equal(admission_stats(stage->admission).admitted, 0);
    assert_int_equal(stage->tellings, 1);
    assert_int_equal(certificate_load(stage->path[STRANGER], &keys, NULL, NULL), 0);
    assert_non_null(strstr(stage->told, keys.public_key));
    assert_non_null(strstr(stage->told, "from 127.0.0.1"));
}

static void who_is_refused_is_told_why(void **state)
{
    struct stage *stage = *state;

    serve(stage, false);
    assert_int_equal(ask_as(stage, STRANGER, SERVER, 2000), ERROR_UNAVAILABLE);
    assert_non_null(strstr(stage->message, "does not allow our key"));
}

static void a_withdrawn_key_makes_no_new_connection(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *file = mem_printf("%s/friend.cert", stage->path[ALLOWED]);

    serve(stage, false);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_int_equal(unlink(file), 0);
    assert_true(is_refused_as(stage, FRIEND, SERVER));
    assert_true(admission_stats(stage->admission).keys_refused >= 1);
    allow(stage, FRIEND);
    allow(stage, STRANGER);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_int_equal(ask_as(stage, STRANGER, SERVER, PATIENCE_MS), ERROR_NONE);
}

/* A peer with libzmq and nothing of ours. */
static void ask_plainly(struct stage *stage, const char *address)
{
    void *context = zmq_ctx_new();
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    const int linger_ms = 0;

    assert_int_equal(zmq_setsockopt(dealer, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)), 0);
    assert_int_equal(zmq_connect(dealer, address), 0);
    assert_int_equal(zmq_send(dealer, "\x94\x00\x01\xa4ping\x90", 9, 0), 9);
    for (int i = 0; i < PATIENCE_MS / 100; i++) {
        if (admission_stats(stage->admission).not_handshaken > 0)
            break;
        loop_after(stage->fixture.loop, 100, (loop_timer_fn *)loop_stop, stage->fixture.loop);
        loop_run(stage->fixture.loop);
    }
    char answer[64];
    assert_int_equal(zmq_recv(dealer, answer, sizeof(answer), ZMQ_DONTWAIT), -1);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

static void who_speaks_no_curve_is_refused_and_counted(void **state)
{
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    serve(stage, false);
    ask_plainly(stage, stage->tcp_address);
    assert_true(admission_stats(stage->admission).not_handshaken > 0);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.requests, 0);
}

static void a_server_with_another_key_is_not_believed(void **state)
{
    struct stage *stage = *state;

    serve(stage, false);
    assert_true(is_refused_as(stage, FRIEND, STRANGER));
    assert_int_equal(admission_stats(stage->admission).admitted, 0);
    assert_true(admission_stats(stage->admission).not_handshaken > 0);
}

static void ipc_beside_tcp_needs_no_key(void **state)
{
    struct stage *stage = *state;
    struct rpc_client *client;

    serve(stage, false);
    client = connect_to(stage, stage->asking, stage->fixture.rpc_address);
    assert_int_equal(ping(stage, client, PATIENCE_MS), ERROR_NONE);
    rpc_client_close(client);
}

static void on_event(void *arg, enum event_id event, const void *params)
{
    struct stage *stage = arg;

    (void)params;
    stage->heard = event == EVENT_feed_heartbeat;
    loop_stop(stage->fixture.loop);
}

struct beat {
    struct stage *stage;
    struct feed_publisher *publisher;
    struct loop_timer *timer;
    int left;
};

static void publish(void *arg)
{
    struct beat *beat = arg;

    feed_publish(beat->publisher, EVENT_feed_heartbeat,
                 &(struct heartbeat_event){.incarnation = STR("one")});
    beat->timer = NULL;
    if (beat->left-- > 0 && refusals(beat->stage) == 0)
        beat->timer = loop_after(beat->stage->fixture.loop, 20, publish, beat);
    else
        loop_stop(beat->stage->fixture.loop);
}

/* Whether who hears a feed that is bound over TCP. */
static bool hears(struct stage *stage, int who, int beats)
{
    const char *address = stage->feed_address;
    const struct config_list list = {&address, 1};
    const struct endpoint_binding binding = fixture_binding(&list);
    struct endpoint_context *context = endpoint_context_new();
    struct beat beat = {.stage = stage, .left = beats};
    struct feed_subscriber *subscriber;
    struct error error;

    stage->heard = false;
    assert_int_equal(guard(stage, address, &error), 0);
    assert_int_equal(feed_publisher_open(&beat.publisher, stage->fixture.loop,
                                         stage->fixture.context, &binding, &error),
                     0);
    assert_int_equal(prepare(stage, context, who, SERVER, address, &error), 0);
    assert_int_equal(feed_subscriber_open(&subscriber, stage->fixture.loop, context, &list,
                                          on_event, stage, &error),
                     0);
    publish(&beat);
    loop_run(stage->fixture.loop);
    loop_cancel(beat.timer);
    feed_subscriber_close(subscriber);
    feed_publisher_close(beat.publisher);
    endpoint_context_free(context);
    return stage->heard;
}

static void a_feed_is_heard_with_a_key_of_the_list_only(void **state)
{
    struct stage *stage = *state;

    assert_true(hears(stage, FRIEND, PATIENCE_MS / 20));
    snprintf(stage->feed_address, sizeof(stage->feed_address), "tcp://127.0.0.1:%d", free_port());
    assert_false(hears(stage, STRANGER, PATIENCE_MS / 20));
    assert_true(admission_stats(stage->admission).keys_refused > 0);
}

static void tcp_without_keys_is_an_error(void **state)
{
    struct stage *stage = *state;
    const char *address = stage->tcp_address;
    const struct config_list list = {&address, 1};
    const struct rpc_server_options options = {
        .context = stage->fixture.context, .binding = fixture_binding(&list), .routes = routes};
    struct rpc_client *client;
    struct error error;

    assert_int_equal(rpc_server_open(&stage->server, stage->fixture.loop, &options, &error), -1);
    assert_non_null(strstr(error.text, "needs CURVE"));
    stage->server = NULL;
    assert_int_equal(rpc_client_open(&client, stage->fixture.loop, stage->asking, &list, &error),
                     -1);
    assert_non_null(strstr(error.text, "a CURVE key pair of our own"));
    assert_int_equal(prepare(stage, stage->asking, FRIEND, SERVER, "tcp://127.0.0.1:1", &error), 0);
    assert_int_equal(rpc_client_open(&client, stage->fixture.loop, stage->asking, &list, &error),
                     -1);
    assert_non_null(strstr(error.text, "the public key of who answers there"));
}

static void what_is_missing_is_named(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *secret = mem_printf("%s_secret", stage->path[SERVER]);
    cleanup(mem_freep) char *hidden = mem_printf("%s/hidden", stage->fixture.directory);
    cleanup(mem_freep) char *allowed = mem_printf("%s/friend.cert", stage->path[ALLOWED]);
    struct error error;

    assert_int_equal(rename(secret, hidden), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), -1);
    assert_non_null(strstr(error.text, "entitlectl keys make"));
    assert_non_null(strstr(error.text, "server.cert_secret"));
    assert_int_equal(guard(stage, stage->fixture.rpc_address, &error), 0);
    assert_int_equal(rename(hidden, secret), 0);

    assert_int_equal(unlink(allowed), 0);
    assert_int_equal(rmdir(stage->path[ALLOWED]), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), -1);
    assert_non_null(strstr(error.text, stage->path[ALLOWED]));
    assert_int_equal(mkdir(stage->path[ALLOWED], 0700), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), 0);

    assert_int_equal(unlink(stage->path[STRANGER]), 0);
    cleanup(mem_freep) char *strangers = mem_printf("%s_secret", stage->path[STRANGER]);
    assert_int_equal(unlink(strangers), 0);
    assert_int_equal(prepare(stage, stage->asking, FRIEND, STRANGER, stage->tcp_address, &error),
                     -1);
    assert_non_null(strstr(error.text, stage->path[STRANGER]));
}

static void each_address_has_its_own_server(void **state)
{
    struct stage *stage = *state;
    const char *items[] = {"tcp://127.0.0.1:1", stage->fixture.rpc_address, "tcp://127.0.0.1:2"};
    const struct config_list addresses = {items, 3};
    const char *paths[] = {stage->path[SERVER], stage->path[STRANGER]};
    const struct config_list both = {paths, 2}, none = {paths, 0};
    struct error error;

    assert_int_equal(
        curve_before_connect(stage->asking, &addresses, stage->path[FRIEND], &both, &error), 0);
    assert_int_equal(
        curve_before_connect(stage->asking, &addresses, stage->path[FRIEND], &none, &error), -1);
    serve(stage, false);
    /* Said anew, it is the new word that counts. */
    assert_int_equal(prepare(stage, stage->asking, FRIEND, STRANGER, stage->tcp_address, &error),
                     0);
    assert_int_equal(prepare(stage, stage->asking, FRIEND, SERVER, stage->tcp_address, &error), 0);
    struct rpc_client *client = connect_to(stage, stage->asking, stage->tcp_address);
    assert_int_equal(ping(stage, client, PATIENCE_MS), ERROR_NONE);
    rpc_client_close(client);
}

static void two_halves_of_different_pairs_are_refused(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *secret = mem_printf("%s_secret", stage->path[SERVER]);
    struct curve_keys first, second;
    struct error error;

    assert_int_equal(certificate_load_secret(stage->path[SERVER], &first, &error), 0);
    assert_int_equal(certificate_load_secret(stage->path[FRIEND], &second, &error), 0);
    FILE *file = fopen(secret, "w");
    assert_non_null(file);
    fprintf(file, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", first.public_key,
            second.secret_key);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), -1);
    assert_non_null(strstr(error.text, "no pair"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_of_the_list_is_let_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thread_of_its_own_lets_in_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_strange_key_is_refused_counted_and_told_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_refused_is_told_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawn_key_makes_no_new_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_speaks_no_curve_is_refused_and_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_server_with_another_key_is_not_believed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ipc_beside_tcp_needs_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_feed_is_heard_with_a_key_of_the_list_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tcp_without_keys_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_address_has_its_own_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_halves_of_different_pairs_are_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
