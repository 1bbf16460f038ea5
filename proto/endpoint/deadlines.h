/* Many deadlines on one timer of the loop: a heap ordered by time. Internal to endpoint.
 *
 * A loop's own timers cost a search each; thousands of calls in flight would feel it.
 */
#ifndef PROTO_ENDPOINT_DEADLINES_H
#define PROTO_ENDPOINT_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

#include "common/loop/loop.h"

struct deadline {
    int64_t at_mono_ms;
    size_t place; /* in the heap, from 1; 0: not set */
};

typedef void deadline_passed_fn(void *arg, struct deadline *deadline);

struct deadlines {
    struct loop *loop;
    deadline_passed_fn *passed;
    void *arg;
    struct deadline **heap; /* [0] is not used */
    size_t count, capacity;
    struct loop_timer *timer;
    int64_t timer_at_mono_ms;
};

void deadlines_init(struct deadlines *deadlines, struct loop *loop, deadline_passed_fn *passed,
                    void *arg);
void deadlines_done(struct deadlines *deadlines);

/* Calls passed once, on the loop, when the time has come; the deadline is no longer set then. */
void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_mono_ms);
void deadlines_unset(struct deadlines *deadlines, struct deadline *deadline);

#endif
