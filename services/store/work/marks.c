#include "services/store/work/marks.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"

enum {
    FIRST_DELAY_MS = 1000,
    LONGEST_DELAY_MS = 300000,
    LONGEST_WAIT_MS = 3600000,
    ERROR_TEXT_MAX = 1000
};

static const int64_t recheck_delays_ms[] = {5000, 30000, 180000, 900000};
enum { RECHECKS = sizeof(recheck_delays_ms) / sizeof(recheck_delays_ms[0]) };

void marks_get(struct db *db, struct str id, struct arena *arena, struct stored_due *ret)
{
    struct error error;
    struct str bytes;

    *ret = (struct stored_due){0};
    if (!db_get(db, TABLE_DUE, id, arena, &bytes))
        return;
    if (codec_decode(&shape_stored_due, bytes, arena, ret, &error) < 0)
        log_error("due work cannot be read; the subscription follows its dates alone",
                  LOG_STR("subscription", id), LOG_TEXT("why", error.text));
}

/* Nothing is made to wait for longer: if it seems to, the clock was ahead when that was stored. */
static int64_t wait_until(int64_t at_ms, int64_t now_ms)
{
    return at_ms > now_ms + LONGEST_WAIT_MS ? now_ms : at_ms;
}

struct due_plan marks_plan(const struct stored_due *stored, int64_t now_ms)
{
    return (struct due_plan){.mark_class = stored->class,
                             .mark_at_ms = wait_until(stored->not_before_ms, now_ms),
                             .retry_at_ms = wait_until(stored->retry_at_ms, now_ms)};
}

static void put(struct change *change, struct str id, const struct stored_due *stored)
{
    change_put(change, TABLE_DUE, id, &shape_stored_due, stored);
    change_marked(change, id);
}

static bool waits_for_a_call(const struct stored_due *stored, enum due_class class)
{
    return stored->class != due_class_none && stored->class <= class &&
           stored->not_before_ms == 0 && stored->retry_at_ms == 0 &&
           (class != DUE_NOTIFICATION || stored->recheck == 1);
}

static void set_mark(struct change *change, struct stored_due *stored, enum due_class class,
                     struct str reason)
{
    stored->class = class;
    stored->reason = reason;
    stored->since = change_now_s(change);
    stored->trace = change->origin.trace;
}

/* A recheck whose time has not come: what is asked before is asked for another reason. */
static bool is_awaited(const struct stored_due *stored, int64_t now_ms)
{
    return wait_until(stored->not_before_ms, now_ms) > now_ms;
}

int64_t marks_mark(struct change *change, struct due *due, struct str id, enum due_class class,
                   struct str reason)
{
    struct stored_due stored;
    int64_t ticket = due_ticket(due);
    int64_t fence = due_fence(due, id);

    marks_get(change->db, id, &change->arena, &stored);
    /* Already due, and no claim began since: whichever comes next began after this mark too. */
    if (fence == 0 && waits_for_a_call(&stored, class))
        return ticket;

    bool being_served = fence != 0 && stored.ticket < fence;
    if (stored.class == due_class_none || being_served || class < stored.class ||
        is_awaited(&stored, change->now_ms))
        set_mark(change, &stored, class, reason);
    if (is_awaited(&stored, change->now_ms) && stored.recheck > 1)
        stored.recheck--; /* it will be waited for anew */
    stored.ticket = ticket;
    stored.not_before_ms = 0;
    if (class <= DUE_MAX_AGE)
        stored.retry_at_ms = 0; /* somebody waits, or AWS itself says there is something to see */
    if (class == DUE_NOTIFICATION)
        stored.recheck = 1;
    put(change, id, &stored);
    return ticket;
}

static void clear_mark(struct stored_due *stored)
{
    stored->class = due_class_none;
    stored->reason = STR_NONE;
    stored->trace = STR_NONE;
    stored->since = 0;
    stored->not_before_ms = 0;
}

static void ask_again(struct change *change, struct stored_due *stored)
{
    struct str trace = stored->trace;

    set_mark(change, stored, DUE_NOTIFICATION, STR("the notification changed nothing yet"));
    stored->trace = trace;
    stored->not_before_ms = change->now_ms + recheck_delays_ms[stored->recheck - 1];
    stored->recheck++;
}

void marks_applied(struct change *change, struct str id, int64_t fence, bool changed)
{
    struct stored_due stored;

    marks_get(change->db, id, &change->arena, &stored);
    stored.applied_fence = fence;
    stored.failures = 0;
    stored.last_error = STR_NONE;
    stored.retry_at_ms = 0;
    if (stored.ticket < fence && (changed || !is_awaited(&stored, change->now_ms))) {
        struct str trace = stored.trace;
        clear_mark(&stored);
        stored.trace = trace;
        if (changed || stored.recheck < 1 || stored.recheck > RECHECKS)
            stored.recheck = 0;
        else
            ask_again(change, &stored);
        if (stored.class == due_class_none)
            stored.trace = STR_NONE;
    }
    put(change, id, &stored);
}

void marks_swept(struct change *change, struct str id, int64_t fence,
                 const struct sweep_state *outcome)
{
    struct sweep_state swept = *outcome;
    struct stored_due stored;

    marks_get(change->db, id, &change->arena, &stored);
    stored.applied_fence = fence;
    stored.failures = 0;
    stored.last_error = STR_NONE;
    stored.retry_at_ms = 0;
    stored.swept = &swept;
    if (stored.ticket < fence)
        clear_mark(&stored);
    put(change, id, &stored);
}

/* Doubling, with a quarter of jitter, so that what failed together is not asked together. */
static int64_t widening_delay_ms(int64_t failures)
{
    int64_t delay = failures > 9 ? LONGEST_DELAY_MS : (int64_t)FIRST_DELAY_MS << (failures - 1);
    uint16_t random;

    if (delay > LONGEST_DELAY_MS)
        delay = LONGEST_DELAY_MS;
    crypto_random(&random, sizeof(random));
    return delay - delay / 4 + delay / 2 * random / UINT16_MAX;
}

void marks_failed(struct change *change, struct str id, struct str why, int64_t retry_after_ms)
{
    struct stored_due stored;

    marks_get(change->db, id, &change->arena, &stored);
    stored.failures++;
    stored.last_error = why.len > ERROR_TEXT_MAX ? str_from(why.ptr, ERROR_TEXT_MAX) : why;
    int64_t delay_ms = retry_after_ms > 0 ? retry_after_ms : widening_delay_ms(stored.failures);
    stored.retry_at_ms = change->now_ms + (delay_ms < LONGEST_WAIT_MS ? delay_ms : LONGEST_WAIT_MS);
    put(change, id, &stored);
}

void marks_move(struct change *change, struct str from, struct str to)
{
    struct stored_due gone, stored;

    marks_get(change->db, from, &change->arena, &gone);
    marks_get(change->db, to, &change->arena, &stored);
    db_remove(change->db, TABLE_DUE, from);
    if (gone.class != due_class_none &&
        (stored.class == due_class_none || gone.class < stored.class)) {
        stored.class = gone.class;
        stored.reason = gone.reason;
        stored.trace = gone.trace;
        stored.since = gone.since;
        stored.not_before_ms = gone.not_before_ms;
    }
    if (gone.ticket > stored.ticket)
        stored.ticket = gone.ticket;
    if (gone.applied_fence > stored.applied_fence)
        stored.applied_fence = gone.applied_fence;
    if (gone.recheck > stored.recheck)
        stored.recheck = gone.recheck;
    put(change, to, &stored);
}
