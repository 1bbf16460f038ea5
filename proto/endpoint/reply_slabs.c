#include "proto/endpoint/reply_slabs.h"

#include <string.h>

#include "common/base/mem.h"
#include "proto/endpoint/handed_over.h"

/* How many pieces are kept by messages alone. */
struct slabs_away {
    atomic_uint count;
    atomic_uint users; /* those pieces, and who fills them */
};

struct reply_slab {
    atomic_uint users;       /* the messages in it, and its owner */
    struct slabs_away *away; /* NULL: it is kept here */
    size_t used;
    char bytes[];
};

enum { ROOM = REPLY_SLAB_BYTES - sizeof(struct reply_slab), SHARED_MAX = ROOM / 8 };

static void leave_away(struct slabs_away *away)
{
    if (away && atomic_fetch_sub_explicit(&away->users, 1, memory_order_acq_rel) == 1)
        mem_free(away);
}

static void leave(struct reply_slab *slab)
{
    if (!slab || atomic_fetch_sub_explicit(&slab->users, 1, memory_order_acq_rel) != 1)
        return;
    if (slab->away) {
        atomic_fetch_sub_explicit(&slab->away->count, 1, memory_order_relaxed);
        leave_away(slab->away);
    }
    mem_free(slab);
}

/* It is left to its messages. */
static void send_away(struct reply_slabs *slabs, struct reply_slab *slab)
{
    if (!slabs->away) {
        slabs->away = mem_alloc_zero(sizeof(*slabs->away));
        atomic_init(&slabs->away->users, 1);
    }
    atomic_fetch_add_explicit(&slabs->away->users, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&slabs->away->count, 1, memory_order_relaxed);
    slab->away = slabs->away;
    leave(slab);
}

static void leave_message(void *bytes, void *slab)
{
    (void)bytes;
    TAKE_OVER(slab);
    leave(slab);
}

/* As it is if it has no other owner any more; otherwise it is left to its messages for another. */
static struct reply_slab *emptied(struct reply_slabs *slabs, struct reply_slab *slab)
{
    if (!slab || atomic_load_explicit(&slab->users, memory_order_acquire) > 1) {
        if (slab)
            send_away(slabs, slab);
        slab = mem_alloc(REPLY_SLAB_BYTES);
        atomic_init(&slab->users, 1);
        slab->away = NULL;
    }
    slab->used = 0;
    return slab;
}

/* NULL: so many are under way that there is none. */
static struct reply_slab *with_room(struct reply_slabs *slabs, size_t len)
{
    struct reply_slab *slab = slabs->kept[slabs->filling];

    if (slab && ROOM - slab->used >= len)
        return slab;
    if (slabs->away &&
        atomic_load_explicit(&slabs->away->count, memory_order_relaxed) >= REPLY_SLABS_AWAY_MAX)
        return NULL;
    slabs->filling = (slabs->filling + 1) % REPLY_SLABS_KEPT;
    slab = emptied(slabs, slabs->kept[slabs->filling]);
    slabs->kept[slabs->filling] = slab;
    return slab;
}

bool reply_slabs_message(struct reply_slabs *slabs, struct str payload, zmq_msg_t *ret_message)
{
    struct reply_slab *slab;

    if (payload.len == 0 || payload.len > SHARED_MAX || !(slab = with_room(slabs, payload.len)))
        return false;
    char *place = slab->bytes + slab->used;
    slab->used += payload.len;
    atomic_fetch_add_explicit(&slab->users, 1, memory_order_relaxed);
    memcpy(place, payload.ptr, payload.len);
    HAND_OVER(slab);
    if (zmq_msg_init_data(ret_message, place, payload.len, leave_message, slab) < 0)
        mem_exhausted();
    return true;
}

void reply_slabs_done(struct reply_slabs *slabs)
{
    for (size_t i = 0; i < REPLY_SLABS_KEPT; i++)
        leave(take(slabs->kept[i]));
    leave_away(take(slabs->away));
}
