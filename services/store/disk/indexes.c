#include "services/store/disk/indexes.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/slice.h"

enum { SLICE_US = 3000 };

/* Of each index first what is missing, along its rows, then what is too much, along its entries. */
enum pass { ALONG_ROWS, ALONG_ENTRIES, PASSES };

struct part {
    struct db *db;
    struct change *change;
    const struct index_rule *rule;
    struct str after; /* the last key that was dealt with */
    struct slice slice;
    struct arena row; /* emptied for each */
    struct index_part *result;
};

static bool entry_is_there(struct part *part, const struct index_entry *entry)
{
    struct str value;

    return db_get(part->db, part->rule->index, entry->key, &part->row, &value) &&
           str_eq(value, entry->value);
}

static void check_row(struct part *part, struct str key, struct str value)
{
    struct index_entries entries = {.count = 0};

    if (!part->rule->entries_of(part->db, key, value, &part->row, &entries))
        return;
    for (size_t i = 0; i < entries.count; i++) {
        const struct index_entry *entry = &entries.items[i];
        if (entry->of_anyone || entry_is_there(part, entry))
            continue;
        part->result->missing++;
        if (part->change)
            db_put(part->db, part->rule->index, entry->key, entry->value);
    }
}

/* Keys of a history: whose, NUL, its place. */
static struct str place_of(struct str key)
{
    const char *end = key.len > 0 ? memchr(key.ptr, '\0', key.len) : NULL;

    return end ? str_from(end + 1, (size_t)(key.ptr + key.len - (end + 1))) : STR_NONE;
}

static bool is_same(const struct index_entry *wanted, struct str key, struct str value)
{
    struct str have = wanted->of_anyone ? place_of(key) : key;
    struct str want = wanted->of_anyone ? place_of(wanted->key) : wanted->key;

    return str_eq(have, want) && str_eq(value, wanted->value);
}

static bool entry_belongs(struct part *part, struct str key, struct str value)
{
    struct index_entries entries = {.count = 0};
    struct str source = part->rule->source_of(key, value), row;

    if (source.len == 0 || !db_get(part->db, part->rule->source, source, &part->row, &row))
        return false;
    if (!part->rule->entries_of(part->db, source, row, &part->row, &entries))
        return true;
    for (size_t i = 0; i < entries.count; i++) {
        if (is_same(&entries.items[i], key, value))
            return true;
    }
    return false;
}

static void check_entry(struct part *part, struct str key, struct str value)
{
    part->result->entries++;
    if (entry_belongs(part, key, value))
        return;
    part->result->surplus++;
    if (part->change)
        db_remove(part->db, part->rule->index, key);
}

/* False: there is more behind `after`. */
static bool walk(struct part *part, enum table table,
                 void (*check)(struct part *part, struct str key, struct str value),
                 struct arena *arena)
{
    struct db_cursor cursor = db_ascend(part->db, table, part->after);
    struct str key, value;
    bool whole = true;

    while (whole && db_step(&cursor, &key, &value)) {
        if (part->after.len > 0 && str_eq(key, part->after))
            continue;
        check(part, key, value);
        arena_clear(&part->row);
        whole = !slice_is_over(&part->slice);
        if (!whole)
            part->after = arena_str(arena, key);
    }
    db_cursor_done(&cursor);
    return whole;
}

static struct str position_of(size_t step, struct str after, struct arena *arena)
{
    char *bytes = arena_alloc(arena, after.len + 1);

    bytes[0] = (char)step;
    if (after.len > 0)
        memcpy(bytes + 1, after.ptr, after.len);
    return str_from(bytes, after.len + 1);
}

int indexes_check(struct db *db, const struct index_rules *rules, struct change *change,
                  struct str position, struct arena *arena, struct index_part *ret)
{
    size_t step = position.len > 0 ? (unsigned char)position.ptr[0] : 0;

    if (step >= PASSES * rules->count)
        return -1;
    struct part part = {.db = db,
                        .change = change,
                        .rule = rules->items[step / PASSES],
                        .slice = slice_begin(SLICE_US),
                        .result = ret};
    if (position.len > 1)
        part.after = str_from(position.ptr + 1, position.len - 1);
    *ret = (struct index_part){.rule = part.rule};
    bool along_rows = step % PASSES == ALONG_ROWS;
    bool whole = along_rows ? walk(&part, part.rule->source, check_row, arena)
                            : walk(&part, part.rule->index, check_entry, arena);
    if (!whole)
        ret->next = position_of(step, part.after, arena);
    else if (step + 1 < PASSES * rules->count)
        ret->next = position_of(step + 1, STR_NONE, arena);
    arena_done(&part.row);
    return 0;
}
