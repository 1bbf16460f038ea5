#include "proto/replica/replica.h"

#include <sys/random.h>

#include "common/base/mem.h"
#include "proto/replica/find.h"

enum { PUT_AT_ONCE = 32 };

struct replica {
    struct epoch epoch;
    struct contents *_Atomic contents;
    struct contents *_Atomic kept; /* set aside; NULL: nothing */
    atomic_int_fast64_t kept_at_s, catching_up_since_s;
    atomic_size_t count;
    uint64_t seed;
    struct arena scratch; /* the writer's */
};

struct replica_reader {
    struct epoch_reader epoch;
    struct replica *replica;
};

static struct contents *contents_of(const struct replica *replica)
{
    return atomic_load_explicit(&replica->contents, memory_order_acquire);
}

static struct contents *kept_of(const struct replica *replica)
{
    return atomic_load_explicit(&replica->kept, memory_order_acquire);
}

struct replica *replica_new(void)
{
    struct replica *replica = mem_alloc_zero(sizeof(*replica));

    /* Without random bytes the hashes can be guessed, which makes collisions no error. */
    if (getrandom(&replica->seed, sizeof(replica->seed), GRND_NONBLOCK) < 0)
        replica->seed = (uintptr_t)replica;
    epoch_init(&replica->epoch);
    atomic_init(&replica->contents, contents_new(&replica->epoch, replica->seed));
    return replica;
}

void replica_free(struct replica *replica)
{
    if (!replica)
        return;
    epoch_done(&replica->epoch);
    contents_free(contents_of(replica));
    if (kept_of(replica))
        contents_free(kept_of(replica));
    arena_done(&replica->scratch);
    mem_free(replica);
}

static void count_records(struct replica *replica)
{
    atomic_store(&replica->count, atomic_load(&contents_of(replica)->subscriptions.count));
}

static bool is_merged_into_another(struct replica *replica, struct str id, uint32_t hash)
{
    const struct contents *contents = contents_of(replica);
    const struct collection *records = &contents->subscriptions;
    struct index_cursor cursor = collection_at(records, hash);
    const unsigned char *packed;
    bool merged = false;

    while (!merged && (packed = collection_find(records, &cursor)) != NULL) {
        struct subscription record;
        unpack_subscription(&contents->words, packed, &replica->scratch, &record);
        merged = record_has_id(&record, id) && !str_eq(record.id, id);
    }
    arena_clear(&replica->scratch);
    return merged;
}

static bool is_newer(struct replica *replica, const struct subscription *record, uint32_t id_hash,
                     uint32_t *ret_known)
{
    const struct collection *records = &contents_of(replica)->subscriptions;
    uint32_t known = collection_ref(records, record->id, id_hash);

    *ret_known = known;
    if (known)
        return record->version > packed_version(collection_packed(records, known));
    /* A snapshot may still show what the feed has said to be merged. */
    return !is_merged_into_another(replica, record->id, id_hash);
}

/* Packs all before it puts any, so that the memory of the index comes in meanwhile. */
static void put_some(struct replica *replica, const struct subscription *records, size_t count)
{
    struct collection *collection = &contents_of(replica)->subscriptions;
    struct prepared prepared[PUT_AT_ONCE];
    uint32_t known;

    for (size_t i = 0; i < count; i++)
        collection_prepare(collection, &records[i], &prepared[i]);
    for (size_t i = 0; i < count; i++) {
        if (is_newer(replica, &records[i], prepared[i].hashes.first, &known))
            collection_put(collection, known, records[i].id, &prepared[i]);
        else
            collection_drop(collection, &prepared[i]);
    }
    count_records(replica);
}

void replica_put_all(struct replica *replica, const struct subscription *records, size_t count)
{
    for (size_t at = 0; at < count; at += PUT_AT_ONCE)
        put_some(replica, records + at, count - at < PUT_AT_ONCE ? count - at : PUT_AT_ONCE);
}

void replica_put(struct replica *replica, const struct subscription *record)
{
    put_some(replica, record, 1);
}

void replica_remove(struct replica *replica, struct str subscription_id)
{
    collection_remove(&contents_of(replica)->subscriptions, subscription_id);
    count_records(replica);
}

void replica_put_override(struct replica *replica, const struct override *override)
{
    struct collection *overrides = &contents_of(replica)->overrides;
    uint32_t hash = collection_hash(overrides, override->id);
    struct prepared prepared;

    collection_prepare(overrides, override, &prepared);
    collection_put(overrides, collection_ref(overrides, override->id, hash), override->id,
                   &prepared);
}

