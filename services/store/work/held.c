#include "services/store/work/held.h"

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"

/* Of a record that was held when it was last written. */
struct held_until {
    int64_t until_s;
    bool refused;
};

void held_note(struct books *books, struct str id, const struct subscription *record)
{
    int64_t until_s = 0;
    enum held_reason reason =
        record ? record_held(record, &books->policy, clock_wall_s(), &until_s) : held_reason_none;

    if (!books->held && reason == held_reason_none)
        return;
    if (!books->held)
        books->held = map_new();
    mem_free(map_remove(books->held, id));
    if (!record_held_for_operator(reason))
        return;
    struct held_until *one = mem_alloc(sizeof(*one));
    *one = (struct held_until){until_s, reason == HELD_REFUSED};
    map_put(books->held, id, one);
}

struct counting_held {
    struct held_counts counts;
    int64_t now_s;
};

static bool count_one(void *arg, struct str key, void *value)
{
    struct counting_held *counting = arg;
    const struct held_until *one = value;

    (void)key;
    if (one->until_s > counting->now_s) {
        counting->counts.waiting += !one->refused;
        counting->counts.refused += one->refused;
    }
    return true;
}

struct held_counts held_count(const struct books *books, int64_t now_s)
{
    struct counting_held counting = {.now_s = now_s};

    if (books->held)
        map_each(books->held, count_one, &counting);
    return counting.counts;
}

static bool free_one(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    mem_free(value);
    return true;
}

void held_forget(struct books *books)
{
    if (!books->held)
        return;
    map_each(books->held, free_one, NULL);
    map_free(take(books->held));
}
