#include "proto/replica/find.h"

#include <string.h>

#include "proto/replica/found.h"

enum { FIRST_ROOM = 4 };

struct finding {
    const struct contents *contents;
    struct arena *arena;
    struct found records;
    const struct override **words;
    size_t word_count;
    struct numbering word_ids;   /* of those that are found: each once */
    struct numbering looked_for; /* handles that words were looked for by */
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

static void add_word(struct finding *finding, const struct override *override)
{
    if (!numbering_add(&finding->word_ids, override->id, finding->word_count))
        return;
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

static void find_records(struct finding *finding, struct str handle)
{
    struct index_cursor cursor = at(&finding->contents->subscriptions, handle);
    const struct subscription *record;

    while ((record = next_record(finding, &cursor)) != NULL) {
        if (record_has_handle(record, handle))
            found_add(&finding->records, record);
    }
}

/* Successors of successors too; ends because each record is found once. */
static void find_successors(struct finding *finding)
{
    for (size_t i = 0; i < finding->records.count; i++) {
        struct str id = finding->records.items[i]->successor;
        struct index_cursor cursor;
        const struct subscription *record;

        if (id.len == 0)
            continue;
        cursor = at(&finding->contents->subscriptions, id);
        while ((record = next_record(finding, &cursor)) != NULL) {
            if (record_has_id(record, id))
                found_add(&finding->records, record);
        }
    }
}

static void find_overrides(struct finding *finding, struct str handle)
{
    const struct collection *overrides = &finding->contents->overrides;
    const unsigned char *packed;

    /* What all records of an account have in common is looked for once. */
    if (handle.len == 0 || !numbering_add(&finding->looked_for, handle, 0))
        return;
    struct index_cursor cursor = at(overrides, handle);
    while ((packed = collection_find(overrides, &cursor)) != NULL) {
        const struct override *override =
            overrides->kind->unpack(overrides->words, packed, finding->arena);
        if (str_eq(handle_key(override->handle), handle_key(handle)))
            add_word(finding, override);
    }
}

static void find_record_overrides(struct finding *finding, const struct subscription *record)
{
    find_overrides(finding, record->id);
    for (size_t i = 0; i < record->aliases.count; i++)
        find_overrides(finding, record->aliases.items[i]);
    find_overrides(finding, record->tenant);
    find_overrides(finding, record->account_id);
    find_overrides(finding, record->customer_identifier);
    find_overrides(finding, record->license_key);
    find_overrides(finding, record->license_arn);
}

void find_facts(const struct contents *contents, struct str handle, struct arena *arena,
                struct decide_facts *ret)
{
    struct finding finding;

    finding.contents = contents;
    finding.arena = arena;
    finding.word_count = 0;
    finding.words = NULL;
    found_init(&finding.records, arena);
    numbering_init(&finding.word_ids, arena);
    numbering_init(&finding.looked_for, arena);
    find_records(&finding, handle);
    find_successors(&finding);
    if (atomic_load(&contents->overrides.count) > 0) {
        find_overrides(&finding, handle);
        for (size_t i = 0; i < finding.records.count; i++)
            find_record_overrides(&finding, finding.records.items[i]);
    }
    *ret = (struct decide_facts){
        .subscriptions = finding.records.items,
        .subscription_count = finding.records.count,
        .overrides = finding.words,
        .override_count = finding.word_count,
    };
}
