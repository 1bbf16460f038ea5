#include "proto/endpoint/admission.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/keys/allow_list.h"
#include "common/log/log.h"
#include "proto/endpoint/socket.h"

/* ZeroMQ RFC 27. */
static const char zap_address[] = "inproc://zeromq.zap.01";
static const char zap_version[] = "1.0";
static const char zap_domain[] = "entitled";

enum { TELL_INTERVAL_MS = 60000, HANDSHAKE_LIMIT_MS = 10000, KEY_BYTES = 32 };

enum zap_frame {
    ZAP_VERSION,
    ZAP_REQUEST_ID,
    ZAP_DOMAIN,
    ZAP_ADDRESS,
    ZAP_IDENTITY,
    ZAP_MECHANISM,
    ZAP_KEY,
    ZAP_FRAMES,
};

struct zap_request {
    zmq_msg_t frames[ZAP_FRAMES];
    size_t count; /* as many came, also if there were more */
};

struct monitor {
    struct monitor *next;
    void *pair;
};

struct admission {
    struct admission_options options;
    void *zap;
    struct allow_list *allowed;
    struct monitor *monitors;
    struct loop_timer *tell_timer; /* NULL: the next one is told at once */
    uint64_t keys_told, handshakes_told;
    struct admission_stats stats;
    char last[160]; /* the last strange key, and from where */
};

/* Telling. */

static void tell(struct admission *admission);

static void on_tell(void *arg)
{
    struct admission *admission = arg;

    admission->tell_timer = NULL;
    tell(admission);
}

static void tell_keys(const struct admission *admission, uint64_t count)
{
    log_warning(ADMISSION_REFUSAL " was refused", LOG_TEXT("last", admission->last),
                LOG_INT("since_last_line", count));
    if (admission->options.on_refused)
        admission->options.on_refused(admission->options.arg, admission->last, count);
}

static void tell(struct admission *admission)
{
    uint64_t keys = admission->stats.keys_refused - admission->keys_told;
    uint64_t handshakes = admission->stats.not_handshaken - admission->handshakes_told;

    if (admission->tell_timer || keys + handshakes == 0)
        return;
    admission->tell_timer =
        loop_after(admission->options.loop, TELL_INTERVAL_MS, on_tell, admission);
    if (keys > 0)
        tell_keys(admission, keys);
    if (handshakes > 0)
        log_warning("a connection without CURVE, or to a key that is not ours, was refused",
                    LOG_INT("since_last_line", handshakes));
    admission->keys_told += keys;
    admission->handshakes_told += handshakes;
}

/* ZAP. */

static struct str frame_text(struct zap_request *request, enum zap_frame frame)
{
    if ((size_t)frame >= request->count)
        return STR_NONE;
    return socket_msg_str(&request->frames[frame]);
}

/* False: none is waiting. */
static bool receive_request(void *zap, struct zap_request *request)
{
    zmq_msg_t surplus;
    zmq_msg_t *frame = NULL;

    request->count = 0;
    zmq_msg_init(&surplus);
    do {
        frame = request->count < ZAP_FRAMES ? &request->frames[request->count] : &surplus;
        if (frame != &surplus)
            zmq_msg_init(frame);
        if (zmq_msg_recv(frame, zap, ZMQ_DONTWAIT) < 0) {
            if (frame != &surplus)
                zmq_msg_close(frame);
            break;
        }
        request->count += frame != &surplus;
    } while (zmq_msg_more(frame));
    zmq_msg_close(&surplus);
    return request->count > 0;
}

static void close_request(struct zap_request *request)
{
    for (size_t i = 0; i < request->count; i++)
        zmq_msg_close(&request->frames[i]);
}

/* Sockets are IPv6, for which an IPv4 address is one of these. */
static struct str without_mapping(struct str address)
{
    const struct str mapped = STR("::ffff:");

    if (!str_starts_with(address, mapped))
        return address;
    return str_from(address.ptr + mapped.len, address.len - mapped.len);
}

static void refuse_key(struct admission *admission, const char *key, struct str address)
{
    admission->stats.keys_refused++;
    snprintf(admission->last, sizeof(admission->last), "key %s from %.*s", key,
             STR_ARG(without_mapping(address)));
    tell(admission);
}

static bool admit(struct admission *admission, struct zap_request *request)
{
    struct str key = frame_text(request, ZAP_KEY);
    char text[CURVE_KEY_SIZE];

    if (!str_eq_text(frame_text(request, ZAP_VERSION), zap_version) ||
        !str_eq_text(frame_text(request, ZAP_DOMAIN), zap_domain) ||
        !str_eq_text(frame_text(request, ZAP_MECHANISM), "CURVE") || key.len != KEY_BYTES ||
        !zmq_z85_encode(text, (const uint8_t *)key.ptr, KEY_BYTES))
        return false;
    if (!allow_list_has(admission->allowed, text)) {
        refuse_key(admission, text, frame_text(request, ZAP_ADDRESS));
        return false;
    }
    admission->stats.admitted++;
    return true;
}

