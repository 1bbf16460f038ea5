/* libmicrohttpd on the loop: its one epoll descriptor is watched, MHD_run() does what is due.
 *
 * libmicrohttpd knows two things only by halves, so they are done here. Its time-out is for
 * idleness: a peer that sends a byte a second would never meet it, so every connection has a
 * deadline of its own. And while a request waits for its answer (suspended), nobody looks at the
 * socket: an epoll set of ours does, for hang-ups alone.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/http/server/internal.h"

/* How long a kept connection may be idle, and a peer may take no bytes of an answer. */
enum { IDLE_TIMEOUT_S = 60 };

static void on_timer(void *arg);

static void run_now(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG delay_ms;

    loop_cancel(server->run_timer);
    server->run_timer = NULL;
    MHD_run(server->daemon);
    /* Handlers that ran just now may have scheduled a run already. */
    if (!server->run_timer && MHD_get_timeout(server->daemon, &delay_ms) == MHD_YES)
        server->run_timer = loop_after(server->loop, (int64_t)delay_ms, on_timer, server);
}

static void on_timer(void *arg)
{
    struct http_server *server = arg;

    server->run_timer = NULL;
    run_now(server);
}

static void run_soon(struct http_server *server)
{
    loop_cancel(server->run_timer);
    server->run_timer = loop_after(server->loop, 0, on_timer, server);
}

static void on_mhd_ready(void *arg, int fd, int events)
{
    (void)fd;
    (void)events;
    run_now(arg);
}

/* Only asks for hang-ups: bytes that a peer sends meanwhile (pipelined requests) are not a hang-up.
 */
static void watch_for_hangup(struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = connection};

    epoll_ctl(connection->server->hangup_fd, EPOLL_CTL_ADD, connection->fd, &event);
}

