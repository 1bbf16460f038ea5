/* What a browser sends to the registrar's door, byte for byte, over a real connection. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/escape.h"
#include "common/base/mem.h"
#include "common/http/server/http_server.h"
#include "tests/fuzz/fuzz.h"

static struct loop *loop;

static void look_at_header(void *arg, struct str name, struct str value)
{
    (void)arg;
    FUZZ_HOLDS(name.len + value.len < 1 << 16);
}

static void on_exchange(void *arg, struct http_exchange *exchange)
{
    cleanup(buf_done) struct buf page = BUF_INIT;
    struct str token;
    (void)arg;

    http_exchange_each_header(exchange, look_at_header, NULL);
    escape_markup(&page, http_exchange_path(exchange));
    escape_markup(&page, http_exchange_query(exchange, "ref"));
    escape_markup(&page, http_exchange_cookie(exchange, "entitled_session", 0));
    http_exchange_form(exchange, "x-amzn-marketplace-token", &token);
    escape_markup(&page, token);
    http_exchange_add_header(exchange, "Location", token);
    http_exchange_reply(exchange, 200, "text/html", buf_str(&page));
}

static uint16_t port_of_server(void)
{
    static struct http_server *server;
    const struct http_server_options options = {.address = "127.0.0.1",
                                                .body_limit_bytes = 2048,
                                                .header_limit_bytes = 2048,
                                                .connection_limit = 8,
                                                .request_timeout_ms = 20000};
    struct error error = {""};

    if (!server) {
        loop = loop_new();
        FUZZ_HOLDS(http_server_open(&server, loop, &options, on_exchange, NULL, &error) == 0);
    }
    return http_server_port(server);
}

/* On loopback whatever was sent is there at once, so that a few turns are all the server needs. */
static void on_turn(void *arg, int fd, int events)
{
    int *turns_left = arg;
    (void)fd;
    (void)events;

    if (--*turns_left <= 0)
        loop_stop(loop);
}

static void run_turns(int turns)
{
    static int always_ready = -1;

    if (always_ready < 0)
        always_ready = eventfd(1, EFD_CLOEXEC);
    loop_watch_fd(loop, always_ready, LOOP_READ, on_turn, &turns);
    loop_run(loop);
    loop_unwatch_fd(loop, always_ready);
}

/* Reset, not closed: such a connection leaves nothing behind. */
static void hang_up(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

/* The fuzzer's own timer may interrupt it, and then it goes on by itself. */
static void connect_to(int fd, const struct sockaddr_in *address)
{
    struct pollfd connected = {.fd = fd, .events = POLLOUT};

    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return;
    FUZZ_HOLDS(errno == EINTR);
    while (poll(&connected, 1, -1) < 0)
        FUZZ_HOLDS(errno == EINTR);
}

void fuzz_one(struct str input)
{
    enum { TURNS = 4, TURNS_TO_NOTICE = 2 };
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(port_of_server()),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    FUZZ_HOLDS(fd >= 0);
    connect_to(fd, &address);
    send(fd, input.ptr, input.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    run_turns(TURNS);
    hang_up(fd);
    run_turns(TURNS_TO_NOTICE);
}
