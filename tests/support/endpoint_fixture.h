/* A loop, a context and a private directory for sockets, for tests of what talks over them. */
#ifndef TESTS_SUPPORT_ENDPOINT_FIXTURE_H
#define TESTS_SUPPORT_ENDPOINT_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/loop/loop.h"
#include "proto/endpoint/client.h"
#include "proto/endpoint/server.h"

struct endpoint_fixture {
    char directory[64];
    struct loop *loop;
    struct endpoint_context *context;
    /* ipc://DIRECTORY/rpc and /feed */
    char rpc_address[128], feed_address[128];
    const char *rpc_items[1], *feed_items[1];
    struct config_list rpc, feed;
};

static inline void fixture_open(struct endpoint_fixture *fixture)
{
    strcpy(fixture->directory, "/tmp/entitled-test-XXXXXX");
    if (!mkdtemp(fixture->directory))
        abort();
    snprintf(fixture->rpc_address, sizeof(fixture->rpc_address), "ipc://%s/rpc",
             fixture->directory);
    snprintf(fixture->feed_address, sizeof(fixture->feed_address), "ipc://%s/feed",
             fixture->directory);
    fixture->rpc_items[0] = fixture->rpc_address;
    fixture->feed_items[0] = fixture->feed_address;
    fixture->rpc = (struct config_list){fixture->rpc_items, 1};
    fixture->feed = (struct config_list){fixture->feed_items, 1};
    fixture->loop = loop_new();
    fixture->context = endpoint_context_new();
}

static inline void fixture_close(struct endpoint_fixture *fixture)
{
    DIR *directory = opendir(fixture->directory);
    struct dirent *entry;

    loop_free(fixture->loop);
    endpoint_context_free(fixture->context);
    while (directory && (entry = readdir(directory)))
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(fixture->directory);
}

static inline struct endpoint_binding fixture_binding(const struct config_list *addresses)
{
    return (struct endpoint_binding){
        .addresses = addresses, .holder = "entitled-test", .socket_mode = 0600};
}

static inline struct rpc_server *fixture_server(struct endpoint_fixture *fixture,
                                                const struct rpc_route *routes, void *arg,
                                                bool threaded)
{
    const struct rpc_server_options options = {.context = fixture->context,
                                               .binding = fixture_binding(&fixture->rpc),
                                               .routes = routes,
                                               .arg = arg};
    struct rpc_server *server;
    struct error error;
    int err = threaded ? rpc_server_open_threaded(&server, &options, &error)
                       : rpc_server_open(&server, fixture->loop, &options, &error);

    if (err < 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return server;
}

/* Of whoever serves at the fixture's address, now or later. */
static inline struct rpc_client *fixture_client(struct endpoint_fixture *fixture)
{
    struct rpc_client *client;
    struct error error;

    if (rpc_client_open(&client, fixture->loop, fixture->context, &fixture->rpc, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return client;
}

#endif
