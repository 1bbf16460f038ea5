#include "services/store/work/plan.h"

#include "common/base/clock.h"
#include "common/base/slice.h"
#include "services/store/tables/records.h"
#include "services/store/work/held.h"
#include "services/store/work/marks.h"
#include "services/store/work/scope.h"
#include "services/store/work/sweeps.h"

struct due_plan plan_of(const struct books *books, const struct subscription *record,
                        const struct stored_due *stored)
{
    int64_t now_ms = clock_wall_ms();
    struct due_plan plan = marks_plan(stored, now_ms);
    bool probe;

    if (scope_of(record, &probe) == scope_none)
        return (struct due_plan){0};
    int64_t date_s = record_next_due_s(record, &books->policy, now_ms / 1000, &plan.date_class);
    plan.date_at_ms = date_s * 1000;
    if (date_s == 0)
        plan.date_class = due_class_none;
    return plan;
}

static void plan_record(struct books *books, const struct subscription *record)
{
    struct arena arena = ARENA_INIT;
    struct stored_due stored;

    marks_get(books->db, record->id, &arena, &stored);
    struct due_plan plan = plan_of(books, record, &stored);
    due_plan(books->due, record->id, &plan);
    held_note(books, record->id, record);
    arena_done(&arena);
}

struct planning {
    struct books *books;
    struct slice slice;
};

static bool plan_each(void *arg, const struct subscription *record)
{
    struct planning *planning = arg;
    struct buf *planned_to = &planning->books->planned_to;

    plan_record(planning->books, record);
    if (!slice_is_over(&planning->slice))
        return true;
    buf_clear(planned_to);
    buf_append_str(planned_to, record->id);
    return false;
}

void plan_anew(struct books *books)
{
    buf_clear(&books->planned_to);
    sweeps_load(books);
}

int plan_more(struct books *books, struct error *error)
{
    enum { SLICE_US = 3000 };
    struct planning planning = {books, slice_begin(SLICE_US)};
    struct arena arena = ARENA_INIT;

    db_forgive(books->db);
    struct str after = arena_str(&arena, buf_str(&books->planned_to));
    bool more = records_each(books->db, after, plan_each, &planning);
    arena_done(&arena);
    if (db_failed(books->db, error))
        return -1;
    return more;
}

void plan_touched(struct books *books, const struct touched *touched)
{
    struct arena arena = ARENA_INIT;
    struct subscription record;

    if (sweeps_is_id(touched->id)) {
        sweeps_plan(books, touched->id);
        return;
    }
    if (touched->record)
        plan_record(books, touched->record);
    else if (!touched->gone && records_get(books->db, touched->id, &arena, &record))
        plan_record(books, &record);
    else {
        due_forget(books->due, touched->id);
        held_note(books, touched->id, NULL);
    }
    arena_done(&arena);
}
