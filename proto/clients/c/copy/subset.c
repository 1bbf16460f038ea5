#include "proto/clients/c/copy/subset.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "proto/clients/c/copy/readers.h"

enum {
    HANDLES_MAX = 100000, /* then the copy begins anew */
    NOTES_MAX = 1000,     /* between two turns of the worker */
    FETCHES_MAX = 64,     /* at once */
    FETCH_TIMEOUT_MS = 5000,
    RETRY_MS = 100,
    KEY_MAX = 254, /* a longer handle leads nowhere: messages.def limits every kind of handle */
    ID_SIZE = 65,
};

/* A handle that the copy knows, or is about to know. */
struct tracked {
    TAILQ_ENTRY(tracked) entry; /* in `wanted` until it is fetched */
    struct subset *subset;
    struct rpc_call *call;
    struct rpc_client *source; /* while it is asked */
    int64_t asked_seq;         /* what the follower had applied */
    char asked_incarnation[ID_SIZE];
    char handle[];
};

struct note {
    struct note *next;
    char handle[];
};

struct subset {
    struct replica *records;
    struct replica *known;   /* a mark for each handle of which the copy has every record */
    struct readers *readers; /* of the marks */
    int64_t last_mark;
    struct map *tracked; /* by handle_key() */
    struct map *held;    /* ids of records that were taken up */
    TAILQ_HEAD(, tracked) wanted;
    size_t fetching;
    struct map *removed;      /* since the first of the fetches under way */
    int64_t fetch_at_mono_ms; /* a source refused, or was behind: not at once */
    const struct replica_follow *follow;
    pthread_mutex_t lock; /* of the notes; nothing is allocated under it */
    struct note *notes;
    size_t note_count;
};

struct subset *subset_new(struct replica *records)
{
    struct subset *subset = mem_alloc_zero(sizeof(*subset));

    subset->records = records;
    subset->known = replica_new();
    subset->readers = readers_new(subset->known);
    subset->tracked = map_new();
    subset->held = map_new();
    subset->removed = map_new();
    TAILQ_INIT(&subset->wanted);
    pthread_mutex_init(&subset->lock, NULL);
    return subset;
}

static void free_notes(struct note *note)
{
    while (note) {
        struct note *next = note->next;
        mem_free(note);
        note = next;
    }
}

static bool free_tracked(void *arg, struct str key, void *value)
{
    struct subset *subset = arg;

    map_remove(subset->tracked, key);
    mem_free(value);
    return true;
}

void subset_free(struct subset *subset)
{
    if (!subset)
        return;
    map_each(subset->tracked, free_tracked, subset);
    map_free(subset->tracked);
    map_free(subset->held);
    map_free(subset->removed);
    free_notes(subset->notes);
    readers_free(subset->readers);
    replica_free(subset->known);
    pthread_mutex_destroy(&subset->lock);
    mem_free(subset);
}

/* Marks: what a record's tenant may be, and no license is. */

static struct str mark_of(struct str handle, struct arena *arena)
{
    return arena_printf(arena, "=" STR_FMT, STR_ARG(handle_key(handle)));
}

static void mark_known(struct subset *subset, struct str handle)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    const struct subscription mark = {
        .id = arena_printf(&arena, "%lld", (long long)++subset->last_mark),
        .version = 1,
        .tenant = mark_of(handle, &arena),
    };

    replica_put(subset->known, &mark);
}

bool subset_knows(struct subset *subset, struct str handle)
{
    struct reader_slot *slot = readers_get(subset->readers);
    struct decide_facts facts;

    arena_clear(&slot->arena);
    replica_read_begin(slot->reader);
    replica_find(slot->reader, mark_of(handle, &slot->arena), &slot->arena, &facts);
    bool known = facts.subscription_count > 0;
    replica_read_end(slot->reader);
    return known;
}

void subset_abort_read(struct subset *subset)
{
    struct reader_slot *slot = readers_find(subset->readers);

    if (slot)
        replica_read_end(slot->reader);
}

/* Notes. */

