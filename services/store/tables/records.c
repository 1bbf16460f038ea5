#include "services/store/tables/records.h"

#include <string.h>

#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/store/tables/handles.h"

static bool decode(struct str id, struct str bytes, struct arena *arena, struct subscription *ret)
{
    struct error error;

    if (codec_decode(&shape_subscription, bytes, arena, ret, &error) == 0)
        return true;
    log_error("a record cannot be read; it is left out", LOG_STR("subscription", id),
              LOG_TEXT("why", error.text));
    return false;
}

bool records_get(struct db *db, struct str id, struct arena *arena, struct subscription *ret)
{
    struct str bytes;

    return id.len > 0 && db_get(db, TABLE_SUBSCRIPTIONS, id, arena, &bytes) &&
           decode(id, bytes, arena, ret);
}

static void append_found(struct db *db, struct str id, struct str product, struct arena *arena,
                         struct subscription_list *list, size_t *capacity)
{
    struct subscription record;

    if (!records_get(db, id, arena, &record) ||
        (product.len > 0 && !str_eq(record.product_code, product)))
        return;
    if (list->count == *capacity) {
        size_t wider = *capacity ? 2 * *capacity : 4;
        struct subscription *items = arena_alloc_array(arena, wider, sizeof(*items));
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        *capacity = wider;
    }
    list->items[list->count++] = record;
}

struct subscription_list records_find(struct db *db, struct str handle, struct str product,
                                      struct arena *arena)
{
    struct subscription_list list = {0};
    size_t capacity = 0;

    if (handle.len == 0)
        return list;
    struct str prefix = handles_key(arena, handle_key(handle), STR_NONE);
    struct db_cursor cursor = db_ascend(db, TABLE_HANDLES, prefix);
    struct str key;
    while (db_step(&cursor, &key, NULL) && str_starts_with(key, prefix))
        append_found(db, arena_str(arena, str_from(key.ptr + prefix.len, key.len - prefix.len)),
                     product, arena, &list, &capacity);
    db_cursor_done(&cursor);
    return list;
}

bool records_resolve(struct db *db, struct str id, struct arena *arena, struct subscription *ret)
{
    if (records_get(db, id, arena, ret))
        return true;
    struct subscription_list found = records_find(db, id, STR_NONE, arena);
    for (size_t i = 0; i < found.count; i++) {
        if (record_has_id(&found.items[i], id)) {
            *ret = found.items[i];
            return true;
        }
    }
    return false;
}

struct str records_owner(struct db *db, struct str id, struct arena *arena)
{
    struct subscription record;

    if (id.len > 0 && db_has(db, TABLE_SUBSCRIPTIONS, id))
        return id;
    return records_resolve(db, id, arena, &record) ? record.id : STR_NONE;
}

struct subscription_list records_page(struct db *db, struct str after, struct str product,
                                      size_t limit, size_t bytes, struct arena *arena,
                                      struct str *ret_next)
{
    struct subscription_list list = {.items = arena_alloc_array(arena, limit, sizeof(*list.items))};
    struct db_cursor cursor = db_ascend(db, TABLE_SUBSCRIPTIONS, after);
    struct str key, value, last = STR_NONE;
    size_t taken = 0;

    *ret_next = STR_NONE;
    while (db_step(&cursor, &key, &value)) {
        if (str_eq(key, after))
            continue;
        if (list.count == limit || (taken > 0 && taken + value.len > bytes)) {
            *ret_next = last;
            break;
        }
        struct subscription record;
        last = arena_str(arena, key);
        taken += value.len;
        if (decode(key, arena_str(arena, value), arena, &record) &&
            (product.len == 0 || str_eq(record.product_code, product)))
            list.items[list.count++] = record;
    }
    db_cursor_done(&cursor);
    return list;
}

/* The least key above one. */
static struct str key_above(struct str key, struct arena *arena)
{
    return key.len > 0 ? str_from(arena_str(arena, key).ptr, key.len + 1) : STR_NONE;
}

struct str_list records_encoded(struct db *db, struct str after, size_t limit, size_t bytes,
                                struct arena *arena, struct str *ret_next)
{
    struct db_rows rows;

    db_read_rows(db, TABLE_SUBSCRIPTIONS, key_above(after, arena), limit, bytes, arena, &rows);
    *ret_next = rows.more ? rows.items[rows.count - 1].key : STR_NONE;
    struct str_list list = {.items = arena_alloc_array(arena, rows.count, sizeof(*list.items))};
    for (size_t i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[i];
        if (codec_is_map(row->value))
            list.items[list.count++] = row->value;
        else
            log_error("a record is damaged; it is left out", LOG_STR("subscription", row->key));
    }
    return list;
}

static bool handles_of(struct db *db, struct str key, struct str value, struct arena *arena,
                       struct index_entries *ret)
{
    struct subscription record;
    struct handles handles;

    (void)db;
    if (!decode(key, value, arena, &record))
        return false;
    handles_collect(&record, &handles);
    ret->items = arena_alloc_array(arena, handles.count, sizeof(*ret->items));
    for (size_t i = 0; i < handles.count; i++)
        ret->items[ret->count++].key = handles_key(arena, handles.items[i], record.id);
    return true;
}

static struct str id_of_row(struct str key, struct str value)
{
    const char *end = key.len > 0 ? memrchr(key.ptr, '\0', key.len) : NULL;

    (void)value;
    return end ? str_from(end + 1, (size_t)(key.ptr + key.len - (end + 1))) : STR_NONE;
}

const struct index_rule records_by_handle = {.name = "handles",
                                             .source = TABLE_SUBSCRIPTIONS,
                                             .index = TABLE_HANDLES,
                                             .entries_of = handles_of,
                                             .source_of = id_of_row};

bool records_each(struct db *db, struct str after,
                  bool (*visit)(void *arg, const struct subscription *record), void *arg)
{
    struct db_cursor cursor = db_ascend(db, TABLE_SUBSCRIPTIONS, after);
    struct str key, value;
    bool wanted = true;

    while (wanted && db_step(&cursor, &key, &value)) {
        struct arena arena = ARENA_INIT;
        struct subscription record;
        if (!str_eq(key, after) && decode(key, value, &arena, &record))
            wanted = visit(arg, &record);
        arena_done(&arena);
    }
    db_cursor_done(&cursor);
    return !wanted;
}
