/* An HTTP server on the loop. Sole user of libmicrohttpd.
 *
 * One door for registrar, sandbox and console. A handler sees a whole request (body read, limits
 * kept) and answers now or later. Nothing a peer sends ends the process: what breaks a rule is
 * answered by the server itself (400, 408, 413, 414, 431) and counted.
 *
 * A peer that closes its sending side while it waits for an answer counts as gone.
 */
#ifndef COMMON_HTTP_SERVER_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/ip.h"
#include "common/base/str.h"
#include "common/loop/loop.h"

struct http_server;
struct http_exchange; /* one request and its answer */

struct http_server_options {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;       /* 0: any free one, see http_server_port() */
    size_t body_limit_bytes;
    size_t header_limit_bytes;
    unsigned connection_limit;
    unsigned peer_connection_limit;   /* of these, from one ip_of_customer(); 0: any number */
    int64_t request_timeout_ms;       /* absolute, from the connection to the whole request */
    const char *tls_certificate_file; /* PEM; NULL for plain HTTP */
    const char *tls_key_file;
    /* Optional: what the server would refuse by itself is answered with this, at once; for pages
     * that look like the others. arg is the handler's. */
    void (*on_refused)(void *arg, struct http_exchange *exchange, int status);
    /* Optional: whether peer_connection_limit is not for this address. arg is the handler's. */
    bool (*is_exempt)(void *arg, const struct ip *peer);
};

struct http_server_stats {
    uint64_t requests;
    uint64_t refused; /* broke a rule of HTTP or a limit */
    uint64_t open_connections;
    uint64_t turned_away; /* connections beyond peer_connection_limit, closed at once */
};

/* Called once the request is whole. The exchange stays valid until it has been answered or
 * abandoned (the peer went away, or the server is closed); on_abandoned, if set by the handler, is
 * told of the latter, and the exchange is not to be touched from then on. */
typedef void http_handler_fn(void *arg, struct http_exchange *exchange);

int http_server_open(struct http_server **ret, struct loop *loop,
                     const struct http_server_options *options, http_handler_fn *handler, void *arg,
                     struct error *error);
/* Sends what was answered as far as it can be sent at once; drops what is unanswered. Takes NULL.
 */
void http_server_close(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
void http_server_stats(const struct http_server *server, struct http_server_stats *ret_stats);

/* Views live as long as the exchange. */
struct str http_exchange_method(const struct http_exchange *exchange);
struct str http_exchange_path(const struct http_exchange *exchange); /* percent-decoded, no query */
struct str http_exchange_raw_target(const struct http_exchange *exchange); /* as it was sent */
struct str http_exchange_query(struct http_exchange *exchange, const char *name); /* the first */
struct str http_exchange_header(const struct http_exchange *exchange, const char *name);
/* Visits every request header; name in the peer's spelling. */
void http_exchange_each_header(const struct http_exchange *exchange,
                               void (*visit)(void *arg, struct str name, struct str value),
                               void *arg);
struct str http_exchange_body(const struct http_exchange *exchange);
/* The values of that name, from index 0 on: browsers send what pages of other subdomains have set
 * beside ours. Empty ones are passed over; empty: there are no more. */
struct str http_exchange_cookie(struct http_exchange *exchange, const char *name, size_t index);
const struct ip *http_exchange_peer(const struct http_exchange *exchange);
struct arena *http_exchange_arena(struct http_exchange *exchange); /* freed with the exchange */

/* Form fields (application/x-www-form-urlencoded body). Count of fields of that name; the first
 * value in *ret_value. A '+' is a blank, %xx a byte. */
size_t http_exchange_form(struct http_exchange *exchange, const char *name, struct str *ret_value);
void http_exchange_each_form(struct http_exchange *exchange,
                             void (*visit)(void *arg, struct str name, struct str value),
                             void *arg);

void http_exchange_on_abandoned(struct http_exchange *exchange, void (*fn)(void *arg), void *arg);

/* Before the reply: adds a response header. CR or LF in a value is refused (the header left out).
 */
void http_exchange_add_header(struct http_exchange *exchange, const char *name, struct str value);
/* Ends the exchange; from now on it is not to be touched. */
void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type,
                         struct str body);
/* For tests of clients: sends the whole head and the first `bytes` of the body, then closes. */
void http_exchange_reply_truncated(struct http_exchange *exchange, int status,
                                   const char *content_type, struct str body, size_t bytes);
/* Closes the connection without an answer. */
void http_exchange_drop(struct http_exchange *exchange);

#endif