void replica_remove_override(struct replica *replica, struct str override_id)
{
    collection_remove(&contents_of(replica)->overrides, override_id);
}

static void free_contents(void *owner, uint64_t contents)
{
    (void)owner;
    contents_free((struct contents *)(uintptr_t)contents);
}

static void retire(struct replica *replica, struct contents *contents)
{
    epoch_retire(&replica->epoch, free_contents, NULL, (uintptr_t)contents);
    epoch_reclaim(&replica->epoch);
}

void replica_clear(struct replica *replica)
{
    struct contents *old = contents_of(replica);

    atomic_store(&replica->contents, contents_new(&replica->epoch, replica->seed));
    count_records(replica);
    retire(replica, old);
}

/* A reader that sees the new contents sees what was kept. */
void replica_set_aside(struct replica *replica, int64_t now_s)
{
    struct contents *fresh = contents_new(&replica->epoch, replica->seed);

    replica_let_go(replica);
    atomic_store(&replica->kept_at_s, now_s);
    atomic_store(&replica->kept, contents_of(replica));
    atomic_store(&replica->contents, fresh);
    count_records(replica);
}

void replica_let_go(struct replica *replica)
{
    struct contents *kept = atomic_exchange(&replica->kept, NULL);

    if (kept)
        retire(replica, kept);
}

bool replica_has_kept(const struct replica *replica)
{
    return kept_of(replica) != NULL;
}

void replica_set_catching_up(struct replica *replica, int64_t since_s)
{
    atomic_store(&replica->catching_up_since_s, since_s);
}

size_t replica_count(const struct replica *replica)
{
    return atomic_load(&replica->count);
}

size_t replica_bytes(const struct replica *replica)
{
    const struct contents *kept = kept_of(replica);

    return slabs_bytes(&contents_of(replica)->slabs) + (kept ? slabs_bytes(&kept->slabs) : 0);
}

static const struct subscription *next_record(const struct contents *contents, struct str after_id,
                                              struct arena *arena)
{
    const unsigned char *packed = collection_next(&contents->subscriptions, after_id);

    return packed ? contents->subscriptions.kind->unpack(&contents->words, packed, arena) : NULL;
}

static const struct override *next_override(const struct contents *contents, struct str after_id,
                                            struct arena *arena)
{
    const unsigned char *packed = collection_next(&contents->overrides, after_id);

    return packed ? contents->overrides.kind->unpack(&contents->words, packed, arena) : NULL;
}

const struct subscription *replica_next(const struct replica *replica, struct str after_id,
                                        struct arena *arena)
{
    return next_record(contents_of(replica), after_id, arena);
}

const struct override *replica_next_override(const struct replica *replica, struct str after_id,
                                             struct arena *arena)
{
    return next_override(contents_of(replica), after_id, arena);
}

const struct subscription *replica_next_kept(const struct replica *replica, struct str after_id,
                                             struct arena *arena)
{
    const struct contents *kept = kept_of(replica);

    return kept ? next_record(kept, after_id, arena) : NULL;
}

const struct override *replica_next_kept_override(const struct replica *replica,
                                                  struct str after_id, struct arena *arena)
{
    const struct contents *kept = kept_of(replica);

    return kept ? next_override(kept, after_id, arena) : NULL;
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
    const struct contents *kept;

    find_facts(contents_of(reader->replica), handle, arena, ret_facts);
    if (ret_facts->subscription_count == 0 && (kept = kept_of(reader->replica)))
        find_facts(kept, handle, arena, ret_facts);
}

void replica_find_for(struct replica_reader *reader, const struct decide_question *question,
                      struct arena *arena, struct decide_facts *ret_facts)
{
    struct replica_lookup lookup;

    replica_seek(reader, question, &lookup);
    replica_fetch(&lookup);
    replica_take(&lookup, arena, ret_facts);
}

static void seek(const struct replica *replica, const struct contents *contents,
                 const struct decide_question *question, struct replica_lookup *ret_lookup)
{
    ret_lookup->question = question;
    ret_lookup->replica = replica;
    ret_lookup->contents = contents;
    handle_set(&ret_lookup->handle, question->handle, contents->subscriptions.seed);
    ret_lookup->records = collection_at(&contents->subscriptions, ret_lookup->handle.hash);
    index_prefetch(&ret_lookup->records);
}

void replica_seek(struct replica_reader *reader, const struct decide_question *question,
                  struct replica_lookup *ret_lookup)
{
    seek(reader->replica, contents_of(reader->replica), question, ret_lookup);
}

