#include "proto/endpoint/burden.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "proto/endpoint/handed_over.h"

struct burden {
    struct burdens *burdens;
    size_t bytes;
    size_t parts; /* how often it was begun; at 0 it goes */
    size_t peer_len;
    char peer[];
};

struct burdens {
    struct burden_limits limits;
    atomic_size_t bytes;
    atomic_size_t users;  /* the server, and each part of a burden */
    pthread_mutex_t lock; /* guards the peers and what they burden */
    struct map *peers;
};

struct burdens *burdens_new(struct burden_limits limits)
{
    struct burdens *burdens = mem_alloc_zero(sizeof(*burdens));

    burdens->limits = limits;
    atomic_init(&burdens->users, 1);
    pthread_mutex_init(&burdens->lock, NULL);
    burdens->peers = map_new();
    return burdens;
}

void burdens_leave(struct burdens *burdens)
{
    if (!burdens || atomic_fetch_sub(&burdens->users, 1) != 1)
        return;
    map_free(burdens->peers);
    pthread_mutex_destroy(&burdens->lock);
    mem_free(burdens);
}

size_t burdens_bytes(const struct burdens *burdens)
{
    return atomic_load_explicit(&burdens->bytes, memory_order_relaxed);
}

bool burdens_may_refuse(const struct burdens *burdens)
{
    size_t all = burdens_bytes(burdens);

    return all >= burdens->limits.peer_bytes || all >= burdens->limits.all_bytes;
}

bool burdens_refuse(struct burdens *burdens, struct str peer)
{
    size_t all = burdens_bytes(burdens);

    pthread_mutex_lock(&burdens->lock);
    const struct burden *burden = map_get(burdens->peers, peer);
    size_t bytes = burden ? burden->bytes : 0;
    pthread_mutex_unlock(&burdens->lock);
    return bytes >= burdens->limits.peer_bytes || (bytes > 0 && all >= burdens->limits.all_bytes);
}

size_t burdens_parts(struct burdens *burdens, struct str peer)
{
    pthread_mutex_lock(&burdens->lock);
    const struct burden *burden = map_get(burdens->peers, peer);
    size_t parts = burden ? burden->parts : 0;
    pthread_mutex_unlock(&burdens->lock);
    return parts;
}

/* With the lock. */
static struct burden *burden_of(struct burdens *burdens, struct str peer)
{
    struct burden *burden = map_get(burdens->peers, peer);

    if (burden)
        return burden;
    burden = mem_alloc_zero(sizeof(*burden) + peer.len);
    burden->burdens = burdens;
    burden->peer_len = peer.len;
    memcpy(burden->peer, peer.ptr, peer.len);
    map_put(burdens->peers, peer, burden);
    return burden;
}

struct burden *burden_begin(struct burdens *burdens, struct str peer, size_t bytes)
{
    pthread_mutex_lock(&burdens->lock);
    struct burden *burden = burden_of(burdens, peer);
    burden->bytes += bytes;
    burden->parts++;
    pthread_mutex_unlock(&burdens->lock);
    atomic_fetch_add(&burdens->bytes, bytes);
    atomic_fetch_add(&burdens->users, 1);
    return burden;
}

void burden_end(struct burden *burden, size_t bytes)
{
    struct burdens *burdens = burden->burdens;

    pthread_mutex_lock(&burdens->lock);
    burden->bytes -= bytes;
    bool over = --burden->parts == 0;
    if (over)
        map_remove(burdens->peers, str_from(burden->peer, burden->peer_len));
    pthread_mutex_unlock(&burdens->lock);
    if (over)
        mem_free(burden);
    atomic_fetch_sub(&burdens->bytes, bytes);
    burdens_leave(burdens);
}

struct block {
    struct burden *burden;
    size_t bytes; /* of all of it */
    char payload[];
};

static void leave_block(void *payload, void *arg)
{
    struct block *block = arg;
    (void)payload;

    TAKE_OVER(block);
    burden_end(block->burden, block->bytes);
    mem_free(block);
}

void burden_message(struct burdens *burdens, struct str peer, struct str payload,
                    zmq_msg_t *ret_message)
{
    size_t bytes = sizeof(struct block) + payload.len;
    struct block *block = mem_alloc(bytes);

    block->burden = burden_begin(burdens, peer, bytes);
    block->bytes = bytes;
    memcpy(block->payload, payload.ptr, payload.len);
    HAND_OVER(block);
    if (zmq_msg_init_data(ret_message, block->payload, payload.len, leave_block, block) < 0)
        mem_exhausted();
}
