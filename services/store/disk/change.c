#include "services/store/disk/change.h"

#include "proto/codec/codec.h"

static void list_init(struct touched_list *list)
{
    *list = (struct touched_list){.by_id = map_new()};
    list->last = &list->first;
}

void change_begin(struct change *change, struct db *db, int64_t seq, int64_t now_ms)
{
    *change = (struct change){.db = db, .now_ms = now_ms, .seq = seq + 1};
    change->last_effect = &change->effects;
    list_init(&change->subscriptions);
    list_init(&change->overrides);
    db_begin(db);
}

int change_commit(struct change *change, struct error *error)
{
    struct db *db = change->db;

    change->db = NULL;
    return db_commit(db, error);
}

void change_done(struct change *change)
{
    if (change->db)
        db_abort(change->db);
    map_free(change->subscriptions.by_id);
    map_free(change->overrides.by_id);
    buf_done(&change->row);
    arena_done(&change->arena);
    *change = (struct change){0};
}

int64_t change_now_s(const struct change *change)
{
    return change->now_ms / 1000;
}

void change_put(struct change *change, enum table table, struct str key, const struct shape *shape,
                const void *value)
{
    buf_clear(&change->row);
    codec_encode(shape, value, &change->row);
    db_put(change->db, table, key, buf_str(&change->row));
}

static struct touched *touch(struct change *change, struct touched_list *list, struct str id)
{
    struct touched *touched = map_get(list->by_id, id);

    if (touched)
        return touched;
    touched = arena_alloc(&change->arena, sizeof(*touched));
    touched->id = arena_str(&change->arena, id);
    *list->last = touched;
    list->last = &touched->next;
    map_put(list->by_id, id, touched);
    return touched;
}

static void wrote(struct change *change, struct touched_list *list, struct str id,
                  const struct shape *shape, const void *record)
{
    struct touched *touched = touch(change, list, id);
    void *copy = arena_alloc(&change->arena, shape->size);

    codec_copy(shape, record, &change->arena, copy);
    touched->record = copy;
    touched->gone = false;
}

static void removed(struct change *change, struct touched_list *list, struct str id)
{
    struct touched *touched = touch(change, list, id);

    touched->record = NULL;
    touched->gone = true;
}

void change_wrote(struct change *change, const struct subscription *record)
{
    wrote(change, &change->subscriptions, record->id, &shape_subscription, record);
}

void change_removed(struct change *change, struct str id)
{
    removed(change, &change->subscriptions, id);
}

void change_marked(struct change *change, struct str id)
{
    touch(change, &change->subscriptions, id);
}

void change_wrote_override(struct change *change, const struct override *override)
{
    wrote(change, &change->overrides, override->id, &shape_override, override);
}

void change_removed_override(struct change *change, struct str id)
{
    removed(change, &change->overrides, id);
}

void change_effect(struct change *change, enum effect_kind kind, struct str id, struct str other,
                   int64_t fence)
{
    struct effect *effect = arena_alloc(&change->arena, sizeof(*effect));

    *effect = (struct effect){.kind = kind,
                              .id = arena_str(&change->arena, id),
                              .other = arena_str(&change->arena, other),
                              .fence = fence};
    *change->last_effect = effect;
    change->last_effect = &effect->next;
}

static struct str_list gone_ids(struct change *change, const struct touched_list *list)
{
    struct str_list ids = {
        .items = arena_alloc_array(&change->arena, map_count(list->by_id), sizeof(struct str))};

    for (const struct touched *touched = list->first; touched; touched = touched->next) {
        if (touched->gone)
            ids.items[ids.count++] = touched->id;
    }
    return ids;
}

void change_event(struct change *change, struct str incarnation, struct commit_event *ret_event)
{
    struct commit_event event = {.incarnation = incarnation, .seq = change->seq};

    event.subscriptions.items = arena_alloc_array(
        &change->arena, map_count(change->subscriptions.by_id), sizeof(*event.subscriptions.items));
    for (const struct touched *one = change->subscriptions.first; one; one = one->next) {
        if (one->record)
            event.subscriptions.items[event.subscriptions.count++] =
                *(const struct subscription *)one->record;
    }
    event.overrides.items = arena_alloc_array(&change->arena, map_count(change->overrides.by_id),
                                              sizeof(*event.overrides.items));
    for (const struct touched *one = change->overrides.first; one; one = one->next) {
        if (one->record)
            event.overrides.items[event.overrides.count++] = *(const struct override *)one->record;
    }
    event.removed = gone_ids(change, &change->subscriptions);
    event.overrides_removed = gone_ids(change, &change->overrides);
    *ret_event = event;
}