void server_resume(struct http_exchange *exchange)
{
    struct connection *connection = exchange->connection;

    epoll_ctl(connection->server->hangup_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    MHD_resume_connection(connection->mhd);
    run_soon(connection->server);
}

static void abandon(struct http_exchange *exchange)
{
    void (*told)(void *arg) = exchange->on_abandoned;
    void *arg = exchange->abandoned_arg;

    http_exchange_drop(exchange);
    if (told)
        told(arg);
}

static void on_hangup(void *arg, int fd, int events)
{
    enum { BATCH = 64 };
    struct epoll_event gone[BATCH];
    (void)arg;
    (void)events;

    int count = epoll_wait(fd, gone, BATCH, 0);
    for (int i = 0; i < count; i++) {
        struct connection *connection = gone[i].data.ptr;
        /* Being told of one may have answered another. */
        if (connection->exchange && connection->exchange->phase == PHASE_WAITING)
            abandon(connection->exchange);
    }
}

static void on_deadline(void *arg);

static void set_deadline(struct connection *connection, int64_t delay_ms)
{
    loop_cancel(connection->deadline);
    connection->deadline = loop_after(connection->server->loop, delay_ms, on_deadline, connection);
}

/* libmicrohttpd takes a response only for a request that it has read whole, so this one is put on
 * the wire directly; nothing else can be on its way out. A TLS peer sees the connection close. */
static void send_directly(const struct connection *connection, int status)
{
    char text[128];

    if (connection->server->tls)
        return;
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status,
                       MHD_get_reason_phrase_for((unsigned)status));
    (void)!send(connection->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void count_refusal(struct connection *connection)
{
    connection->refused = true;
    connection->server->stats.refused++;
}

static bool is_reading(const struct connection *connection)
{
    /* A connection that has served and has sent nothing since is idle. */
    return connection->exchange ? connection->exchange->phase <= PHASE_BODY : !connection->served;
}

static void on_deadline(void *arg)
{
    struct connection *connection = arg;

    connection->deadline = NULL;
    if (is_reading(connection)) {
        count_refusal(connection);
        send_directly(connection, MHD_HTTP_REQUEST_TIMEOUT);
    }
    shutdown(connection->fd, SHUT_RDWR);
}

static struct ip peer_of(struct MHD_Connection *mhd)
{
    return ip_of_address(
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
}

static enum MHD_Result on_accept(void *arg, const struct sockaddr *address, socklen_t len)
{
    struct http_server *server = arg;
    unsigned limit = server->options.peer_connection_limit, count = 0;
    struct ip peer = ip_of_address(address), customer = ip_of_customer(&peer);
    (void)len;

    if (limit == 0 || (server->options.is_exempt && server->options.is_exempt(server->arg, &peer)))
        return MHD_YES;
    for (const struct connection *at = server->connections; at; at = at->next) {
        struct ip other = ip_of_customer(&at->peer);
        count += memcmp(&other, &customer, sizeof(other)) == 0;
    }
    if (count < limit)
        return MHD_YES;
    server->stats.turned_away++;
    return MHD_NO;
}

static struct connection *connection_new(struct http_server *server, struct MHD_Connection *mhd)
{
    struct connection *connection = mem_alloc_zero(sizeof(*connection));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    connection->server = server;
    connection->mhd = mhd;
    connection->fd = info->connect_fd;
    connection->peer = peer_of(mhd);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->stats.open_connections++;
    set_deadline(connection, server->options.request_timeout_ms);
    return connection;
}

static void connection_free(struct connection *connection)
{
    connection->server->stats.open_connections--;
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    loop_cancel(connection->deadline);
    exchange_free(connection->exchange);
    mem_free(connection);
}

/* libmicrohttpd closes without a word when the first line is no request line. */
static bool sent_no_request(const struct connection *connection)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (connection->served || connection->refused)
        return false;
    /* The end of the stream counts as one byte. */
    return getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_bytes_received > 1;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_new(arg, mhd);
    } else if (*context) {
        if (sent_no_request(*context))
            count_refusal(*context);
        connection_free(*context);
        *context = NULL;
    }
}

static void *on_request_line(void *arg, const char *target, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *connection = info->socket_context;
    (void)arg;

    connection->exchange = exchange_new(connection, target);
    if (connection->served)
        set_deadline(connection, connection->server->options.request_timeout_ms);
    return connection->exchange;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = arg;
    struct http_exchange *exchange = *context;
    (void)mhd;

    if (!exchange)
        return;
    struct connection *connection = exchange->connection;
    /* Refused by libmicrohttpd itself. */
    if (exchange->phase <= PHASE_BODY && !connection->refused &&
        code == MHD_REQUEST_TERMINATED_WITH_ERROR)
        count_refusal(connection);
    connection->exchange = NULL;
    connection->served = true;
    exchange_free(exchange);
    *context = NULL;
    if (!server->closing)
        set_deadline(connection,
                     (int64_t)IDLE_TIMEOUT_S * 1000 + server->options.request_timeout_ms);
}

static enum MHD_Result send_answer(struct http_exchange *exchange)
{
    if (!exchange->response)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(exchange->connection->mhd,
                                                (unsigned)exchange->status, exchange->response);
    MHD_destroy_response(exchange->response);
    exchange->response = NULL;
    return result;
}

static enum MHD_Result on_head(struct http_exchange *exchange, const char *method)
{
    int refusal = exchange_judge_head(exchange, method);

    if (!refusal) {
        exchange->phase = PHASE_BODY;
        return MHD_YES;
    }
    exchange_refuse(exchange, refusal);
    return send_answer(exchange);
}

static enum MHD_Result on_body(struct http_exchange *exchange, struct str data)
{
    struct connection *connection = exchange->connection;

    if (data.len > connection->server->options.body_limit_bytes - exchange->body.len)
        exchange->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    if (!exchange->refusal) {
        buf_append_str(&exchange->body, data);
        return MHD_YES;
    }
    exchange->discarded += data.len;
    if (exchange->discarded <= connection->server->options.body_limit_bytes + DISCARD_LIMIT)
        return MHD_YES;
    count_refusal(connection);
    send_directly(connection, exchange->refusal);
    return MHD_NO;
}

static enum MHD_Result on_whole_request(struct http_exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct http_server *server = connection->server;

    loop_cancel(connection->deadline);
    connection->deadline = NULL;
    if (server->closing)
        return MHD_NO;
    if (exchange->refusal) {
        exchange_refuse(exchange, exchange->refusal);
        return send_answer(exchange);
    }
    server->stats.requests++;
    exchange->phase = PHASE_HANDLER;
    server->handler(server->arg, exchange);
    if (exchange->phase == PHASE_ANSWERED)
        return send_answer(exchange);
    exchange->phase = PHASE_WAITING;
    MHD_suspend_connection(connection->mhd);
    watch_for_hangup(connection);
    return MHD_YES;
}

/* libmicrohttpd calls this for the head, for each piece of the body, for its end, and again after
 * MHD_resume_connection(). */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **context)
{
    struct http_exchange *exchange = *context;
    (void)arg;
    (void)mhd;
    (void)url;
    (void)version;

    if (exchange->phase == PHASE_HEAD)
        return on_head(exchange, method);
    if (exchange->phase == PHASE_ANSWERED)
        return send_answer(exchange);
    if (*data_len == 0)
        return on_whole_request(exchange);
    size_t len = *data_len;
    *data_len = 0;
    return on_body(exchange, str_from(data, len));
}

