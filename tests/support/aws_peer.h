/* A stand-in for whoever gives credentials (STS, container, instance metadata) and for the service
 * that is then called: answers by path, in the test's own loop, and remembers what it was asked. */
#ifndef TESTS_SUPPORT_AWS_PEER_H
#define TESTS_SUPPORT_AWS_PEER_H

#include "common/aws/client/client.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/http/server/http_server.h"
#include "tests/support/aws_environment.h"
#include "tests/support/vectors.h"

enum { PEER_ANSWERS = 8, PEER_HANGS = -1 };

/* Used from the last one given to the first; one with a count goes when it is used up. */
struct peer_answer {
    const char *path;
    int status; /* PEER_HANGS: never */
    struct str body;
    unsigned count; /* 0: any number */
};

struct peer {
    struct aws_environment environment;
    struct json *vectors;
    struct loop *loop;
    struct http_server *server;
    char *url; /* without a slash at its end */
    struct aws *aws;
    struct error error;

    struct peer_answer answers[PEER_ANSWERS];
    size_t answer_count;
    unsigned requests;
    struct str date;  /* of its answers, if it is not now */
    struct buf asked; /* "PUT /path\n" per request */
    struct buf token, ttl, accept, authorization, body, session; /* of the last one */

    unsigned events; /* of the credentials, how many came */
    unsigned wanted_events;
    bool usable;
    struct buf failure;

    unsigned done; /* calls */
    struct aws_response response;
    struct buf code, message;
};

/* The time of the vectors. */
static int64_t peer_now_ms;

static inline int64_t peer_clock(void)
{
    return peer_now_ms;
}

static inline double peer_half(void)
{
    return 0.5;
}

static inline void peer_keep(struct buf *buf, struct str text)
{
    buf_clear(buf);
    buf_reserve(buf, text.len);
    buf_append_str(buf, text);
}

static inline void peer_answer(struct peer *peer, const char *path, int status, struct str body)
{
    if (peer->answer_count >= PEER_ANSWERS)
        abort();
    peer->answers[peer->answer_count++] = (struct peer_answer){path, status, body, 0};
}

static inline void peer_answer_times(struct peer *peer, unsigned count, const char *path,
                                     int status, struct str body)
{
    peer_answer(peer, path, status, body);
    peer->answers[peer->answer_count - 1].count = count;
}

static inline struct peer_answer *peer_find(struct peer *peer, struct str path)
{
    for (size_t i = peer->answer_count; i > 0; i--) {
        if (str_eq_text(path, peer->answers[i - 1].path))
            return &peer->answers[i - 1];
    }
    return NULL;
}

static inline void peer_on_exchange(void *arg, struct http_exchange *exchange)
{
    struct peer *peer = arg;
    struct peer_answer *answer = peer_find(peer, http_exchange_path(exchange));

    peer->requests++;
    buf_printf(&peer->asked, STR_FMT " " STR_FMT "\n", STR_ARG(http_exchange_method(exchange)),
               STR_ARG(http_exchange_path(exchange)));
    peer_keep(&peer->token, http_exchange_header(exchange, "x-aws-ec2-metadata-token"));
    peer_keep(&peer->ttl, http_exchange_header(exchange, "x-aws-ec2-metadata-token-ttl-seconds"));
    peer_keep(&peer->accept, http_exchange_header(exchange, "Accept"));
    peer_keep(&peer->authorization, http_exchange_header(exchange, "Authorization"));
    peer_keep(&peer->session, http_exchange_header(exchange, "X-Amz-Security-Token"));
    peer_keep(&peer->body, http_exchange_body(exchange));
    if (peer->date.len > 0)
        http_exchange_add_header(exchange, "Date", peer->date);
    if (!answer) {
        http_exchange_reply(exchange, 404, "text/plain", STR(""));
        return;
    }
    int status = answer->status;
    struct str body = answer->body;
    if (answer->count > 0 && --answer->count == 0) {
        size_t index = (size_t)(answer - peer->answers);
        memmove(answer, answer + 1, (peer->answer_count - index - 1) * sizeof(*answer));
        peer->answer_count--;
    }
    if (status != PEER_HANGS)
        http_exchange_reply(exchange, status, NULL, body);
    else
        loop_stop(peer->loop);
}

static inline int peer_set_up(void **state)
{
    struct peer *peer = mem_alloc_zero(sizeof(*peer));
    struct http_server_options options = {.address = "127.0.0.1",
                                          .body_limit_bytes = 1 << 20,
                                          .header_limit_bytes = 65536,
                                          .connection_limit = 20,
                                          .request_timeout_ms = 20000};
    int64_t now_s;

    aws_environment_open(&peer->environment);
    peer->vectors = vectors_load("aws-wire-examples.json");
    peer->loop = loop_new();
    if (http_server_open(&peer->server, peer->loop, &options, peer_on_exchange, peer, NULL) < 0 ||
        clock_parse_iso8601(STR("2026-11-23T12:00:00Z"), &now_s) < 0)
        abort();
    peer_now_ms = now_s * 1000;
    peer->url = mem_printf("http://127.0.0.1:%u", (unsigned)http_server_port(peer->server));
    setenv("AWS_ENDPOINT_URL", peer->url, 1);
    *state = peer;
    return 0;
}

