#include "services/store/tables/journal.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/slice.h"
#include "common/log/log.h"
#include "services/store/tables/chain.h"
#include "services/store/tables/records.h"

/* What became of overrides is listed under this; no subscription has such an id. */
static const struct str of_overrides = {.ptr = "overrides", .len = 9};

enum { PAGE_LIMIT = 1000, PAGE_BYTES = 512 * 1024, SLICE_US = 3000 };

static struct str of_key(struct arena *arena, struct str id, struct str place)
{
    char *key = arena_alloc(arena, id.len + 1 + place.len);

    memcpy(key, id.ptr, id.len);
    if (place.len > 0)
        memcpy(key + id.len + 1, place.ptr, place.len);
    return str_from(key, id.len + 1 + place.len);
}

void journal_append(struct change *change, const struct journal_entry *entry)
{
    struct journal_entry full = *entry;
    struct buf bytes = BUF_INIT;

    full.seq = change->seq;
    full.index = change->entries++;
    full.time = change_now_s(change);
    full.cause = change->origin.cause;
    full.author = change->origin.author;
    full.trace = change->origin.trace;

    struct str place = place_key(&change->arena, full.seq, full.index);
    log_debug("change journalled", LOG_STR("subscription", full.subscription),
              LOG_INT("version", full.version),
              LOG_TEXT("cause", choice_text(&enumeration_cause, full.cause)),
              LOG_STR("author", full.author), LOG_TRACE(full.trace));
    chain_seal(change, &full, &bytes);
    db_put(change->db, TABLE_JOURNAL, place, buf_str(&bytes));
    buf_done(&bytes);
    struct str under = full.override.len > 0 ? of_overrides : full.subscription;
    if (full.change.len > 0 && under.len > 0)
        db_put(change->db, TABLE_JOURNAL_OF, of_key(&change->arena, under, place), STR_NONE);
}

void journal_move(struct change *change, struct str from, struct str to)
{
    struct str prefix = of_key(&change->arena, from, STR_NONE);
    struct db_cursor cursor = db_ascend(change->db, TABLE_JOURNAL_OF, prefix);
    struct str key;

    while (db_step(&cursor, &key, NULL) && str_starts_with(key, prefix)) {
        struct str old = arena_str(&change->arena, key);
        struct str place = str_from(old.ptr + prefix.len, old.len - prefix.len);
        db_remove(change->db, TABLE_JOURNAL_OF, old);
        db_put(change->db, TABLE_JOURNAL_OF, of_key(&change->arena, to, place), STR_NONE);
    }
    db_cursor_done(&cursor);
}

int64_t journal_last_seq(struct db *db)
{
    struct db_cursor cursor = db_descend(db, TABLE_JOURNAL, STR_NONE);
    struct str key;
    int64_t seq = db_step(&cursor, &key, NULL) ? (int64_t)db_read_u64(key) : 0;

    db_cursor_done(&cursor);
    return seq;
}

/* Only its feed tells of it. */
static bool is_silent(const struct journal_entry *entry)
{
    return entry->change.len == 0 && !entry->erased;
}

/* Where people find it: not at all if it says nothing to them. */
static bool listed_under(struct db *db, const struct journal_entry *entry, struct str place,
                         struct arena *arena, struct index_entry *ret)
{
    if (is_silent(entry) || entry->subscription.len + entry->override.len == 0)
        return false;
    if (entry->override.len > 0) {
        *ret = (struct index_entry){.key = of_key(arena, of_overrides, place)};
        return true;
    }
    struct str owner = records_owner(db, entry->subscription, arena);
    *ret = (struct index_entry){
        .key = of_key(arena, owner.len > 0 ? owner : entry->subscription, place),
        .of_anyone = owner.len == 0};
    return true;
}

static bool entries_of(struct db *db, struct str key, struct str value, struct arena *arena,
                       struct index_entries *ret)
{
    struct journal_entry entry;