static bool add_note(struct subset *subset, struct note *note)
{
    pthread_mutex_lock(&subset->lock);
    bool taken = subset->note_count < NOTES_MAX;
    if (taken) {
        note->next = subset->notes;
        subset->notes = note;
        subset->note_count++;
    }
    pthread_mutex_unlock(&subset->lock);
    return taken;
}

bool subset_note(struct subset *subset, struct str handle)
{
    if (handle.len == 0 || handle_key(handle).len > KEY_MAX)
        return false;
    struct note *note = mem_alloc_zero(sizeof(*note) + handle.len + 1);

    memcpy(note->handle, handle.ptr, handle.len);
    if (add_note(subset, note))
        return true;
    mem_free(note);
    return false;
}

static struct tracked *find_tracked(const struct subset *subset, struct str handle)
{
    return handle.len > 0 ? map_get(subset->tracked, handle_key(handle)) : NULL;
}

static void track(struct subset *subset, struct str handle)
{
    struct tracked *tracked = find_tracked(subset, handle);

    if (tracked || handle.len == 0)
        return;
    tracked = mem_alloc_zero(sizeof(*tracked) + handle.len + 1);
    tracked->subset = subset;
    memcpy(tracked->handle, handle.ptr, handle.len);
    map_put(subset->tracked, handle_key(str_of(tracked->handle)), tracked);
    TAILQ_INSERT_TAIL(&subset->wanted, tracked, entry);
}

static void take_notes(struct subset *subset)
{
    pthread_mutex_lock(&subset->lock);
    struct note *notes = subset->notes;
    subset->notes = NULL;
    subset->note_count = 0;
    pthread_mutex_unlock(&subset->lock);
    for (const struct note *note = notes; note; note = note->next)
        track(subset, str_of(note->handle));
    free_notes(notes);
}

/* What is wanted. */

static bool is_held(const struct subset *subset, struct str id)
{
    return map_get(subset->held, id) != NULL;
}

/* A successor answers for its predecessor's handles. */
static void hold(struct subset *subset, const struct subscription *record)
{
    map_put(subset->held, record->id, subset);
    track(subset, record->successor);
}

/* A record's successor is wanted before the record names it: a commit may bring the successor
 * first. */
bool subset_wants(struct subset *subset, const struct subscription *record)
{
    const struct str handles[] = {record->id,          record->tenant,
                                  record->account_id,  record->customer_identifier,
                                  record->license_key, record->license_arn};
    bool wanted = is_held(subset, record->id) || is_held(subset, record->predecessor);

    for (size_t i = 0; !wanted && i < sizeof(handles) / sizeof(handles[0]); i++)
        wanted = find_tracked(subset, handles[i]) != NULL;
    /* A record that took over another in a merger. */
    for (size_t i = 0; !wanted && i < record->aliases.count; i++)
        wanted = is_held(subset, record->aliases.items[i]) ||
                 find_tracked(subset, record->aliases.items[i]);
    if (wanted)
        hold(subset, record);
    return wanted;
}

static bool remove_record(void *arg, struct str id, void *value)
{
    struct subset *subset = arg;
    (void)value;

    replica_remove(subset->records, id);
    map_remove(subset->held, id);
    return true;
}

/* The marks go first: a reader that still sees the mark after reading has seen all records. */
void subset_forget(struct subset *subset)
{
    subset_leave(subset);
    replica_clear(subset->known);
    map_each(subset->held, remove_record, subset);
    map_each(subset->tracked, free_tracked, subset);
    TAILQ_INIT(&subset->wanted);
}

static bool fetch_anew(void *arg, struct str key, void *value)
{
    struct tracked *tracked = value;
    (void)arg;
    (void)key;

    tracked->asked_incarnation[0] = '\0';
    return true;
}

void subset_on_change(struct subset *subset, const struct commit_event *event)
{
    /* Not by an event: a removal is not in it. */
    if (!event && subset->fetching > 0)
        map_each(subset->tracked, fetch_anew, NULL);
    for (size_t i = 0; event && i < event->removed.count; i++) {
        map_remove(subset->held, event->removed.items[i]);
        if (subset->fetching > 0)
            map_put(subset->removed, event->removed.items[i], subset);
    }
}

