/* A server and a feed over TCP with CURVE, the keys of a friend and a stranger, and who asks with
 * them. */
#ifndef TESTS_SUPPORT_CURVE_FIXTURE_H
#define TESTS_SUPPORT_CURVE_FIXTURE_H

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/base/mem.h"
#include "proto/endpoint/client.h"
#include "proto/endpoint/curve.h"
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

static inline void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 42});
}

static const struct rpc_route routes[] = {{METHOD_query_ping, on_ping}, {0, NULL}};

static inline void on_refused(void *arg, const char *last, uint64_t count)
{
    struct stage *stage = arg;

    assert_true(count > 0);
    snprintf(stage->told, sizeof(stage->told), "%s", last);
    stage->tellings++;
}

static inline int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

static inline void make(const struct stage *stage, const char *name)
{
    const struct certificate_note note = {"x", "y", "z"};
    struct curve_keys keys;
    struct error error;

    if (curve_new_keys(&keys, &error) < 0 ||
        certificate_make(stage->fixture.directory, name, &note, &keys, &error) < 0)
        fail_msg("%s", error.text);
}

static inline void allow(const struct stage *stage, int who)
{
    cleanup(mem_freep) char *command =
        mem_printf("cp '%s' '%s/'", stage->path[who], stage->path[ALLOWED]);

    assert_int_equal(system(command), 0);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline int guard(struct stage *stage, const char *address, struct error *error)
{
    const struct config_list list = {&address, 1};
    const struct admission_options options = {.loop = stage->fixture.loop,
                                              .context = stage->fixture.context,
                                              .allowed_keys = stage->path[ALLOWED],
                                              .on_refused = on_refused,
                                              .arg = stage};

    return curve_before_bind(&stage->admission, &list, stage->path[SERVER], &options, error);
}

static inline void serve(struct stage *stage, bool threaded)
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

static inline void on_done(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    stage->code = response->code;
    snprintf(stage->message, sizeof(stage->message), STR_FMT, STR_ARG(response->message));
    loop_stop(stage->fixture.loop);
}

static inline enum rpc_error ping(struct stage *stage, struct rpc_client *client,
                                  int64_t timeout_ms)
{
    rpc_call(client, METHOD_query_ping, NULL, timeout_ms, STR_NONE, on_done, stage);
    loop_run(stage->fixture.loop);
    return stage->code;
}

static inline int prepare(struct stage *stage, struct endpoint_context *context, int who,
                          int server, const char *address, struct error *error)
{
    const struct config_list list = {&address, 1};
    const char *expected = stage->path[server];
    const struct config_list servers = {&expected, 1};

    return curve_before_connect(context, &list, stage->path[who], &servers, error);
}

static inline struct rpc_client *connect_to(struct stage *stage, struct endpoint_context *context,
                                            const char *address)
{
    const struct config_list list = {&address, 1};
    struct rpc_client *client;
    struct error error;

    if (rpc_client_open(&client, stage->fixture.loop, context, &list, &error) < 0)
        fail_msg("%s", error.text);
    return client;
}

static inline uint64_t refusals(const struct stage *stage)
{
    struct admission_stats stats = admission_stats(stage->admission);

    return stats.keys_refused + stats.not_handshaken;
}

static inline void look(void *arg)
{
    struct stage *stage = arg;

    stage->look = NULL;
    if (refusals(stage) > stage->refusals)
        loop_stop(stage->fixture.loop);
    else
        stage->look = loop_after(stage->fixture.loop, LOOK_MS, look, stage);
}

#endif