    if (!chain_open(value, arena, &entry))
        return false;
    ret->items = arena_alloc(arena, sizeof(*ret->items));
    ret->count = listed_under(db, &entry, key, arena, ret->items);
    return true;
}

static struct str place_in(struct str key, struct str value)
{
    (void)value;
    return key.len > PLACE_SIZE ? str_from(key.ptr + key.len - PLACE_SIZE, PLACE_SIZE) : STR_NONE;
}

const struct index_rule journal_by_subscription = {.name = "journal by subscription",
                                                   .source = TABLE_JOURNAL,
                                                   .index = TABLE_JOURNAL_OF,
                                                   .entries_of = entries_of,
                                                   .source_of = place_in};

/* The entries of one page, from whichever table gives their order. */
struct page {
    struct db *db;
    struct arena *arena;
    struct journal_result *result;
    size_t limit;
    size_t bytes;    /* of the rows it has walked over, also those that it does not hold */
    struct str last; /* of these: its place */
};

static bool page_is_full(const struct page *page)
{
    return page->result->entries.count >= page->limit || page->bytes >= PAGE_BYTES;
}

static void page_add(struct page *page, struct str place, struct str bytes)
{
    struct journal_entry entry;

    page->last = arena_str(page->arena, place);
    page->bytes += bytes.len;
    if (chain_open(bytes, page->arena, &entry) && !is_silent(&entry))
        page->result->entries.items[page->result->entries.count++] = entry;
}

static void page_close(struct page *page)
{
    page->result->next = place_text(page->arena, page->last);
}

static void list_all(struct page *page, struct str before)
{
    struct db_cursor cursor = db_descend(page->db, TABLE_JOURNAL, before);
    struct str key, value;

    while (db_step(&cursor, &key, &value)) {
        if (page_is_full(page)) {
            page_close(page);
            break;
        }
        page_add(page, key, arena_str(page->arena, value));
    }
    db_cursor_done(&cursor);
}

