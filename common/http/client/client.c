/* libcurl's multi interface on the loop: it says which sockets and which time to wait for. */
#include "common/base/mem.h"
#include "common/http/client/internal.h"

static void finish_done_calls(struct http_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct http_call *call = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        call_finish(call, message->data.result);
    }
}

static void on_fd(void *arg, int fd, int events)
{
    struct http_client *client = arg;
    int running;

    curl_multi_socket_action(client->multi, fd,
                             (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
                                 (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0),
                             &running);
    finish_done_calls(client);
}

static void on_timer(void *arg)
{
    struct http_client *client = arg;
    int running;

    client->timer = NULL;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_done_calls(client);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *client = arg;
    (void)easy;
    (void)socket_arg;

    if (what == CURL_POLL_REMOVE)
        loop_unwatch_fd(client->loop, fd);
    else
        loop_watch_fd(client->loop, fd,
                      (what & CURL_POLL_IN ? LOOP_READ : 0) |
                          (what & CURL_POLL_OUT ? LOOP_WRITE : 0),
                      on_fd, client);
    return 0;
}

static int want_timer(CURLM *multi, long delay_ms, void *arg)
{
    struct http_client *client = arg;
    (void)multi;

    loop_cancel(client->timer);
    client->timer = delay_ms < 0 ? NULL : loop_after(client->loop, delay_ms, on_timer, client);
    return 0;
}

struct http_client *http_client_new(struct loop *loop, const char *ca_bundle)
{
    struct http_client *client = mem_alloc_zero(sizeof(*client));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->loop = loop;
    client->ca_bundle = mem_strdup(ca_bundle);
    client->multi = curl_multi_init();
    if (!client->multi)
        mem_exhausted();
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    while (client->calls)
        call_free(client->calls);
    curl_multi_cleanup(client->multi);
    loop_cancel(client->timer);
    mem_free(client->ca_bundle);
    mem_free(client);
    curl_global_cleanup();
}

static void on_refused(void *arg)
{
    struct http_call *call = arg;

    call->refusal_timer = NULL;
    call_finish(call, CURLE_OK);
}

struct http_call *http_client_send(struct http_client *client, const struct http_request *request,
                                   http_done_fn *done, void *arg)
{
    struct http_call *call = call_new(client, request);

    call->done = done;
    call->arg = arg;
    call->next = client->calls;
    call->link = &client->calls;
    if (call->next)
        call->next->link = &call->next;
    client->calls = call;
    if (!call->refused.text[0] && curl_multi_add_handle(client->multi, call->easy) != CURLM_OK)
        error_set(&call->refused, "libcurl does not take the request");
    if (call->refused.text[0])
        call->refusal_timer = loop_after(client->loop, 0, on_refused, call);
    return call;
}

void http_call_cancel(struct http_call *call)
{
    if (call)
        call_free(call);
}