static inline int peer_tear_down(void **state)
{
    struct peer *peer = *state;
    struct buf *bufs[] = {&peer->asked,   &peer->token,  &peer->ttl,     &peer->accept,
                          &peer->session, &peer->body,   &peer->failure, &peer->authorization,
                          &peer->code,    &peer->message};

    aws_free(peer->aws);
    http_server_close(peer->server);
    loop_free(peer->loop);
    json_free(peer->vectors);
    aws_environment_close(&peer->environment);
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_done(bufs[i]);
    mem_free(peer->url);
    mem_free(peer);
    return 0;
}

static inline void peer_on_event(void *arg, const struct aws_credentials_event *event)
{
    struct peer *peer = arg;

    peer->events++;
    peer->usable = event->usable;
    peer_keep(&peer->failure, event->failure);
    if (peer->events >= peer->wanted_events)
        loop_stop(peer->loop);
}

static inline int peer_open(struct peer *peer, struct aws_options options)
{
    options.on_credentials = peer_on_event;
    options.on_credentials_arg = peer;
    aws_free(peer->aws);
    peer->aws = NULL;
    peer->error.text[0] = '\0';
    peer->events = peer->requests = 0;
    buf_clear(&peer->asked);
    if (aws_new(&peer->aws, peer->loop, &options, &peer->error) < 0)
        return -1;
    peer->aws->clock.wall_ms = peer_clock;
    peer->aws->random = peer->aws->credentials.options.random = peer_half;
    return 0;
}

/* Runs until so many events have come in all. */
static inline void peer_wait_for_events(struct peer *peer, unsigned count)
{
    peer->wanted_events = count;
    while (peer->events < count)
        loop_run(peer->loop);
}

static inline void peer_on_done(void *arg, const struct aws_response *response)
{
    struct peer *peer = arg;

    peer->done++;
    peer->response = *response;
    peer_keep(&peer->code, response->code);
    peer_keep(&peer->message, response->message);
    loop_stop(peer->loop);
}

static inline void peer_call(struct peer *peer, const char *operation)
{
    struct aws_request request = {.service = AWS_METERING, .operation = operation};
    unsigned before = peer->done;

    aws_call(peer->aws, &request, peer_on_done, peer);
    while (peer->done == before)
        loop_run(peer->loop);
}

static inline struct str peer_vector(const struct peer *peer, const char *path)
{
    struct str text = json_str(json_path(json_get(peer->vectors, "credentials"), path));

    if (text.len == 0)
        abort();
    return text;
}

/* An object of the vectors as text, until the buffer changes. */
static inline struct str peer_vector_json(const struct peer *peer, const char *path,
                                          struct buf *text)
{
    const struct json *value = json_path(json_get(peer->vectors, "credentials"), path);

    if (!value)
        abort();
    buf_clear(text);
    json_write(value, text);
    return buf_str(text);
}

static inline void peer_must_open(struct peer *peer, struct aws_options options)
{
    if (peer_open(peer, options) < 0)
        fail_msg("%s", peer->error.text);
}

static inline void peer_assert_refused(struct peer *peer, struct aws_options options,
                                       const char *why)
{
    assert_int_equal(peer_open(peer, options), -1);
    if (!strstr(peer->error.text, why))
        fail_msg("expected '%s' in: %s", why, peer->error.text);
}

static inline void peer_assert_keys(const struct peer *peer, const char *id, const char *secret,
                                    const char *token, const char *expires, const char *source)
{
    const struct keys *keys = &peer->aws->credentials.keys;
    char text[CLOCK_TEXT_SIZE];

    assert_non_null(keys->access_key_id);
    assert_string_equal(keys->access_key_id, id);
    assert_string_equal(keys->secret_access_key, secret);
    if (token)
        assert_string_equal(keys->session_token, token);
    else
        assert_null(keys->session_token);
    assert_string_equal(clock_format_s(keys->expires_at_s, text), expires);
    assert_true(str_eq_text(aws_credentials_source(peer->aws), source));
}

static inline void peer_assert_failure(const struct peer *peer, const char *why)
{
    assert_false(peer->usable);
    if (!strstr(peer->failure.data, why))
        fail_msg("expected '%s' in: %s", why, peer->failure.data);
}

/* The first answer fails for that reason, which names its source. */
static inline void peer_assert_fails(struct peer *peer, const char *why)
{
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    peer_assert_failure(peer, why);
}

#endif