static void list_of(struct page *page, struct str id, struct str before)
{
    struct str prefix = of_key(page->arena, id, STR_NONE);
    struct str last = of_key(page->arena, id, STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    struct db_cursor cursor = db_descend(page->db, TABLE_JOURNAL_OF,
                                         before.len > 0 ? of_key(page->arena, id, before) : last);
    struct str key, value;

    while (db_step(&cursor, &key, NULL) && str_starts_with(key, prefix)) {
        if (page_is_full(page)) {
            page_close(page);
            break;
        }
        struct str place = str_from(key.ptr + prefix.len, key.len - prefix.len);
        if (db_get(page->db, TABLE_JOURNAL, place, page->arena, &value))
            page_add(page, place, value);
    }
    db_cursor_done(&cursor);
}

int journal_list(struct db *db, const struct history_params *params, struct arena *arena,
                 struct journal_result *ret, struct error *error)
{
    struct str before = STR_NONE;
    size_t limit = params->limit < 1            ? 1
                   : params->limit > PAGE_LIMIT ? PAGE_LIMIT
                                                : (size_t)params->limit;
    struct page page = {.db = db, .arena = arena, .result = ret, .limit = limit};

    if (params->before.len > 0 && place_parse(params->before, arena, &before, error) < 0)
        return -1;
    *ret = (struct journal_result){0};
    ret->entries.items = arena_alloc_array(arena, limit, sizeof(*ret->entries.items));
    if (params->overrides)
        list_of(&page, of_overrides, before);
    else if (params->subscription.len > 0)
        list_of(&page, params->subscription, before);
    else
        list_all(&page, before);
    return 0;
}

static bool reaches_back(struct db *db, int64_t since)
{
    struct db_cursor cursor = db_ascend(db, TABLE_JOURNAL, STR_NONE);
    struct str key;
    bool reaches =
        !db_step(&cursor, &key, NULL) ? since == 0 : (int64_t)db_read_u64(key) <= since + 1;

    db_cursor_done(&cursor);
    return reaches;
}

bool journal_since(struct db *db, int64_t since,
                   bool (*visit)(void *arg, const struct journal_entry *entry), void *arg)
{
    struct arena keys = ARENA_INIT;
    struct str key, value;
    bool more = true;

    if (!reaches_back(db, since))
        return false;
    struct db_cursor cursor = db_ascend(db, TABLE_JOURNAL, place_key(&keys, since + 1, 0));
    while (more && db_step(&cursor, &key, &value)) {
        struct arena arena = ARENA_INIT;
        struct journal_entry entry;
        if (chain_open(value, &arena, &entry))
            more = visit(arg, &entry);
        arena_done(&arena);
    }
    db_cursor_done(&cursor);
    arena_done(&keys);
    return true;
}

size_t journal_prune(struct change *change, int64_t before_s, size_t limit)
{
    struct db_cursor cursor = db_ascend(change->db, TABLE_JOURNAL, STR_NONE);
    struct str key, value, last = STR_NONE, row = STR_NONE;
    size_t count = 0;

    /* The last seq stays: it is the store's counter. */
    while (count < limit && db_step(&cursor, &key, &value) &&
           (int64_t)db_read_u64(key) < change->seq - 1) {
        struct journal_entry entry;
        struct str bytes = arena_str(&change->arena, value);
        bool readable = chain_open(bytes, &change->arena, &entry);
        if (readable && entry.time >= before_s)
            break;
        struct str place = arena_str(&change->arena, key);
        struct index_entry listed;
        db_remove(change->db, TABLE_JOURNAL, place);
        if (readable && listed_under(change->db, &entry, place, &change->arena, &listed))
            db_remove(change->db, TABLE_JOURNAL_OF, listed.key);
        last = place;
        row = bytes;
        count++;
    }
    db_cursor_done(&cursor);
    if (count > 0)
        chain_move_anchor(change, last, row);
    return count;
}

static bool is_meant(struct change *change, const struct journal_erase_params *params,
                     const struct journal_entry *entry)
{
    if (is_silent(entry) || entry->erased)
        return false;
    if (params->name.len > 0 && str_eq(entry->author, params->name))
        return true;
    if (params->override.len > 0 && str_eq(entry->override, params->override))
        return true;
    return params->subscription.len > 0 && entry->subscription.len > 0 &&
           str_eq(records_owner(change->db, entry->subscription, &change->arena),
                  params->subscription);
}

/* The words' bytes are overwritten first: what is only shortened stays in its page. */
static void erase_words(struct change *change, struct str place, struct str row)
{
    struct str without = chain_without_words(row, &change->arena);

    if (without.len == 0)
        return;
    db_put(change->db, TABLE_JOURNAL, place,
           str_from(arena_alloc(&change->arena, row.len), row.len));
    db_put(change->db, TABLE_JOURNAL, place, without);
}

int journal_erase(struct change *change, const struct journal_erase_params *params,
                  struct journal_erase_result *ret, struct error *error)
{
    struct slice slice = slice_begin(SLICE_US);
    struct str from = STR_NONE, key, value;

    *ret = (struct journal_erase_result){.at = params->after};
    if (params->after.len > 0 && place_parse(params->after, &change->arena, &from, error) < 0)
        return -1;
    struct db_cursor cursor = db_ascend(change->db, TABLE_JOURNAL, from);
    while (!ret->more && db_step(&cursor, &key, &value)) {
        struct journal_entry entry;
        struct str place = arena_str(&change->arena, key);
        struct str row = arena_str(&change->arena, value);
        if (chain_open(row, &change->arena, &entry) && is_meant(change, params, &entry)) {
            erase_words(change, place, row);
            ret->entries++;
        }
        ret->more = slice_is_over(&slice) && !str_eq(place, from);
        ret->at = place_text(&change->arena, place);
    }
    db_cursor_done(&cursor);
    return 0;
}

void journal_note(struct change *change, enum audit_event event, struct str text)
{
    journal_append(change, &(struct journal_entry){.event = event, .change = text});
}
