#include "proto/endpoint/reply_slabs.h"

#include <stdatomic.h>
#include <string.h>

#include "common/base/mem.h"

/* A message is handed from thread to thread by libzmq, whose atomics ThreadSanitizer does not see
 * in Debian's build: it is told here. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(slab) __tsan_release(slab)
#define TAKE_OVER(slab) __tsan_acquire(slab)
#else
#define HAND_OVER(slab) ((void)(slab))
#define TAKE_OVER(slab) ((void)(slab))
#endif

struct reply_slab {
    atomic_uint users; /* the messages in it, and whoever keeps it */
    size_t used;
    char bytes[];
};

enum { ROOM = REPLY_SLAB_BYTES - sizeof(struct reply_slab), SHARED_MAX = ROOM / 8 };

static void leave(struct reply_slab *slab)
{
    if (slab && atomic_fetch_sub_explicit(&slab->users, 1, memory_order_acq_rel) == 1)
        mem_free(slab);
}

static void leave_message(void *bytes, void *slab)
{
    (void)bytes;
    TAKE_OVER(slab);
    leave(slab);
}

/* As it is if it is nobody else's any more; otherwise it is left to its messages for another. */
static struct reply_slab *emptied(struct reply_slab *slab)
{
    if (!slab || atomic_load_explicit(&slab->users, memory_order_acquire) > 1) {
        leave(slab);
        slab = mem_alloc(REPLY_SLAB_BYTES);
        atomic_init(&slab->users, 1);
    }
    slab->used = 0;
    return slab;
}

static struct reply_slab *with_room(struct reply_slabs *slabs, size_t len)
{
    struct reply_slab *slab = slabs->kept[slabs->filling];

    if (slab && ROOM - slab->used >= len)
        return slab;
    slabs->filling = (slabs->filling + 1) % REPLY_SLABS_KEPT;
    slab = emptied(slabs->kept[slabs->filling]);
    slabs->kept[slabs->filling] = slab;
    return slab;
}

static int init_shared(struct reply_slabs *slabs, struct str payload, zmq_msg_t *message)
{
    struct reply_slab *slab = with_room(slabs, payload.len);
    char *place = slab->bytes + slab->used;

    slab->used += payload.len;
    atomic_fetch_add_explicit(&slab->users, 1, memory_order_relaxed);
    memcpy(place, payload.ptr, payload.len);
    HAND_OVER(slab);
    return zmq_msg_init_data(message, place, payload.len, leave_message, slab);
}

static int init_own(struct str payload, zmq_msg_t *message)
{
    if (zmq_msg_init_size(message, payload.len) < 0)
        return -1;
    if (payload.len > 0)
        memcpy(zmq_msg_data(message), payload.ptr, payload.len);
    return 0;
}

void reply_slabs_message(struct reply_slabs *slabs, struct str payload, zmq_msg_t *ret_message)
{
    bool shared = payload.len > 0 && payload.len <= SHARED_MAX;
    int err = shared ? init_shared(slabs, payload, ret_message) : init_own(payload, ret_message);

    if (err < 0)
        mem_exhausted();
}

void reply_slabs_done(struct reply_slabs *slabs)
{
    for (size_t i = 0; i < REPLY_SLABS_KEPT; i++)
        leave(take(slabs->kept[i]));
}
