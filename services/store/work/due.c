#include "services/store/work/due.h"

#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/heap.h"
#include "common/base/map.h"
#include "common/base/mem.h"

enum { CHECK_WALL_MS = 1000, LAPSE_DELAY_MS = 1000, LAPSE_DELAY_MAX_MS = 300000 };

struct entry {
    struct heap_node timer; /* when the plan comes, or when the lease ends */
    TAILQ_ENTRY(entry) ready;
    enum due_class ready_class; /* none: not in a queue */
    struct due_plan plan;
    int64_t fence; /* of the claim that is on */
    char *checker;
    uint32_t lapses;
    int64_t lapsed_until_mono_ms;
    int64_t claimed_mono_ms;
    char *id;
    size_t id_len;
};

TAILQ_HEAD(entry_queue, entry);

struct due {
    struct map *entries;
    struct heap plans;  /* by wall clock */
    struct heap leases; /* by monotonic clock */
    struct entry_queue ready[due_class_count];
    size_t ready_count;
    int64_t last_number;
    int64_t lease_ms;
    struct moment now; /* as of due_advance() */
    uint64_t claims, lapses;
};

struct moment moment_now(void)
{
    return (struct moment){clock_wall_ms(), clock_mono_ms()};
}

struct due *due_new(uint32_t boot, int64_t lease_ms)
{
    struct due *due = mem_alloc_zero(sizeof(*due));

    due->entries = map_new();
    due->last_number = (int64_t)boot << 32;
    due->lease_ms = lease_ms;
    for (int class = 0; class < due_class_count; class ++)
        TAILQ_INIT(&due->ready[class]);
    return due;
}

static bool free_entry(void *arg, struct str key, void *value)
{
    struct entry *entry = value;

    (void)arg;
    (void)key;
    mem_free(entry->checker);
    mem_free(entry->id);
    mem_free(entry);
    return true;
}

void due_free(struct due *due)
{
    if (!due)
        return;
    map_each(due->entries, free_entry, NULL);
    map_free(due->entries);
    heap_done(&due->plans);
    heap_done(&due->leases);
    mem_free(due);
}

int64_t due_ticket(struct due *due)
{
    return ++due->last_number;
}

static struct entry *entry_of_timer(struct heap_node *node)
{
    return node ? (struct entry *)((char *)node - offsetof(struct entry, timer)) : NULL;
}

static struct entry *entry_for(struct due *due, struct str id)
{
    struct entry *entry = map_get(due->entries, id);

    if (!entry) {
        entry = mem_alloc_zero(sizeof(*entry));
        entry->id = str_dup(id);
        entry->id_len = id.len;
        map_put(due->entries, id, entry);
    }
    return entry;
}

