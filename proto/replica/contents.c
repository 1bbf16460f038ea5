#include "proto/replica/contents.h"

#include "common/base/mem.h"

static void pack_record(struct words *words, const void *value, struct buf *out)
{
    pack_subscription(words, value, out);
}

static void *unpack_record(const struct words *words, const unsigned char *packed,
                           struct arena *arena)
{
    struct subscription *record = arena_alloc(arena, sizeof(*record));

    unpack_subscription(words, packed, arena, record);
    return record;
}

static void each_record_handle(const void *value, void (*add)(void *arg, struct str handle),
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

/* An unusual record's handles may have other spellings than the ones they are found by. */
static bool each_record_hash(const unsigned char *packed, uint64_t seed,
                             void (*add)(void *arg, uint32_t hash), void *arg)
{
    unsigned flags = packed_head(packed)->flags;
    const unsigned char *at = packed_id(packed);

    if (flags & PACKED_UNUSUAL)
        return false;
    add(arg, text_hash(&at, seed));
    for (unsigned flag = PACKED_TENANT; flag <= PACKED_LICENSE; flag <<= 1) {
        if (flags & flag)
            add(arg, text_hash(&at, seed));
    }
    for (uint64_t left = flags & PACKED_ALIASES ? number_unpack(&at) : 0; left > 0; left--)
        add(arg, text_hash(&at, seed));
    return true;
}

static void pack_word(struct words *words, const void *value, struct buf *out)
{
    pack_override(words, value, out);
}

static void *unpack_word(const struct words *words, const unsigned char *packed,
                         struct arena *arena)
{
    struct override *override = arena_alloc(arena, sizeof(*override));

    unpack_override(words, packed, arena, override);
    return override;
}

static void each_override_handle(const void *value, void (*add)(void *arg, struct str handle),
                                 void *arg)
{
    const struct override *override = value;

    add(arg, override->id);
    add(arg, override->handle);
}

static bool no_hash(const unsigned char *packed, uint64_t seed,
                    void (*add)(void *arg, uint32_t hash), void *arg)
{
    (void)packed;
    (void)seed;
    (void)add;
    (void)arg;
    return false;
}

static void init(struct contents *contents, struct collection *collection, struct epoch *epoch,
                 uint64_t seed, const struct collection_kind *kind)
{
    collection->kind = kind;
    collection->epoch = epoch;
    collection->slabs = &contents->slabs;
    collection->words = &contents->words;
    collection->seed = seed;
    collection_init(collection);
}

struct contents *contents_new(struct epoch *epoch, uint64_t seed)
{
    static const struct collection_kind records = {pack_record, unpack_record, each_record_handle,
                                                   each_record_hash};
    static const struct collection_kind overrides = {pack_word, unpack_word, each_override_handle,
                                                     no_hash};
    struct contents *contents = mem_alloc_zero(sizeof(*contents));

    words_init(&contents->words);
    slabs_init(&contents->slabs);
    init(contents, &contents->subscriptions, epoch, seed, &records);
    init(contents, &contents->overrides, epoch, seed, &overrides);
    return contents;
}

void contents_free(struct contents *contents)
{
    collection_done(&contents->subscriptions);
    collection_done(&contents->overrides);
    slabs_done(&contents->slabs);
    words_done(&contents->words);
    mem_free(contents);
}
