#include "proto/replica/replica.h"

#include "common/base/mem.h"
#include "proto/replica/find.h"

struct replica {
    struct epoch epoch;
    struct collection subscriptions;
    struct collection overrides;
};

struct replica_reader {
    struct epoch_reader epoch;
    struct replica *replica;
};

static void each_subscription_handle(const void *value, void (*add)(void *arg, struct str handle),
                                     void *arg)
{
    const struct subscription *record = value;

    add(arg, record->id);
    for (size_t i = 0; i < record->aliases.count; i++)
        add(arg, record->aliases.items[i]);
    add(arg, record->tenant);
    add(arg, record->account_id);
    add(arg, record->customer_identifier);
    add(arg, record->license_key);
    add(arg, record->license_arn);
}

static void each_override_handle(const void *value, void (*add)(void *arg, struct str handle),
                                 void *arg)
{
    add(arg, ((const struct override *)value)->handle);
}

struct replica *replica_new(void)
{
    struct replica *replica = mem_alloc_zero(sizeof(*replica));

    epoch_init(&replica->epoch);
    replica->subscriptions.shape = &shape_subscription;
    replica->subscriptions.each_handle = each_subscription_handle;
    collection_init(&replica->subscriptions, &replica->epoch);
    replica->overrides.shape = &shape_override;
    replica->overrides.each_handle = each_override_handle;
    collection_init(&replica->overrides, &replica->epoch);
    return replica;
}

void replica_free(struct replica *replica)
{
    if (!replica)
        return;
    replica_clear(replica);
    collection_done(&replica->subscriptions);
    collection_done(&replica->overrides);
    epoch_done(&replica->epoch);
    mem_free(replica);
}

static bool is_merged_into_another(const struct replica *replica, struct str id)
{
    const struct index_node *at = NULL;
    const struct subscription *record;

    while ((record = collection_find(&replica->subscriptions, id, &at)) != NULL) {
        if (record_has_id(record, id) && !str_eq(record->id, id))
            return true;
    }
    return false;
}

void replica_put(struct replica *replica, const struct subscription *record)
{
    const struct subscription *known = collection_get(&replica->subscriptions, record->id);

    if (known && record->version <= known->version)
        return;
    /* A snapshot may still show what the feed has said to be merged. */
    if (!known && is_merged_into_another(replica, record->id))
        return;
    collection_put(&replica->subscriptions, record->id, record);
}

void replica_remove(struct replica *replica, struct str subscription_id)
{
    collection_remove(&replica->subscriptions, subscription_id);
}

void replica_put_override(struct replica *replica, const struct override *override)
{
    collection_put(&replica->overrides, override->id, override);
}

void replica_remove_override(struct replica *replica, struct str override_id)
{
    collection_remove(&replica->overrides, override_id);
}

void replica_clear(struct replica *replica)
{
    const struct subscription *record;
    const struct override *override;

    while ((record = collection_next(&replica->subscriptions, STR_NONE)) != NULL)
        collection_remove(&replica->subscriptions, record->id);
    while ((override = collection_next(&replica->overrides, STR_NONE)) != NULL)
        collection_remove(&replica->overrides, override->id);
}

size_t replica_count(const struct replica *replica)
{
    return atomic_load(&replica->subscriptions.count);
}

const struct subscription *replica_next(const struct replica *replica, struct str after_id,
                                        struct arena *arena)
{
    const struct subscription *record = collection_next(&replica->subscriptions, after_id);
    struct subscription *copy;

    if (!record)
        return NULL;
    copy = arena_alloc(arena, sizeof(*copy));
    *copy = *record;
    return copy;
}

void replica_each_override(const struct replica *replica,
                           void (*visit)(void *arg, const struct override *override), void *arg)
{
    const struct override *override = NULL;

    while ((override = collection_next(&replica->overrides, override ? override->id : STR_NONE)) !=
           NULL)
        visit(arg, override);
}

struct replica_reader *replica_reader_new(struct replica *replica)
{
    struct replica_reader *reader = mem_alloc_zero(sizeof(*reader));

    reader->replica = replica;
    epoch_add_reader(&replica->epoch, &reader->epoch);
    return reader;
}

void replica_reader_free(struct replica_reader *reader)
{
    if (!reader)
        return;
    epoch_remove_reader(&reader->replica->epoch, &reader->epoch);
    mem_free(reader);
}

void replica_read_begin(struct replica_reader *reader)
{
    epoch_enter(&reader->replica->epoch, &reader->epoch);
}

void replica_read_end(struct replica_reader *reader)
{
    epoch_leave(&reader->epoch);
}

void replica_find(struct replica_reader *reader, struct str handle, struct arena *arena,
                  struct decide_facts *ret_facts)
{
    find_facts(&reader->replica->subscriptions, &reader->replica->overrides, handle, arena,
               ret_facts);
}

void replica_find_for(struct replica_reader *reader, const struct decide_question *question,
                      struct arena *arena, struct decide_facts *ret_facts)
{
    replica_find(reader, question->handle, arena, ret_facts);
}
