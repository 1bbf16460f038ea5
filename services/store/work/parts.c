#include "services/store/work/parts.h"

#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"

struct part {
    struct part *next;
    struct apply_part_params params;
};

struct answer_parts {
    struct arena arena;
    int64_t fence, count;
    size_t rows;
    struct part *first, **last;
};

struct parts {
    struct map *by_subscription;
    size_t bytes;
};

struct parts *parts_new(void)
{
    struct parts *parts = mem_alloc_zero(sizeof(*parts));

    parts->by_subscription = map_new();
    return parts;
}

static void forget(struct parts *parts, struct str subscription)
{
    struct answer_parts *answer = map_remove(parts->by_subscription, subscription);

    parts->bytes -= arena_size(&answer->arena);
    arena_done(&answer->arena);
    mem_free(answer);
}

static bool forget_one(void *arg, struct str subscription, void *value)
{
    (void)value;
    forget(arg, subscription);
    return true;
}

void parts_free(struct parts *parts)
{
    if (!parts)
        return;
    map_each(parts->by_subscription, forget_one, parts);
    map_free(parts->by_subscription);
    mem_free(parts);
}

struct overdue {
    struct parts *parts;
    const struct due *due;
};

static bool forget_if_over(void *arg, struct str subscription, void *value)
{
    const struct overdue *overdue = arg;
    const struct answer_parts *answer = value;

    if (due_fence(overdue->due, subscription) != answer->fence)
        forget(overdue->parts, subscription);
    return true;
}

static struct answer_parts *answer_for(struct parts *parts, const struct apply_part_params *part)
{
    struct answer_parts *answer = map_get(parts->by_subscription, part->subscription);

    if (answer)
        return answer;
    answer = mem_alloc_zero(sizeof(*answer));
    answer->fence = part->fence;
    answer->last = &answer->first;
    map_put(parts->by_subscription, part->subscription, answer);
    return answer;
}

enum rpc_error parts_add(struct parts *parts, const struct due *due,
                         const struct apply_part_params *part, struct error *error)
{
    struct overdue overdue = {parts, due};

    map_each(parts->by_subscription, forget_if_over, &overdue);
    struct answer_parts *answer = answer_for(parts, part);
    if (part->part < answer->count)
        return ERROR_NONE;
    if (part->part > answer->count) {
        error_set(error, "the parts before it are missing");
        return ERROR_CONFLICT;
    }
    if (answer->rows + part->rows.count > PARTS_ROWS_MAX) {
        error_set(error, "an answer has at most %d rows", PARTS_ROWS_MAX);
        return ERROR_BAD_REQUEST;
    }
    if (parts->bytes > PARTS_BYTES_MAX) {
        error_set(error, "too many parts of answers are waiting already");
        return ERROR_THROTTLED;
    }
    parts->bytes -= arena_size(&answer->arena);
    struct part *added = arena_alloc(&answer->arena, sizeof(*added));
    codec_copy(&shape_apply_part_params, part, &answer->arena, &added->params);
    parts->bytes += arena_size(&answer->arena);
    *answer->last = added;
    answer->last = &added->next;
    answer->rows += part->rows.count;
    answer->count++;
    return ERROR_NONE;
}

static void append(struct aws_entitlement_list *rows, const struct aws_entitlement_list *more)
{
    if (more->count > 0)
        memcpy(rows->items + rows->count, more->items, more->count * sizeof(more->items[0]));
    rows->count += more->count;
}

bool parts_join(const struct parts *parts, const struct apply_params *answer, struct arena *arena,
                struct aws_entitlement_list *ret_rows)
{
    const struct answer_parts *before = map_get(parts->by_subscription, answer->subscription);

    if (!before || before->fence != answer->fence || before->count != answer->parts)
        return false;
    *ret_rows = (struct aws_entitlement_list){
        .items = arena_alloc_array(arena, before->rows + answer->rows.count,
                                   sizeof(ret_rows->items[0]))};
    for (const struct part *part = before->first; part; part = part->next)
        append(ret_rows, &part->params.rows);
    append(ret_rows, &answer->rows);
    return true;
}
