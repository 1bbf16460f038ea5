/* A blocking client with raw sockets on a thread of its own, for tests of servers that run on the
 * loop of the main thread. It judges nothing: the test does, when the thread has ended. */
#ifndef TESTS_SUPPORT_RAW_CLIENT_H
#define TESTS_SUPPORT_RAW_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/loop/loop.h"

struct raw_client {
    void (*script)(struct raw_client *client);
    void *arg;
    uint16_t port;
    int fd;
    struct buf received; /* since raw_connect() */
    bool timed_out;
    int done_pipe[2];
    struct loop *loop;
};

static inline void raw_connect(struct raw_client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(client->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
}

static inline void raw_close(struct raw_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

static inline void raw_send(struct raw_client *client, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t len = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (len <= 0)
            return; /* the server closed; what it said is still to be read */
        bytes = str_from(bytes.ptr + len, bytes.len - (size_t)len);
    }
}

/* False at the end of the stream, and when nothing came for long. */
static inline bool raw_receive_some(struct raw_client *client)
{
    enum { PATIENCE_MS = 20000 };
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    char bytes[65536];

    if (poll(&poll_fd, 1, PATIENCE_MS) <= 0) {
        client->timed_out = true;
        return false;
    }
    ssize_t len = recv(client->fd, bytes, sizeof(bytes), 0);
    if (len <= 0)
        return false;
    buf_append(&client->received, bytes, (size_t)len);
    return true;
}

static inline void raw_receive_all(struct raw_client *client)
{
    while (raw_receive_some(client))
        ;
}

static inline void raw_receive_until(struct raw_client *client, const char *text)
{
    while (!client->received.data || !strstr(client->received.data, text)) {
        if (!raw_receive_some(client))
            return;
    }
}

static inline void *raw_client_main(void *arg)
{
    struct raw_client *client = arg;

    client->script(client);
    raw_close(client);
    if (write(client->done_pipe[1], "", 1) != 1)
        abort();
    return NULL;
}

static inline void raw_client_on_done(void *arg, int fd, int events)
{
    struct raw_client *client = arg;
    (void)events;

    loop_unwatch_fd(client->loop, fd);
    loop_stop(client->loop);
}

/* Runs the script against the port while the loop runs, until the script has ended. */
static inline void raw_client_run(struct raw_client *client, struct loop *loop, uint16_t port)
{
    pthread_t thread;

    client->loop = loop;
    client->port = port;
    client->fd = -1;
    if (pipe(client->done_pipe) < 0)
        abort();
    loop_watch_fd(loop, client->done_pipe[0], LOOP_READ, raw_client_on_done, client);
    if (pthread_create(&thread, NULL, raw_client_main, client) != 0)
        abort();
    loop_run(loop);
    pthread_join(thread, NULL);
    close(client->done_pipe[0]);
    close(client->done_pipe[1]);
}

#endif
