/* Due work alone, without the records that it is about. */
#ifndef TESTS_SUPPORT_DUE_FIXTURE_H
#define TESTS_SUPPORT_DUE_FIXTURE_H

#include "services/store/work/marks.h"
#include "tests/support/store_fixture.h"

static const struct str subscription = STR_INIT("s-1");

/* A record's due work with the times given, apart from what other tests touch. */
struct bench {
    struct fixture *f;
    struct due *due;
    struct moment now;
};

static inline void bench_plan(struct bench *b)
{
    struct stored_due stored;

    marks_get(b->f->books.db, subscription, &b->f->arena, &stored);
    struct due_plan plan = marks_plan(&stored, b->now.wall_ms);
    due_plan(b->due, subscription, &plan);
}

static inline struct bench bench_of(void **state)
{
    struct fixture *f = *state;
    struct bench b = {.f = f, .due = f->books.due, .now = {1800000000000, 5000}};

    due_advance(b.due, b.now);
    return b;
}

static inline void bench_pass(struct bench *b, int64_t ms)
{
    b->now.wall_ms += ms;
    b->now.mono_ms += ms;
    due_advance(b->due, b->now);
}

static inline void bench_commit(struct bench *b, struct change *change)
{
    struct error error;

    assert_int_equal(change_commit(change, &error), 0);
    change_done(change);
    bench_plan(b);
}

static inline int64_t bench_mark(struct bench *b, enum due_class class)
{
    struct change change;

    change_begin(&change, b->f->books.db, 0, b->now.wall_ms);
    int64_t ticket = marks_mark(&change, b->due, subscription, class, STR("test"));
    bench_commit(b, &change);
    return ticket;
}

static inline void bench_applied(struct bench *b, int64_t fence, bool changed)
{
    struct change change;

    change_begin(&change, b->f->books.db, 0, b->now.wall_ms);
    marks_applied(&change, subscription, fence, changed);
    bench_commit(b, &change);
    due_end(b->due, subscription, fence);
}

static inline void bench_failed(struct bench *b, int64_t fence, int64_t retry_after_ms)
{
    struct change change;

    change_begin(&change, b->f->books.db, 0, b->now.wall_ms);
    marks_failed(&change, subscription, STR("AWS is away"), retry_after_ms);
    bench_commit(b, &change);
    due_end(b->due, subscription, fence);
}

/* 0 if nothing of the class is ready. */
static inline int64_t bench_take(struct bench *b, enum due_class class)
{
    struct due_claim claim;

    if (!due_take(b->due, class, STR("checker"), b->now, &claim))
        return 0;
    assert_true(str_eq(claim.id, subscription));
    return claim.fence;
}

#endif
