#include "proto/replica/find.h"

#include <string.h>

enum { FIRST_ROOM = 4 };

struct finding {
    const struct collection *subscriptions;
    const struct collection *overrides;
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

static void find_records(struct finding *finding, struct str handle)
{
    const struct index_node *at = NULL;
    const struct subscription *record;

    while ((record = collection_find(finding->subscriptions, handle, &at)) != NULL) {
        if (record_has_handle(record, handle))
            add_record(finding, record);
    }
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

/* Successors of successors too; ends because each record is found once. */
static void find_successors(struct finding *finding)
{
    for (size_t i = 0; i < finding->record_count; i++) {
        struct str id = finding->records[i]->successor;
        const struct index_node *at = NULL;
        const struct subscription *record;

        while (id.len > 0 && (record = collection_find(finding->subscriptions, id, &at)) != NULL) {
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
    const struct index_node *at = NULL;
    const struct override *override;

    if (handle.len == 0)
        return;
    while ((override = collection_find(finding->overrides, handle, &at)) != NULL) {
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

void find_facts(const struct collection *subscriptions, const struct collection *overrides,
                struct str handle, struct arena *arena, struct decide_facts *ret)
{
    struct finding finding = {
        .subscriptions = subscriptions, .overrides = overrides, .arena = arena};

    find_records(&finding, handle);
    find_successors(&finding);
    if (atomic_load(&overrides->count) > 0) {
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
