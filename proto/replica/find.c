#include "proto/replica/find.h"

#include <string.h>

enum { FIRST_ROOM = 4 };

struct finding {
    const struct contents *contents;
    struct arena *arena;
    const struct subscription **records;
    size_t record_count;
    const struct override **words;
    size_t word_count;
};

/* An array of `count` pointers, moved if it is full: its room is a power of two. */
static void *with_room(struct arena *arena, void *items, size_t count)
{
    size_t room = count < FIRST_ROOM ? FIRST_ROOM : count * 2;

    if (count != 0 && (count < FIRST_ROOM || (count & (count - 1)) != 0))
        return items;
    void *moved = arena_alloc_array(arena, room, sizeof(void *));
    return count > 0 ? memcpy(moved, items, count * sizeof(void *)) : moved;
}

static void add_record(struct finding *finding, const struct subscription *record)
{
    finding->records = with_room(finding->arena, finding->records, finding->record_count);
    finding->records[finding->record_count++] = record;
}

static void add_word(struct finding *finding, const struct override *override)
{
    finding->words = with_room(finding->arena, finding->words, finding->word_count);
    finding->words[finding->word_count++] = override;
}

/* The records under the hash of a text, one after the other; NULL at the end. */
static const struct subscription *next_record(const struct finding *finding,
                                              struct index_cursor *cursor)
{
    const struct contents *contents = finding->contents;
    const unsigned char *packed = collection_find(&contents->subscriptions, cursor);
    struct subscription *record;

    if (!packed)
        return NULL;
    record = arena_alloc(finding->arena, sizeof(*record));
    unpack_subscription(&contents->words, packed, finding->arena, record);
    return record;
}

static struct index_cursor at(const struct collection *collection, struct str text)
{
    struct handle handle;

    handle_set(&handle, text, collection->seed);
    return collection_at(collection, handle.hash);
}

/* By id: a record may have been replaced since it was found. */
static bool is_found(const struct finding *finding, const struct subscription *record)
{
    for (size_t i = 0; i < finding->record_count; i++) {
        if (str_eq(finding->records[i]->id, record->id))
            return true;
    }
    return false;
}

static void find_records(struct finding *finding, struct str handle)
{
    struct index_cursor cursor = at(&finding->contents->subscriptions, handle);
    const struct subscription *record;

    while ((record = next_record(finding, &cursor)) != NULL) {
        if (record_has_handle(record, handle) && !is_found(finding, record))
            add_record(finding, record);
    }
}

/* Successors of successors too; ends because each record is found once. */
static void find_successors(struct finding *finding)
{
    for (size_t i = 0; i < finding->record_count; i++) {
        struct str id = finding->records[i]->successor;
        struct index_cursor cursor;
        const struct subscription *record;

        if (id.len == 0)
            continue;
        cursor = at(&finding->contents->subscriptions, id);
        while ((record = next_record(finding, &cursor)) != NULL) {
            if (record_has_id(record, id) && !is_found(finding, record))
                add_record(finding, record);
        }
    }
}

static bool is_word_found(const struct finding *finding, const struct override *override)
{
    for (size_t i = 0; i < finding->word_count; i++) {
        if (str_eq(finding->words[i]->id, override->id))
            return true;
    }
    return false;
}

static void find_words(struct finding *finding, struct str handle)
{
    const struct collection *overrides = &finding->contents->overrides;
    struct index_cursor cursor = at(overrides, handle);
    const unsigned char *packed;

    if (handle.len == 0)
        return;
    while ((packed = collection_find(overrides, &cursor)) != NULL) {
        const struct override *override =
            overrides->kind->unpack(overrides->words, packed, finding->arena);
        if (str_eq(handle_key(override->handle), handle_key(handle)) &&
            !is_word_found(finding, override))
            add_word(finding, override);
    }
}

static void find_words_for_record(struct finding *finding, const struct subscription *record)
{
    find_words(finding, record->id);
    for (size_t i = 0; i < record->aliases.count; i++)
        find_words(finding, record->aliases.items[i]);
    find_words(finding, record->tenant);
    find_words(finding, record->account_id);
    find_words(finding, record->customer_identifier);
    find_words(finding, record->license_key);
    find_words(finding, record->license_arn);
}

void find_facts(const struct contents *contents, struct str handle, struct arena *arena,
                struct decide_facts *ret)
{
    struct finding finding = {.contents = contents, .arena = arena};

    find_records(&finding, handle);
    find_successors(&finding);
    if (atomic_load(&contents->overrides.count) > 0) {
        find_words(&finding, handle);
        for (size_t i = 0; i < finding.record_count; i++)
            find_words_for_record(&finding, finding.records[i]);
    }
    *ret = (struct decide_facts){
        .subscriptions = finding.records,
        .subscription_count = finding.record_count,
        .overrides = finding.words,
        .override_count = finding.word_count,
    };
}
