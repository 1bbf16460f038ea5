/* libcurl's signer against the vectors: the request it really sends carries their signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/http/client/http_client.h"
#include "common/http/server/http_server.h"
#include "tests/support/vectors.h"

enum { MAX_HEADERS = 8 };

struct capture {
    struct loop *loop;
    struct buf authorization;
    struct buf token;
    int status;
};

static void on_exchange(void *arg, struct http_exchange *exchange)
{
    struct capture *capture = arg;

    buf_clear(&capture->authorization);
    buf_clear(&capture->token);
    buf_append_str(&capture->authorization, http_exchange_header(exchange, "Authorization"));
    buf_append_str(&capture->token, http_exchange_header(exchange, "X-Amz-Security-Token"));
    http_exchange_reply(exchange, 200, "text/plain", STR_NONE);
}

static void on_done(void *arg, const struct http_response *response)
{
    struct capture *capture = arg;

    capture->status = response->status;
    loop_stop(capture->loop);
}

struct headers {
    struct http_header list[MAX_HEADERS];
    size_t count;
};

static void add(void *arg, struct str name, const struct json *value)
{
    struct headers *headers = arg;

    /* The client adds the token itself. */
    if (str_eq_text(name, "x-amz-security-token"))
        return;
    assert_true(headers->count < MAX_HEADERS);
    headers->list[headers->count++] = (struct http_header){name, json_str(value)};
}

static void send_vector(struct capture *capture, struct http_client *client, const char *url,
                        const struct json *vector)
{
    struct headers headers = {0};
    struct str host = json_get_str(vector, "url");

    host = str_from(host.ptr + strlen("https://"), host.len - strlen("https://"));
    headers.list[headers.count++] = (struct http_header){STR("Host"), str_split(&host, '/')};
    headers.list[headers.count++] =
        (struct http_header){STR("X-Amz-Date"), json_get_str(vector, "amz_date")};
    json_each(json_get(vector, "headers_signed_besides_host_and_date"), add, &headers);

    struct http_request request = {
        .method = "POST",
        .url = str_of(url),
        .headers = headers.list,
        .header_count = headers.count,
        .body = json_get_str(vector, "body"),
        .signing = {.access_key = json_get_str(vector, "access_key_id"),
                    .secret_key = json_get_str(vector, "secret_access_key"),
                    .session_token = json_get_str(vector, "session_token"),
                    .region = json_get_str(vector, "region"),
                    .service = json_get_str(vector, "service")},
        .timeout_ms = 20000,
        .response_limit = 1024,
    };
    http_client_send(client, &request, on_done, capture);
    loop_run(capture->loop);
    assert_int_equal(capture->status, 200);
    assert_string_equal(capture->authorization.data, json_get_str(vector, "authorization").ptr);
    assert_true(str_eq(buf_str(&capture->token), json_get_str(vector, "session_token")));
}

static void libcurl_signs_as_the_vectors_say(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *list = json_get(vectors, "sigv4_vectors");
    struct capture capture = {.loop = loop_new()};
    struct http_server_options options = {.address = "127.0.0.1",
                                          .body_limit_bytes = 1 << 20,
                                          .header_limit_bytes = 16384,
                                          .connection_limit = 20,
                                          .request_timeout_ms = 20000};
    struct http_server *server = NULL;
    (void)state;

    assert_int_equal(http_server_open(&server, capture.loop, &options, on_exchange, &capture, NULL),
                     0);
    cleanup(mem_freep) char *url =
        mem_printf("http://127.0.0.1:%u/", (unsigned)http_server_port(server));
    struct http_client *client = http_client_new(capture.loop, NULL);
    assert_true(json_count(list) >= 3);
    for (size_t i = 0; i < json_count(list); i++)
        send_vector(&capture, client, url, json_at(list, i));
    http_client_free(client);
    http_server_close(server);
    loop_free(capture.loop);
    buf_done(&capture.authorization);
    buf_done(&capture.token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libcurl_signs_as_the_vectors_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