void replica_fetch(struct replica_lookup *lookup)
{
    index_fetch(&lookup->records);
}

size_t replica_breadth(const struct replica_lookup *lookup)
{
    return index_breadth(&lookup->records);
}

void replica_take(struct replica_lookup *lookup, struct arena *arena,
                  struct decide_facts *ret_facts)
{
    const struct decide_question *question = lookup->question;

    if (question->license.len > 0 || !find_lean_facts(lookup, arena, ret_facts))
        find_facts(lookup->contents, question->handle, arena, ret_facts);
}

/* Apart: inlined, its many variables would take the short way's registers. */
static __attribute__((noinline)) enum rpc_error
answer_by_facts(struct replica_lookup *lookup, const struct replica_guidance *guidance,
                int64_t now_s, struct arena *arena, struct answer *ret_answer,
                int64_t *ret_override_at_s, struct error *error)
{
    const struct decide_question *question = lookup->question;
    struct decide_facts facts;

    replica_take(lookup, arena, &facts);
    *ret_override_at_s = decide_latest_override_s(&facts);
    enum rpc_error code =
        decide(question, &facts, &guidance->policy, now_s, arena, ret_answer, error);
    if (code == ERROR_NONE)
        ret_answer->subscribe_url = decide_subscribe_url(
            ret_answer, question, &facts, guidance->products.items, guidance->products.count);
    return code;
}

/* *answer is by what the store says now, or there is none, as `code` says. */
static enum rpc_error prefer_kept(const struct replica_lookup *lookup, const struct contents *kept,
                                  int64_t override_at_s, const struct replica_guidance *guidance,
                                  int64_t now_s, struct arena *arena, struct answer *answer,
                                  enum rpc_error code)
{
    struct replica_lookup before;
    struct answer by_kept;
    int64_t kept_word_at_s;
    struct error why;

    seek(lookup->replica, kept, lookup->question, &before);
    if (answer_by_facts(&before, guidance, now_s, arena, &by_kept, &kept_word_at_s, &why) !=
            ERROR_NONE ||
        (code == ERROR_NONE &&
         !decide_prefers_kept(&by_kept, kept_word_at_s, answer, override_at_s)))
        return code;
    *answer = by_kept;
    return ERROR_NONE;
}

static bool is_over(int64_t since_s, const struct replica_guidance *guidance, int64_t now_s)
{
    return now_s - since_s > guidance->policy.grace_s;
}

static __attribute__((noinline)) enum rpc_error
answer_while_catching_up(struct replica_lookup *lookup, const struct replica_guidance *guidance,
                         int64_t now_s, struct arena *arena, struct answer *ret_answer,
                         struct error *error)
{
    const struct replica *replica = lookup->replica;
    const struct contents *kept = kept_of(replica);
    int64_t since_s = atomic_load(&replica->catching_up_since_s), override_at_s;

    enum rpc_error code =
        answer_by_facts(lookup, guidance, now_s, arena, ret_answer, &override_at_s, error);
    if (kept && !is_over(atomic_load(&replica->kept_at_s), guidance, now_s)) {
        code = prefer_kept(lookup, kept, override_at_s, guidance, now_s, arena, ret_answer, code);
    } else if (code == ERROR_NONE && since_s != 0 && !is_over(since_s, guidance, now_s) &&
               !decide_is_known(ret_answer, since_s)) {
        error_set(error, "the store is new, restored or older than before and catching up with "
                         "AWS; it may not know yet what this would refuse");
        return ERROR_NOT_READY;
    }
    if (code == ERROR_NONE)
        ret_answer->stale = true;
    return code;
}

enum rpc_error replica_answer(struct replica_lookup *lookup,
                              const struct replica_guidance *guidance, int64_t now_s,
                              struct arena *arena, char id[TEXT_ID_LEN], struct answer *ret_answer,
                              struct error *error)
{
    struct decide_plain_fact fact;
    int64_t override_at_s;

    if (kept_of(lookup->replica) || atomic_load(&lookup->replica->catching_up_since_s) != 0)
        return answer_while_catching_up(lookup, guidance, now_s, arena, ret_answer, error);
    if (find_plain_fact(lookup, id, &fact) &&
        decide_plain(lookup->question, &fact, &guidance->policy, now_s, ret_answer))
        return ERROR_NONE;
    return answer_by_facts(lookup, guidance, now_s, arena, ret_answer, &override_at_s, error);
}
