/* What the files of this folder share. */
#ifndef COMMON_HTTP_SERVER_INTERNAL_H
#define COMMON_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <sys/socket.h>

#include "common/http/server/http_server.h"

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct http_server_options options; /* its texts are not kept */
    bool tls;
    uint16_t port;
    http_handler_fn *handler;
    void *arg;
    struct connection *connections;
    struct loop_timer *run_timer;
    int hangup_fd; /* epoll set of the connections whose peer waits for an answer */
    bool closing;
    struct http_server_stats stats;
};

struct connection {
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct http_exchange *exchange; /* the request being read or answered, or NULL */
    struct loop_timer *deadline;    /* for the whole request; NULL while it is answered */
    struct ip peer;
    int fd;
    bool served;  /* a request has ended on it */
    bool refused; /* counted as such; it is about to be closed */
    struct connection *next, **link;
};

struct pair {
    struct pair *next;
    struct str name;
    struct str value;
};

/* Bodies this much over the limit are read to their end, so that the peer gets to see the answer
 * instead of a reset connection. */
enum { DISCARD_LIMIT = 1 << 20 };

enum phase {
    PHASE_HEAD,     /* the request line has been read */
    PHASE_BODY,     /* the head has been accepted */
    PHASE_HANDLER,  /* the handler is running */
    PHASE_WAITING,  /* suspended: the handler answers later */
    PHASE_ANSWERED, /* the answer is known, perhaps not yet sent */
};

struct http_exchange {
    struct connection *connection;
    struct arena arena;
    enum phase phase;
    struct str method;
    struct str raw_target;
    struct str path;
    bool path_is_bad; /* a malformed escape, or one of NUL */
    struct str query_text;
    struct buf body;
    int refusal; /* status for a body that is too long, while the rest of it is read */
    size_t discarded;
    struct pair *query, *form, *cookies; /* parsed when first asked for */
    bool query_parsed, form_parsed, cookies_parsed;
    struct pair *headers;          /* of the answer */
    struct MHD_Response *response; /* NULL once ANSWERED: close without one */
    int status;
    void (*on_abandoned)(void *arg);
    void *abandoned_arg;
};

/* exchange.c */
struct http_exchange *exchange_new(struct connection *connection, const char *target);
void exchange_free(struct http_exchange *exchange);
/* The status this request must be refused with by its head alone, or 0. */
int exchange_judge_head(struct http_exchange *exchange, const char *method);
void exchange_refuse(struct http_exchange *exchange, int status);

/* server.c: sends an exchange that waited on its way. */
void server_resume(struct http_exchange *exchange);

/* listen.c */
struct ip ip_of_address(const struct sockaddr *address);
int listen_on(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
              struct error *error);
int read_pem(const char *path, struct buf *out, struct error *error);

/* form.c: name=value pairs joined by '&', in their order; the texts are put into the arena. */
struct pair *parse_pairs(struct arena *arena, struct str text);
/* %xx becomes a byte, and '+' a blank if asked; anything else stays as it is. */
struct str percent_decode(struct arena *arena, struct str text, bool plus_is_blank);
bool has_bad_escape(struct str text);

#endif
