#include "services/store/overrides.h"

#include <string.h>

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/store/journal.h"

static struct str new_id(struct change *change)
{
    unsigned char random[8];
    struct buf hex = BUF_INIT;

    crypto_random(random, sizeof(random));
    crypto_hex(&hex, random, sizeof(random));
    struct str id = arena_printf(&change->arena, "o-%s", hex.data);
    buf_done(&hex);
    return id;
}

static void journal(struct change *change, const struct override *override, const char *verb)
{
    struct str dimension =
        override->dimension.len > 0 ? override->dimension : STR("all dimensions");
    struct str text = arena_printf(&change->arena, "override %s: %s " STR_FMT " for " STR_FMT, verb,
                                   choice_text(&enumeration_override_action, override->action),
                                   STR_ARG(dimension), STR_ARG(override->handle));

    if (override->reason.len > 0)
        text = arena_printf(&change->arena, STR_FMT " (" STR_FMT ")", STR_ARG(text),
                            STR_ARG(override->reason));
    journal_append(change, &(struct journal_entry){
                               .override = override->id, .change = text, .event = AUDIT_OVERRIDE});
}

static void write_row(struct change *change, const struct override *override)
{
    change_put(change, TABLE_OVERRIDES, override->id, &shape_override, override);
    change_wrote_override(change, override);
}

/* A snapshot's first message holds all of them, beside records. */
enum { ALL_BYTES_MAX = 768 * 1024 };

bool overrides_have_room(struct db *db, const struct override *override)
{
    struct db_cursor cursor = db_ascend(db, TABLE_OVERRIDES, STR_NONE);
    struct buf row = BUF_INIT;
    struct str key, value;

    codec_encode(&shape_override, override, &row);
    size_t bytes = row.len;
    buf_done(&row);
    while (db_step(&cursor, &key, &value)) {
        if (!str_eq(key, override->id))
            bytes += value.len;
    }
    db_cursor_done(&cursor);
    return bytes <= ALL_BYTES_MAX;
}

void overrides_put(struct change *change, struct override *override)
{
    if (override->id.len == 0)
        override->id = new_id(change);
    if (override->created_at == 0)
        override->created_at = change_now_s(change);
    override->seq = change->seq;
    write_row(change, override);
    journal(change, override, "set");
}

static bool decode(struct str bytes, struct arena *arena, struct override *ret)
{
    struct error error;

    if (codec_decode(&shape_override, bytes, arena, ret, &error) == 0)
        return true;
    log_error("an override cannot be read; it is passed over", LOG_TEXT("why", error.text));
    return false;
}

bool overrides_get(struct db *db, struct str id, struct arena *arena, struct override *ret)
{
    struct str bytes;

    return id.len > 0 && db_get(db, TABLE_OVERRIDES, id, arena, &bytes) &&
           decode(bytes, arena, ret);
}

void overrides_remove(struct change *change, const struct override *override)
{
    db_remove(change->db, TABLE_OVERRIDES, override->id);
    change_removed_override(change, override->id);
    journal(change, override, "removed");
}

struct override_list overrides_all(struct db *db, struct arena *arena)
{
    struct db_cursor cursor = db_ascend(db, TABLE_OVERRIDES, STR_NONE);
    struct override_list list = {0};
    size_t capacity = 0;
    struct str key, value;

    while (db_step(&cursor, &key, &value)) {
        if (list.count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            struct override *items = arena_alloc_array(arena, capacity, sizeof(*items));
            if (list.count > 0)
                memcpy(items, list.items, list.count * sizeof(*items));
            list.items = items;
        }
        if (decode(arena_str(arena, value), arena, &list.items[list.count]))
            list.count++;
    }
    db_cursor_done(&cursor);
    return list;
}

void overrides_move(struct change *change, struct str from, struct str to)
{
    struct override_list all = overrides_all(change->db, &change->arena);

    for (size_t i = 0; i < all.count; i++) {
        if (!str_eq(all.items[i].handle, from))
            continue;
        all.items[i].handle = to;
        write_row(change, &all.items[i]);
        journal(change, &all.items[i], "moved");
    }
}
