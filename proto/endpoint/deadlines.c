#include "proto/endpoint/deadlines.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

static void put(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
    deadlines->heap[place] = deadline;
    deadline->place = place;
}

static void rise(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;

    while (place > 1 && deadlines->heap[place / 2]->at_mono_ms > deadline->at_mono_ms) {
        put(deadlines, place, deadlines->heap[place / 2]);
        place /= 2;
    }
    put(deadlines, place, deadline);
}

static void sink(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;

    for (;;) {
        size_t child = 2 * place;
        if (child > deadlines->count)
            break;
        if (child < deadlines->count &&
            deadlines->heap[child + 1]->at_mono_ms < deadlines->heap[child]->at_mono_ms)
            child++;
        if (deadlines->heap[child]->at_mono_ms >= deadline->at_mono_ms)
            break;
        put(deadlines, place, deadlines->heap[child]);
        place = child;
    }
    put(deadlines, place, deadline);
}

static void on_timer(void *arg);

/* A timer that comes too early only looks and sets itself again, so it is left when its deadline
 * goes away. */
static void arm(struct deadlines *deadlines)
{
    if (deadlines->count == 0)
        return;
    int64_t first = deadlines->heap[1]->at_mono_ms;
    if (deadlines->timer && deadlines->timer_at_mono_ms <= first)
        return;
    loop_cancel(deadlines->timer);
    deadlines->timer_at_mono_ms = first;
    deadlines->timer = loop_after(deadlines->loop, first - clock_mono_ms(), on_timer, deadlines);
}

static void on_timer(void *arg)
{
    struct deadlines *deadlines = arg;
    int64_t now = clock_mono_ms();

    deadlines->timer = NULL;
    while (deadlines->count > 0 && deadlines->heap[1]->at_mono_ms <= now) {
        struct deadline *deadline = deadlines->heap[1];
        deadlines_unset(deadlines, deadline);
        deadlines->passed(deadlines->arg, deadline);
    }
    arm(deadlines);
}

void deadlines_init(struct deadlines *deadlines, struct loop *loop, deadline_passed_fn *passed,
                    void *arg)
{
    *deadlines = (struct deadlines){.loop = loop, .passed = passed, .arg = arg};
}

void deadlines_done(struct deadlines *deadlines)
{
    loop_cancel(deadlines->timer);
    mem_free(deadlines->heap);
    *deadlines = (struct deadlines){0};
}

void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_mono_ms)
{
    deadlines_unset(deadlines, deadline);
    if (deadlines->count + 1 >= deadlines->capacity) {
        deadlines->capacity = deadlines->capacity ? 2 * deadlines->capacity : 16;
        deadlines->heap =
            mem_realloc(deadlines->heap, deadlines->capacity * sizeof(*deadlines->heap));
    }
    deadline->at_mono_ms = at_mono_ms;
    deadline->place = ++deadlines->count;
    rise(deadlines, deadline);
    arm(deadlines);
}

void deadlines_unset(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;

    if (place == 0)
        return;
    struct deadline *last = deadlines->heap[deadlines->count--];
    deadline->place = 0;
    if (last == deadline)
        return;
    last->place = place;
    rise(deadlines, last);
    sink(deadlines, last);
}