static void leave_queue(struct due *due, struct entry *entry)
{
    if (entry->ready_class == due_class_none)
        return;
    TAILQ_REMOVE(&due->ready[entry->ready_class], entry, ready);
    entry->ready_class = due_class_none;
    due->ready_count--;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t due_planned_at_ms(const struct due_plan *plan)
{
    int64_t mark = plan->mark_class ? plan->mark_at_ms : DUE_NEVER;
    int64_t date = plan->date_class ? plan->date_at_ms : DUE_NEVER;
    int64_t first = mark < date ? mark : date;

    return first == DUE_NEVER ? DUE_NEVER : later(first, plan->retry_at_ms);
}

static int64_t wall_of(const struct due *due, int64_t mono_ms)
{
    return due->now.wall_ms + (mono_ms - due->now.mono_ms);
}

static int64_t planned_at(const struct due *due, const struct entry *entry)
{
    int64_t at = due_planned_at_ms(&entry->plan);

    return at == DUE_NEVER ? DUE_NEVER : later(at, wall_of(due, entry->lapsed_until_mono_ms));
}

/* The more urgent of what has come. */
static enum due_class class_now(const struct entry *entry, int64_t wall_ms)
{
    const struct due_plan *plan = &entry->plan;
    bool marked = plan->mark_class && plan->mark_at_ms <= wall_ms;
    bool dated = plan->date_class && plan->date_at_ms <= wall_ms;

    if (marked && dated)
        return plan->mark_class < plan->date_class ? plan->mark_class : plan->date_class;
    return marked ? plan->mark_class : dated ? plan->date_class : due_class_none;
}

static void place(struct due *due, struct entry *entry)
{
    if (entry->fence != 0)
        return;
    int64_t at = planned_at(due, entry);
    enum due_class class =
        at <= due->now.wall_ms ? class_now(entry, due->now.wall_ms) : due_class_none;
    if (class != due_class_none && class == entry->ready_class)
        return; /* keeps its place in the queue */
    if (class == due_class_none && entry->timer.place != 0 && entry->timer.key == at)
        return; /* and in the heap */

    leave_queue(due, entry);
    heap_remove(&due->plans, &entry->timer);
    if (class != due_class_none) {
        entry->ready_class = class;
        TAILQ_INSERT_TAIL(&due->ready[class], entry, ready);
        due->ready_count++;
    } else if (at != DUE_NEVER) {
        heap_put(&due->plans, &entry->timer, at);
    }
}

void due_plan(struct due *due, struct str id, const struct due_plan *plan)
{
    struct entry *entry = entry_for(due, id);

    entry->plan = *plan;
    place(due, entry);
}

static void unclaim(struct due *due, struct entry *entry)
{
    heap_remove(&due->leases, &entry->timer);
    mem_free(take(entry->checker));
    entry->fence = 0;
}

void due_forget(struct due *due, struct str id)
{
    struct entry *entry = map_remove(due->entries, id);

    if (!entry)
        return;
    leave_queue(due, entry);
    if (entry->fence != 0)
        unclaim(due, entry);
    heap_remove(&due->plans, &entry->timer);
    free_entry(NULL, STR_NONE, entry);
}

static void lapse(struct due *due, struct entry *entry)
{
    int64_t delay = LAPSE_DELAY_MS << (entry->lapses < 9 ? entry->lapses : 9);

    unclaim(due, entry);
    entry->lapses++;
    entry->lapsed_until_mono_ms =
        due->now.mono_ms + (delay < LAPSE_DELAY_MAX_MS ? delay : LAPSE_DELAY_MAX_MS);
    due->lapses++;
    place(due, entry);
}

void due_advance(struct due *due, struct moment now)
{
    struct entry *entry;

    due->now = now;
    while ((entry = entry_of_timer(heap_top(&due->leases))) && entry->timer.key <= now.mono_ms)
        lapse(due, entry);
    while ((entry = entry_of_timer(heap_top(&due->plans))) && entry->timer.key <= now.wall_ms)
        place(due, entry);
}

static int64_t until(const struct heap *heap, int64_t now_ms, int64_t at_most_ms)
{
    const struct heap_node *top = heap_top(heap);

    if (!top || top->key - now_ms > at_most_ms)
        return at_most_ms;
    return top->key > now_ms ? top->key - now_ms : 0;
}

int64_t due_sleep_ms(const struct due *due, struct moment now)
{
    int64_t sleep_ms = until(&due->plans, now.wall_ms, CHECK_WALL_MS);

    return until(&due->leases, now.mono_ms, sleep_ms);
}

bool due_is_ready(const struct due *due, enum due_class class)
{
    return !TAILQ_EMPTY(&due->ready[class]);
}

struct str due_next_shareable(const struct due *due, enum due_class class)
{
    const struct entry *entry = TAILQ_FIRST(&due->ready[class]);

    return entry && entry->lapses == 0 ? str_from(entry->id, entry->id_len) : STR_NONE;
}

bool due_take(struct due *due, enum due_class class, struct str checker, struct moment now,
              struct due_claim *ret_claim)
{
    struct entry *entry = TAILQ_FIRST(&due->ready[class]);

    if (!entry)
        return false;
    leave_queue(due, entry);
    entry->fence = ++due->last_number;
    entry->checker = str_dup(checker);
    entry->claimed_mono_ms = now.mono_ms;
    heap_put(&due->leases, &entry->timer, now.mono_ms + due->lease_ms);
    due->claims++;
    *ret_claim = (struct due_claim){.id = str_from(entry->id, entry->id_len),
                                    .fence = entry->fence,
                                    .class = class,
                                    .lapsed = entry->lapses > 0};
    return true;
}

int64_t due_fence(const struct due *due, struct str id)
{
    const struct entry *entry = map_get(due->entries, id);

    return entry ? entry->fence : 0;
}

int64_t due_call_time_s(const struct due *due, struct str id, int64_t stated_s, struct moment now)
{
    const struct entry *entry = map_get(due->entries, id);
    int64_t latest_s = now.wall_ms / 1000;

    if (stated_s > latest_s)
        return latest_s;
    if (!entry || entry->fence == 0)
        return stated_s;
    return later(stated_s, (now.wall_ms - (now.mono_ms - entry->claimed_mono_ms)) / 1000);
}

bool due_renew(struct due *due, struct str id, int64_t fence, struct moment now)
{
    struct entry *entry = map_get(due->entries, id);

    if (!entry || fence == 0 || entry->fence != fence)
        return false;
    heap_remove(&due->leases, &entry->timer);
    heap_put(&due->leases, &entry->timer, now.mono_ms + due->lease_ms);
    return true;
}

struct str due_claimed_by(const struct due *due, struct str id)
{
    const struct entry *entry = map_get(due->entries, id);

    return str_of(entry ? entry->checker : NULL);
}

void due_end(struct due *due, struct str id, int64_t fence)
{
    struct entry *entry = map_get(due->entries, id);

    if (!entry || fence == 0 || entry->fence != fence)
        return;
    unclaim(due, entry);
    entry->lapses = 0;
    entry->lapsed_until_mono_ms = 0;
    place(due, entry);
}

struct due_counts due_counts(const struct due *due)
{
    return (struct due_counts){.planned = due->plans.count,
                               .ready = due->ready_count,
                               .claimed = due->leases.count,
                               .claims = due->claims,
                               .lapses = due->lapses};
}
