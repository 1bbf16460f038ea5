#include "proto/endpoint/socket.h"

#include "common/base/mem.h"

/* A peer that does not answer for so long is gone, whatever TCP still believes. */
enum { HEARTBEAT_MS = 5000, HEARTBEAT_TIMEOUT_MS = 15000 };
enum { THREAD_OF_ADDRESSES = 1, THREAD_OF_HOST_NAMES = 2 };
enum { RECONNECT_MS = 50, RECONNECT_MAX_MS = 1000 };

void socket_set(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof(value));
}

/* A bit for each of the context's threads. For the next address that is bound or connected. */
static void use_thread(void *socket, uint64_t threads)
{
    zmq_setsockopt(socket, ZMQ_AFFINITY, &threads, sizeof(threads));
}

void *socket_open(struct endpoint_context *context, int type, int linger_ms)
{
    const int64_t limit = FRAME_LIMIT_BYTES;
    void *socket = zmq_socket(context->zmq, type);

    /* Only a lack of memory or descriptors makes this fail; neither leaves anything to do. */
    if (!socket)
        mem_exhausted();
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
    use_thread(socket, THREAD_OF_ADDRESSES);
    socket_set(socket, ZMQ_LINGER, linger_ms);
    socket_set(socket, ZMQ_SNDHWM, SOCKET_QUEUE_MESSAGES);
    socket_set(socket, ZMQ_RCVHWM, SOCKET_QUEUE_MESSAGES);
    socket_set(socket, ZMQ_TCP_KEEPALIVE, 1);
    socket_set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    socket_set(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
    socket_set(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
    return socket;
}

void socket_close(void *socket)
{
    if (socket)
        zmq_close(socket);
}

void socket_use_no_keys(void *socket)
{
    socket_set(socket, ZMQ_CURVE_SERVER, 0);
}

static int use_keys(struct endpoint_context *context, void *socket, const char *address,
                    struct error *error)
{
    const struct curve_keys *own = &context->keys;
    char server[CURVE_KEY_SIZE];

    if (!own->secret_key[0])
        return error_set(error, "'%s' needs a CURVE key pair of our own", address);
    if (!context_expected(context, address, server))
        return error_set(error, "'%s' needs the public key of the process that answers there",
                         address);
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, CURVE_KEY_SIZE) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, CURVE_KEY_SIZE) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, CURVE_KEY_SIZE) < 0)
        return error_set(error, "'%s': a key is not a CURVE key", address);
    return 0;
}

int socket_connect(struct endpoint_context *context, void *socket, const char *address,
                   struct error *error)
{
    socket_use_no_keys(socket);
    if (endpoint_is_tcp(address) && use_keys(context, socket, address, error) < 0)
        return -1;
    socket_set(socket, ZMQ_IMMEDIATE, 1);
    socket_set(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    socket_set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    bool has_name = endpoint_has_host_name(address);
    if (has_name) {
        use_thread(socket, THREAD_OF_HOST_NAMES);
        atomic_store(&context->looks_up_names, true);
    }
    int err = zmq_connect(socket, address);
    use_thread(socket, THREAD_OF_ADDRESSES);
    if (err < 0)
        return error_set(error, "cannot connect to '%s': %s", address, zmq_strerror(zmq_errno()));
    return 0;
}

static int option_of(void *socket, int option)
{
    int value = 0;
    size_t size = sizeof(value);

    return zmq_getsockopt(socket, option, &value, &size) < 0 ? -1 : value;
}

/* A socket's descriptor is edge-triggered towards its events (zmq_getsockopt(3), ZMQ_FD): any call
 * on the socket may use the edge up, so the events themselves are asked for. */
static bool is_ready(void *socket, int wanted)
{
    int events = option_of(socket, ZMQ_EVENTS);

    if (events < 0)
        return false;
    return (events & ZMQ_POLLIN && wanted & LOOP_READ) ||
           (events & ZMQ_POLLOUT && wanted & LOOP_WRITE);
}

void socket_watch(struct loop *loop, void *socket, int events, loop_source_fn *fn, void *arg)
{
    loop_watch_source(loop, socket, option_of(socket, ZMQ_FD), is_ready, events, fn, arg);
}

void socket_unwatch(struct loop *loop, const void *socket)
{
    loop_unwatch_source(loop, socket);
}

struct str socket_msg_str(zmq_msg_t *msg)
{
    return str_from(zmq_msg_data(msg), zmq_msg_size(msg));
}

bool socket_receive(void *socket, zmq_msg_t *ret_msg, size_t *ret_frames)
{
    *ret_frames = 0;
    zmq_msg_init(ret_msg);
    do {
        int flags = *ret_frames == 0 ? ZMQ_DONTWAIT : 0;
        while (zmq_msg_recv(ret_msg, socket, flags) < 0) {
            if (zmq_errno() == EINTR)
                continue;
            zmq_msg_close(ret_msg);
            return false;
        }
        ++*ret_frames;
    } while (zmq_msg_more(ret_msg));
    return true;
}
