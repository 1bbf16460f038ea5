/* What the files of this folder share. */
#ifndef COMMON_HTTP_CLIENT_INTERNAL_H
#define COMMON_HTTP_CLIENT_INTERNAL_H

#include <curl/curl.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/http/client/http_client.h"

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    char *ca_bundle;
    struct http_call *calls;
};

struct http_call {
    struct http_client *client;
    CURL *easy;
    struct arena arena; /* copies of the request, the headers of the answer */
    struct curl_slist *headers;
    struct buf body; /* of the answer */
    size_t response_limit;
    size_t header_bytes;
    bool too_long;
    char why[CURL_ERROR_SIZE];
    struct error refused;             /* why it was never sent */
    struct loop_timer *refusal_timer; /* tells so on the next turn */
    http_done_fn *done;
    void *arg;
    struct http_call *next, **link;
};

/* call.c: the handle with everything set, or refused set. */
struct http_call *call_new(struct http_client *client, const struct http_request *request);
void call_free(struct http_call *call);
/* Tells the caller how it ended and frees the call. */
void call_finish(struct http_call *call, CURLcode result);

#endif
