#include "proto/endpoint/context.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "common/base/ip.h"
#include "common/base/mem.h"
#include "proto/endpoint/socket.h"

static const char tcp[] = "tcp://";

struct expected_server {
    SLIST_ENTRY(expected_server) entry;
    char key[CURVE_KEY_SIZE];
    char address[];
};

int endpoint_context_check_threads(struct error *error)
{
    struct sched_param param;

    /* EINVAL: deadline scheduling, which no thread takes over. */
    if (sched_getparam(0, &param) == 0 &&
        (sched_setscheduler(0, sched_getscheduler(0), &param) == 0 || errno == EINVAL))
        return 0;
    return error_set(error,
                     "this process may not call sched_setscheduler(), which libzmq needs: %s",
                     strerror(errno));
}

struct endpoint_context *endpoint_context_new(void)
{
    struct endpoint_context *context = mem_alloc_zero(sizeof(*context));

    context->zmq = zmq_ctx_new();
    if (!context->zmq)
        mem_exhausted();
    zmq_ctx_set(context->zmq, ZMQ_IPV6, 1);
    zmq_ctx_set(context->zmq, ZMQ_IO_THREADS, SOCKET_IO_THREADS);
    pthread_mutex_init(&context->lock, NULL);
    SLIST_INIT(&context->expected);
    return context;
}

static void forget_expected(struct endpoint_context *context)
{
    struct expected_server *server;

    while ((server = SLIST_FIRST(&context->expected))) {
        SLIST_REMOVE_HEAD(&context->expected, entry);
        mem_free(server);
    }
}

static void *end_zmq(void *zmq)
{
    while (zmq_ctx_term(zmq) < 0 && zmq_errno() == EINTR)
        ;
    return NULL;
}

/* libzmq's threads end before its context does, and one of them may be waiting for a name server:
 * then that is left to itself. */
static void end_zmq_within(void *zmq, int wait_s)
{
    struct timespec until;
    pthread_t thread;

    if (pthread_create(&thread, NULL, end_zmq, zmq) != 0) {
        end_zmq(zmq);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_s;
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        pthread_detach(thread);
}

void endpoint_context_free(struct endpoint_context *context)
{
    enum { LOOKUP_WAIT_S = 2 };

    if (!context)
        return;
    if (atomic_load(&context->looks_up_names))
        end_zmq_within(context->zmq, LOOKUP_WAIT_S);
    else
        end_zmq(context->zmq);
    forget_expected(context);
    pthread_mutex_destroy(&context->lock);
    explicit_bzero(&context->keys, sizeof(context->keys));
    mem_free(context);
}

int endpoint_context_set_keys(struct endpoint_context *context, const struct curve_keys *keys)
{
    char public_key[CURVE_KEY_SIZE];

    if (!curve_key_is_valid(str_of(keys->secret_key)) ||
        zmq_curve_public(public_key, keys->secret_key) < 0 ||
        strcmp(public_key, keys->public_key) != 0)
        return -1;
    context->keys = *keys;
    return 0;
}

const char *endpoint_context_public_key(const struct endpoint_context *context)
{
    return context->keys.public_key;
}

bool endpoint_is_tcp(const char *address)
{
    return strncmp(address, tcp, strlen(tcp)) == 0;
}

bool endpoint_has_host_name(const char *address)
{
    struct ip ip;

    if (!endpoint_is_tcp(address))
        return false;
    const char *host = address + strlen(tcp), *end = strrchr(host, ':');
    size_t size = end ? (size_t)(end - host) : strlen(host);
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    return !ip_parse(str_from(host, size), &ip);
}

/* With the lock. */
static struct expected_server *find_expected(const struct endpoint_context *context,
                                             const char *address)
{
    struct expected_server *server;

    SLIST_FOREACH(server, &context->expected, entry)
    {
        if (strcmp(server->address, address) == 0)
            return server;
    }
    return NULL;
}

void endpoint_context_expect(struct endpoint_context *context, const char *address,
                             const char *public_key)
{
    struct expected_server *made = mem_alloc_zero(sizeof(*made) + strlen(address) + 1);

    strcpy(made->address, address);
    pthread_mutex_lock(&context->lock);
    struct expected_server *server = find_expected(context, address);
    if (!server) {
        server = take(made);
        SLIST_INSERT_HEAD(&context->expected, server, entry);
    }
    strncpy(server->key, public_key, CURVE_KEY_SIZE - 1);
    pthread_mutex_unlock(&context->lock);
    mem_free(made);
}

bool context_expected(struct endpoint_context *context, const char *address,
                      char ret_key[CURVE_KEY_SIZE])
{
    pthread_mutex_lock(&context->lock);
    const struct expected_server *server = find_expected(context, address);
    if (server)
        memcpy(ret_key, server->key, CURVE_KEY_SIZE);
    pthread_mutex_unlock(&context->lock);
    return server != NULL;
}
