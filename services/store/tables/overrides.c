#include "services/store/tables/overrides.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/store/tables/journal.h"

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

/* "override set: 50 of seats for acme until ... (pilot)" */
static void describe(const struct override *override, const char *verb, struct buf *out)
{
    char until[CLOCK_TEXT_SIZE];

    buf_printf(out, "override %s: ", verb);
    if (override->action == OVERRIDE_VALUE)
        record_describe_value(override->value, out);
    else
        buf_append_text(out, choice_text(&enumeration_override_action, (int) override->action));
    buf_append_text(out, override->action == OVERRIDE_VALUE ? " of " : " ");
    if (override->dimension.len > 0)
        buf_append_str(out, override->dimension);
    else
        buf_append_text(out, "all dimensions");
    buf_printf(out, " for " STR_FMT, STR_ARG(override->handle));
    if (override->expires_at != 0)
        buf_printf(out, " until %s", clock_format_s(override->expires_at, until));
    if (override->reason.len > 0)
        buf_printf(out, " (" STR_FMT ")", STR_ARG(override->reason));
}

static void journal(struct change *change, const struct override *override, const char *verb)
{
    struct buf text = BUF_INIT;

    describe(override, verb, &text);
    journal_append(change, &(struct journal_entry){.override = override->id,
                                                   .change = buf_str(&text),
                                                   .handle = override->handle,
                                                   .event = AUDIT_OVERRIDE});
    buf_done(&text);
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
    log_error("an override cannot be read; it is left out", LOG_TEXT("why", error.text));
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