static void answer(void *zap, struct zap_request *request, bool admitted)
{
    struct str id = frame_text(request, ZAP_REQUEST_ID);
    const struct str frames[] = {str_of(zap_version),
                                 id,
                                 admitted ? STR("200") : STR("400"),
                                 admitted ? STR("OK") : STR("this key is not allowed"),
                                 STR(""), /* user id */
                                 STR("")};
    const size_t count = sizeof(frames) / sizeof(frames[0]);

    for (size_t i = 0; i < count; i++)
        zmq_send(zap, frames[i].ptr, frames[i].len, i + 1 < count ? ZMQ_SNDMORE : 0);
}

static void on_zap(void *arg, void *zap)
{
    struct admission *admission = arg;
    struct zap_request request;

    while (receive_request(zap, &request)) {
        answer(zap, &request, admit(admission, &request));
        close_request(&request);
    }
}

/* Monitors. */

static void on_monitor(void *arg, void *pair)
{
    struct admission *admission = arg;
    zmq_msg_t msg;
    size_t frames;

    while (socket_receive(pair, &msg, &frames)) {
        admission->stats.not_handshaken++;
        zmq_msg_close(&msg);
    }
    tell(admission);
}

static int watch_handshakes(struct admission *admission, void *socket, struct error *error)
{
    struct monitor *monitor = mem_alloc_zero(sizeof(*monitor));
    cleanup(mem_freep) char *address = mem_printf("inproc://admission-%p", (void *)monitor);

    monitor->next = admission->monitors;
    admission->monitors = monitor;
    monitor->pair = socket_open(admission->options.context, ZMQ_PAIR, 0);
    socket_watch(admission->options.loop, monitor->pair, LOOP_READ, on_monitor, admission);
    if (zmq_socket_monitor(socket, address,
                           ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) < 0)
        return error_set(error, "cannot watch a socket: %s", zmq_strerror(zmq_errno()));
    return socket_connect(admission->options.context, monitor->pair, address, error);
}

/* libzmq lets everybody in when nobody answers ZAP; the caller answers already. */
int admission_guard(struct admission *admission, void *socket, const char *address,
                    struct error *error)
{
    const struct curve_keys *keys = &admission->options.context->keys;

    if (zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, CURVE_KEY_SIZE) < 0 ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, zap_domain, strlen(zap_domain)) < 0)
        return error_set(error, "cannot bind '%s' with CURVE: %s", address,
                         zmq_strerror(zmq_errno()));
    socket_set(socket, ZMQ_CURVE_SERVER, 1);
    socket_set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_LIMIT_MS);
    return watch_handshakes(admission, socket, error);
}

void admission_unguard(void *socket)
{
    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "", 0);
    socket_use_no_keys(socket);
}

static void on_unreadable(void *arg, const char *sentence)
{
    (void)arg;
    log_warning("a file in the directory of allowed keys is ignored", LOG_TEXT("why", sentence));
}

int admission_open(struct admission **ret, const struct admission_options *options,
                   struct error *error)
{
    struct admission *admission = mem_alloc_zero(sizeof(*admission));

    admission->options = *options;
    if (allow_list_open(&admission->allowed, options->allowed_keys, on_unreadable, NULL, error) <
        0) {
        mem_free(admission);
        return -1;
    }
    admission->zap = socket_open(options->context, ZMQ_REP, 0);
    socket_watch(options->loop, admission->zap, LOOP_READ, on_zap, admission);
    if (zmq_bind(admission->zap, zap_address) < 0) {
        error_set(error, "cannot bind '%s': %s", zap_address, zmq_strerror(zmq_errno()));
        admission_close(admission);
        return -1;
    }
    options->context->admission = admission;
    log_info("TCP endpoints accept these allowed keys",
             LOG_TEXT("directory", options->allowed_keys),
             LOG_INT("keys", allow_list_count(admission->allowed)),
             LOG_TEXT("own_key", endpoint_context_public_key(options->context)));
    *ret = admission;
    return 0;
}

void admission_close(struct admission *admission)
{
    struct monitor *monitor;

    if (!admission)
        return;
    if (admission->options.context->admission == admission)
        admission->options.context->admission = NULL;
    while ((monitor = admission->monitors)) {
        admission->monitors = monitor->next;
        socket_unwatch(admission->options.loop, monitor->pair);
        socket_close(monitor->pair);
        mem_free(monitor);
    }
    socket_unwatch(admission->options.loop, admission->zap);
    socket_close(admission->zap);
    loop_cancel(admission->tell_timer);
    allow_list_free(admission->allowed);
    mem_free(admission);
}

struct admission_stats admission_stats(const struct admission *admission)
{
    return admission ? admission->stats : (struct admission_stats){0};
}
