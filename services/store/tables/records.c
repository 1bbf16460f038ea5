#include "services/store/tables/records.h"

#include <string.h>

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/store/tables/journal.h"

enum { HANDLES_MAX = 8 + 64 };

struct handles {
    struct str items[HANDLES_MAX];
    size_t count;
};

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

static struct str row_key(struct arena *arena, struct str handle, struct str id)
{
    char *key = arena_alloc(arena, handle.len + 1 + id.len);

    memcpy(key, handle.ptr, handle.len);
    if (id.len > 0)
        memcpy(key + handle.len + 1, id.ptr, id.len);
    return str_from(key, handle.len + 1 + id.len);
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
    struct str prefix = row_key(arena, handle_key(handle), STR_NONE);
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

static void add_handle(struct handles *handles, struct str handle)
{
    if (handle.len == 0 || handles->count == HANDLES_MAX)
        return;
    for (size_t i = 0; i < handles->count; i++) {
        if (str_eq(handles->items[i], handle))
            return;
    }
    handles->items[handles->count++] = handle;
}

static void collect_handles(const struct subscription *record, struct handles *ret)
{
    ret->count = 0;
    add_handle(ret, record->id);
    add_handle(ret, record->license_key);
    add_handle(ret, record->account_id);
    add_handle(ret, record->customer_identifier);
    add_handle(ret, handle_key(record->tenant));
    add_handle(ret, record->agreement_id);
    for (size_t i = 0; i < record->aliases.count; i++)
        add_handle(ret, record->aliases.items[i]);
}

static bool handles_of(struct db *db, struct str key, struct str value, struct arena *arena,
                       struct index_entries *ret)
{
    struct subscription record;
    struct handles handles;

    (void)db;
    if (!decode(key, value, arena, &record))
        return false;
    collect_handles(&record, &handles);
    ret->items = arena_alloc_array(arena, handles.count, sizeof(*ret->items));
    for (size_t i = 0; i < handles.count; i++)
        ret->items[ret->count++].key = row_key(arena, handles.items[i], record.id);
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

static bool has_handle(const struct handles *handles, struct str handle)
{
    for (size_t i = 0; i < handles->count; i++) {
        if (str_eq(handles->items[i], handle))
            return true;
    }
    return false;
}

static void index_handles(struct change *change, const struct subscription *before,
                          const struct subscription *after)
{
    struct handles old = {.count = 0}, new = {.count = 0};

    if (before)
        collect_handles(before, &old);
    if (after)
        collect_handles(after, &new);
    for (size_t i = 0; i < old.count; i++) {
        if (!has_handle(&new, old.items[i]))
            db_remove(change->db, TABLE_HANDLES, row_key(&change->arena, old.items[i], before->id));
    }
    for (size_t i = 0; i < new.count; i++) {
        if (!has_handle(&old, new.items[i]))
            db_put(change->db, TABLE_HANDLES, row_key(&change->arena, new.items[i], after->id),
                   STR_NONE);
    }
}

static void write_row(struct change *change, const struct subscription *before,
                      const struct subscription *after)
{
    change_put(change, TABLE_SUBSCRIPTIONS, after->id, &shape_subscription, after);
    index_handles(change, before, after);
    change_wrote(change, after);
}

static struct str new_id(struct change *change)
{
    struct str id;

    do {
        unsigned char random[8];
        struct buf hex = BUF_INIT;
        crypto_random(random, sizeof(random));
        crypto_hex(&hex, random, sizeof(random));
        id = arena_printf(&change->arena, "s-%s", hex.data);
        buf_done(&hex);
    } while (db_has(change->db, TABLE_SUBSCRIPTIONS, id));
    return id;
}

static void journal(struct change *change, const struct subscription *before,
                    const struct subscription *after)
{
    struct buf text = BUF_INIT;

    record_describe_change(before, after, &text);
    journal_append(change, &(struct journal_entry){.subscription = after->id,
                                                   .version = after->version,
                                                   .change = buf_str(&text)});
    buf_done(&text);
}

void records_insert(struct change *change, struct subscription *record)
{
    record->id = new_id(change);
    record->version = 1;
    record->seq = change->seq;
    record->created_at = record->updated_at = change_now_s(change);
    write_row(change, NULL, record);
    journal(change, NULL, record);
}

static bool only_verified(const struct subscription *before, const struct subscription *after)
{
    struct subscription copy = *before;

    copy.verified_at = after->verified_at;
    return codec_equal(&shape_subscription, &copy, after);
}

enum record_write records_update(struct change *change, const struct subscription *before,
                                 struct subscription *after)
{
    if (codec_equal(&shape_subscription, before, after))
        return RECORD_SAME;
    bool silent = only_verified(before, after);

    after->version = before->version + 1;
    after->seq = change->seq;
    if (!silent)
        after->updated_at = change_now_s(change);
    write_row(change, before, after);
    if (silent)
        journal_append(
            change, &(struct journal_entry){.subscription = after->id, .version = after->version});
    else
        journal(change, before, after);
    return silent ? RECORD_VERIFIED : RECORD_CHANGED;
}

void records_verify(struct change *change, const struct subscription *before,
                    struct subscription *after)
{
    struct verified_record *verified = arena_alloc(&change->arena, sizeof(*verified));

    if (codec_equal(&shape_subscription, before, after))
        return;
    after->version = before->version + 1;
    after->seq = change->seq;
    write_row(change, before, after);
    if (!change->verified)
        journal_append(change, &(struct journal_entry){0});
    *verified = (struct verified_record){change->verified, arena_str(&change->arena, after->id)};
    change->verified = verified;
}

void records_remove_merged(struct change *change, const struct subscription *gone,
                           const struct subscription *survivor)
{
    db_remove(change->db, TABLE_SUBSCRIPTIONS, gone->id);
    index_handles(change, gone, NULL);
    change_removed(change, gone->id);
    struct str text = arena_printf(&change->arena, "merged into " STR_FMT, STR_ARG(survivor->id));
    journal_append(change, &(struct journal_entry){.subscription = gone->id, .change = text});
    journal_move(change, gone->id, survivor->id);
}

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