/* Fetching. */

static void forget_removed(struct subset *subset)
{
    if (subset->fetching > 0 || map_count(subset->removed) == 0)
        return;
    map_free(subset->removed);
    subset->removed = map_new();
}

static bool is_current(const struct tracked *tracked, const struct entitlements_result *result)
{
    struct replica_follow_state now;

    replica_follow_state(tracked->subset->follow, &now);
    return now.complete && str_eq_text(result->incarnation, tracked->asked_incarnation) &&
           str_eq(result->incarnation, now.incarnation) && result->seq >= tracked->asked_seq;
}

static void take_records(struct subset *subset, const struct entitlements_result *result)
{
    for (size_t i = 0; i < result->holdings.count; i++) {
        const struct subscription *record = result->holdings.items[i].subscription;
        if (!record || map_get(subset->removed, record->id))
            continue;
        replica_put(subset->records, record);
        hold(subset, record);
    }
}

static void fetch_after(struct tracked *tracked, struct str after);

static void on_fetched(void *arg, const struct rpc_response *response)
{
    struct tracked *tracked = arg;
    struct subset *subset = tracked->subset;
    const struct entitlements_result *result = response->result;

    tracked->call = NULL;
    if (response->code == ERROR_NONE && is_current(tracked, result) && result->next.len > 0) {
        take_records(subset, result);
        fetch_after(tracked, result->next);
        return;
    }
    subset->fetching--;
    if (response->code == ERROR_NONE && is_current(tracked, result)) {
        take_records(subset, result);
        mark_known(subset, str_of(tracked->handle));
    } else {
        subset->fetch_at_mono_ms = clock_mono_ms() + RETRY_MS;
        TAILQ_INSERT_TAIL(&subset->wanted, tracked, entry);
    }
    forget_removed(subset);
}

static void fetch_after(struct tracked *tracked, struct str after)
{
    const struct entitlements_params params = {.handle = str_of(tracked->handle), .after = after};

    tracked->call = rpc_call(tracked->source, METHOD_query_entitlements, &params, FETCH_TIMEOUT_MS,
                             STR_NONE, on_fetched, tracked);
}

static void start_fetch(struct subset *subset, struct tracked *tracked, struct rpc_client *source,
                        const struct replica_follow_state *now)
{
    TAILQ_REMOVE(&subset->wanted, tracked, entry);
    tracked->asked_seq = now->seq;
    snprintf(tracked->asked_incarnation, ID_SIZE, STR_FMT, STR_ARG(now->incarnation));
    subset->fetching++;
    tracked->source = source;
    fetch_after(tracked, STR_NONE);
}

void subset_fetch(struct subset *subset, struct rpc_client *source,
                  const struct replica_follow *follow)
{
    struct replica_follow_state now;
    struct tracked *tracked;

    subset->follow = follow;
    replica_follow_state(follow, &now);
    if (map_count(subset->tracked) > HANDLES_MAX)
        subset_forget(subset);
    take_notes(subset);
    /* While the store is catching up, the checker's answer may rest on more than these records. */
    if (!now.complete || now.catching_up_since_s != 0 || !rpc_client_connected(source) ||
        clock_mono_ms() < subset->fetch_at_mono_ms)
        return;
    while (subset->fetching < FETCHES_MAX && (tracked = TAILQ_FIRST(&subset->wanted)))
        start_fetch(subset, tracked, source, &now);
}

static bool stop_fetch(void *arg, struct str key, void *value)
{
    struct tracked *tracked = value;
    struct subset *subset = arg;
    (void)key;

    if (tracked->call) {
        rpc_call_cancel(take(tracked->call));
        TAILQ_INSERT_TAIL(&subset->wanted, tracked, entry);
    }
    return true;
}

void subset_leave(struct subset *subset)
{
    map_each(subset->tracked, stop_fetch, subset);
    subset->fetching = 0;
    forget_removed(subset);
}
