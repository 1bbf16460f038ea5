#include "services/store/work/sweeps.h"

#include "common/base/clock.h"
#include "common/log/log.h"
#include "proto/record/record.h"
#include "services/store/work/marks.h"

enum { ID_LIMIT = 64 }; /* of ids in messages.def */

/* Ids of subscriptions begin with s-. */
static const struct str prefix = STR_INIT("p-");

bool sweeps_is_id(struct str id)
{
    return str_starts_with(id, prefix);
}

struct str sweeps_id(struct arena *arena, struct str product_code)
{
    return arena_printf(arena, STR_FMT STR_FMT, STR_ARG(prefix), STR_ARG(product_code));
}

struct str sweeps_product(struct str id)
{
    return str_from(id.ptr + prefix.len, id.len - prefix.len);
}

struct subscription sweeps_record(struct str id)
{
    return (struct subscription){.id = id, .product_code = sweeps_product(id)};
}

void sweeps_plan(struct books *books, struct str id)
{
    struct arena arena = ARENA_INIT;
    struct stored_due stored;
    int64_t interval_ms = books->settings ? books->settings->store.sweep_interval_ms : 0;

    marks_get(books->db, id, &arena, &stored);
    int64_t now_ms = clock_wall_ms();
    struct due_plan plan = marks_plan(&stored, now_ms);
    if (interval_ms > 0) {
        bool known = stored.swept && !record_time_is_ahead(stored.swept->swept_at, now_ms / 1000);
        plan.date_class = DUE_SWEEP;
        plan.date_at_ms = known ? stored.swept->swept_at * 1000 + interval_ms : 0;
    }
    due_plan(books->due, id, &plan);
    arena_done(&arena);
}

struct str_list sweeps_all(const struct books *books, struct arena *arena)
{
    size_t count = books->settings ? books->settings->products.count : 0;
    struct str_list ids = {.items = arena_alloc_array(arena, count, sizeof(struct str))};

    for (size_t i = 0; i < count; i++) {
        struct str id = sweeps_id(arena, str_of(settings_product_at(books->settings, i)->code));
        if (id.len <= ID_LIMIT)
            ids.items[ids.count++] = id;
    }
    return ids;
}

void sweeps_load(struct books *books)
{
    struct arena arena = ARENA_INIT;
    struct str_list ids = sweeps_all(books, &arena);

    for (size_t i = 0; i < ids.count; i++)
        sweeps_plan(books, ids.items[i]);
    if (books->settings && ids.count < books->settings->products.count)
        log_warning("a product's code is too long for a sweep",
                    LOG_INT("products", books->settings->products.count - ids.count));
    arena_done(&arena);
}

struct sweep_state sweeps_state(struct db *db, struct str product_code, struct arena *arena)
{
    struct str id = sweeps_id(arena, product_code);
    struct stored_due stored;

    marks_get(db, id, arena, &stored);
    struct sweep_state state = stored.swept ? *stored.swept : (struct sweep_state){0};
    state.product = product_code;
    state.id = id;
    state.failures = stored.failures;
    state.last_error = stored.last_error;
    return state;
}

void sweeps_done(struct change *change, struct str id, int64_t fence,
                 const struct sweep_state *outcome)
{
    marks_swept(change, id, fence, outcome);
    change_effect(change, EFFECT_APPLIED, id, STR_NONE, fence);
}