/* Its messages tell nothing that the counters do not. */
static void on_mhd_log(void *arg, const char *format, va_list args)
{
    (void)arg;
    (void)format;
    (void)args;
}

static int start_daemon(struct http_server *server, int listen_fd, const char *certificate,
                        const char *key, struct error *error)
{
    /* Its own records of headers and the answer's head live in the same memory. */
    size_t memory = server->options.header_limit_bytes * 3 + 16384;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (certificate ? MHD_USE_TLS : 0U) |
                     (strchr(server->options.address, ':') ? MHD_USE_IPv6 : 0U) | MHD_USE_ERROR_LOG;

    server->daemon = MHD_start_daemon(
        flags, 0, on_accept, server, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log,
        server, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        server->options.connection_limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
        MHD_OPTION_ARRAY, certificate ? tls : none, MHD_OPTION_END);
    if (!server->daemon)
        return error_set(error, "cannot start the HTTP server%s",
                         certificate ? "; do certificate and key belong together?" : "");
    return 0;
}

static int start(struct http_server *server, struct error *error)
{
    cleanup(buf_done) struct buf certificate = BUF_INIT, key = BUF_INIT;
    const struct http_server_options *options = &server->options;
    int listen_fd;

    server->tls = options->tls_certificate_file != NULL;
    if (server->tls && (read_pem(options->tls_certificate_file, &certificate, error) < 0 ||
                        read_pem(options->tls_key_file, &key, error) < 0))
        return -1;
    if (listen_on(options->address, options->port, &listen_fd, &server->port, error) < 0)
        return -1;
    if (start_daemon(server, listen_fd, certificate.data, key.data, error) < 0) {
        close(listen_fd);
        return -1;
    }
    server->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->hangup_fd < 0)
        mem_exhausted();
    return 0;
}

static int mhd_fd(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int http_server_open(struct http_server **ret, struct loop *loop,
                     const struct http_server_options *options, http_handler_fn *handler, void *arg,
                     struct error *error)
{
    struct http_server *server = mem_alloc_zero(sizeof(*server));

    server->loop = loop;
    server->options = *options;
    server->handler = handler;
    server->arg = arg;
    if (start(server, error) < 0) {
        mem_free(server);
        return -1;
    }
    loop_watch_fd(loop, mhd_fd(server), LOOP_READ, on_mhd_ready, server);
    loop_watch_fd(loop, server->hangup_fd, LOOP_READ, on_hangup, server);
    *ret = server;
    return 0;
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    server->closing = true;
    /* What was answered in this very turn is still to be sent. */
    MHD_run(server->daemon);
    /* libmicrohttpd ends the process if it is stopped while a connection is suspended. */
    for (struct connection *at = server->connections; at; at = at->next) {
        if (at->exchange && at->exchange->phase == PHASE_WAITING)
            abandon(at->exchange);
    }
    loop_unwatch_fd(server->loop, mhd_fd(server));
    loop_unwatch_fd(server->loop, server->hangup_fd);
    MHD_stop_daemon(server->daemon);
    loop_cancel(server->run_timer);
    close(server->hangup_fd);
    mem_free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stats(const struct http_server *server, struct http_server_stats *ret_stats)
{
    *ret_stats = server->stats;
}
