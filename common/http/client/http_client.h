/* HTTP requests on the loop. Sole user of libcurl (multi interface).
 *
 * Connections are kept and reused. Redirects are never followed; TLS is always verified; the URL
 * decides between http and https. Proxies come from the environment (http_proxy, https_proxy,
 * all_proxy, no_proxy, or the same in capitals), but none is used towards link-local and loopback
 * hosts. When a kept connection ends before the first byte of an answer, libcurl itself sends the
 * request once more on a new one. Host names are looked up in threads of their own. Once the
 * request has ended, nothing waits for its thread.
 */
#ifndef COMMON_HTTP_CLIENT_HTTP_CLIENT_H
#define COMMON_HTTP_CLIENT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/str.h"
#include "common/loop/loop.h"

struct http_client;
struct http_call;

struct http_header {
    struct str name;
    struct str value;
};

/* Signs the request with AWS Signature Version 4 (libcurl's signer) when access_key is not empty.
 * The headers given are signed too, so none of them may be empty. */
struct http_signing {
    struct str access_key;
    struct str secret_key;
    struct str session_token; /* may be empty */
    struct str region;
    struct str service;
};

struct http_request {
    const char *method; /* "GET", "POST", "PUT" */
    struct str url;
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    struct http_signing signing;
    bool direct;           /* through no proxy, wherever the host is */
    int64_t timeout_ms;    /* for the whole request */
    size_t response_limit; /* bytes of body; a longer one is a failure */
};

struct http_response {
    /* 0 when there was no whole answer; then error says why, and nothing else is known: the request
     * may have reached the server. */
    int status;
    bool timed_out;
    bool too_long; /* more than response_limit */
    struct error error;
    struct str body;
    const struct http_header *headers;
    size_t header_count;
};

/* Called exactly once per request unless it is cancelled; the response lives until it returns. */
typedef void http_done_fn(void *arg, const struct http_response *response);

struct http_client *http_client_new(struct loop *loop, const char *ca_bundle /* NULL: system's */);
void http_client_free(struct http_client *client); /* cancels what is in flight; takes NULL */

/* Everything in the request is copied. Never calls done before it returns. */
struct http_call *http_client_send(struct http_client *client, const struct http_request *request,
                                   http_done_fn *done, void *arg);
void http_call_cancel(struct http_call *call); /* done will not be called */

/* The value of a header by its name in any case, or empty. */
struct str http_response_header(const struct http_response *response, const char *name);

#endif
