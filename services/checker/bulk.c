/* `snapshot` and `changes`: the replica for those who keep one of their own. On the loop. */
#include "common/base/map.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "services/checker/checker.h"

/* Records beyond this size go into the next chunk: the reply stays below FRAME_LIMIT_BYTES. */
enum { CHUNK_BYTES = FRAME_LIMIT_BYTES / 2, CHUNK_RECORDS_MAX = 10000 };

static struct str encoded(const struct subscription *record, struct arena *arena)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT;

    codec_encode(&shape_subscription, record, &bytes);
    return arena_str(arena, buf_str(&bytes));
}

static size_t encoded_size(const struct subscription *record)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT;

    codec_encode(&shape_subscription, record, &bytes);
    return bytes.len;
}

static size_t count_overrides(const struct replica *replica, struct arena *arena)
{
    const struct override *override = NULL;
    size_t count = 0;

    while ((override = replica_next_override(replica, override ? override->id : STR_NONE, arena)))
        count++;
    return count;
}

/* An override is small; so many fit into one message beside a chunk of records. */
static struct override_list all_overrides(const struct replica *replica, struct arena *arena)
{
    size_t count = count_overrides(replica, arena);
    struct override_list list = {.items = arena_alloc_array(arena, count, sizeof(*list.items))};
    const struct override *override = NULL;

    while ((override = replica_next_override(replica, override ? override->id : STR_NONE, arena)))
        list.items[list.count++] = *override;
    return list;
}

static void fill_chunk(const struct replica *replica, const struct snapshot_params *params,
                       struct arena *arena, struct snapshot_result *result)
{
    size_t limit = params->limit > 0 && params->limit < CHUNK_RECORDS_MAX ? (size_t)params->limit
                                                                          : CHUNK_RECORDS_MAX;
    const struct subscription *record = replica_next(replica, params->after, arena);
    struct str_list *list = &result->subscriptions;
    struct str last = STR_NONE;
    size_t bytes = 0;

    list->items = arena_alloc_array(arena, limit, sizeof(list->items[0]));
    while (record && list->count < limit && bytes < CHUNK_BYTES) {
        last = record->id;
        list->items[list->count] = encoded(record, arena);
        bytes += list->items[list->count++].len;
        record = replica_next(replica, last, arena);
    }
    if (record)
        result->next = last;
}

static bool follows(const struct checker *checker, struct rpc_request *request,
                    struct replica_follow_state *ret_state)
{
    replica_follow_state(checker->follow, ret_state);
    if (!ret_state->complete)
        rpc_fail(request, ERROR_NOT_READY, "%s", rpc_errors[ERROR_NOT_READY].sentence);
    return ret_state->complete;
}

void on_snapshot(void *arg, struct rpc_request *request)
{
    const struct checker *checker = arg;
    const struct snapshot_params *params = rpc_request_params(request);
    struct arena *arena = rpc_request_arena(request);
    struct replica_follow_state now;

    if (!follows(checker, request, &now))
        return;
    struct snapshot_result result = {.incarnation = now.incarnation,
                                     .seq = now.seq,
                                     .catching_up_since = now.catching_up_since_s};
    if (str_is_empty(params->after))
        result.overrides = all_overrides(checker->replica, arena);
    fill_chunk(checker->replica, params, arena, &result);
    rpc_reply(request, &result);
}

/* The ids that changed, each once, with a list of either kind to grow into. */
struct touched {
    struct map *subscriptions, *overrides;
};

static void note_touched(void *arg, enum history_kind kind, struct str id)
{
    struct touched *touched = arg;

    map_put(kind == HISTORY_OVERRIDE ? touched->overrides : touched->subscriptions, id, touched);
}

struct changes_writer {
    struct checker *checker;
    struct arena *arena;
    struct changes_result *result;
    size_t bytes;
};

/* A handle leads to other records too; an id that is one's alias is gone as a record. */
static const struct subscription *find_by_id(struct checker *checker, struct str id,
                                             struct arena *arena)
{
    struct decide_facts facts;

    replica_find(checker->loop_reader, id, arena, &facts);
    for (size_t i = 0; i < facts.subscription_count; i++) {
        if (str_eq(facts.subscriptions[i]->id, id))
            return facts.subscriptions[i];
    }
    return NULL;
}

static bool write_subscription(void *arg, struct str id, void *value)
{
    struct changes_writer *writer = arg;
    struct changes_result *result = writer->result;
    const struct subscription *record = find_by_id(writer->checker, id, writer->arena);
    (void)value;

    if (record) {
        result->subscriptions.items[result->subscriptions.count++] = *record;
        writer->bytes += encoded_size(record);
    } else {
        result->removed.items[result->removed.count++] = arena_str(writer->arena, id);
        writer->bytes += id.len;
    }
    return writer->bytes < CHUNK_BYTES;
}

static void keep_touched_overrides(const struct replica *replica, struct map *touched,
                                   struct arena *arena, struct override_list *ret_list)
{
    struct override_list all = all_overrides(replica, arena);

    *ret_list = (struct override_list){.items = all.items};
    for (size_t i = 0; i < all.count; i++) {
        if (map_remove(touched, all.items[i].id))
            ret_list->items[ret_list->count++] = all.items[i];
    }
}

/* What is left in the map after those that are there. */
static bool write_removed_override(void *arg, struct str id, void *value)
{
    struct changes_writer *writer = arg;
    struct str_list *list = &writer->result->overrides_removed;
    (void)value;

    list->items[list->count++] = arena_str(writer->arena, id);
    return true;
}

/* False: too much for one message. */
static bool write_changes(struct changes_writer *writer, struct touched *touched)
{
    struct changes_result *result = writer->result;
    size_t records = map_count(touched->subscriptions);

    result->subscriptions.items =
        arena_alloc_array(writer->arena, records, sizeof(struct subscription));
    result->removed.items = arena_alloc_array(writer->arena, records, sizeof(struct str));
    map_each(touched->subscriptions, write_subscription, writer);
    keep_touched_overrides(writer->checker->replica, touched->overrides, writer->arena,
                           &result->overrides);
    result->overrides_removed.items =
        arena_alloc_array(writer->arena, map_count(touched->overrides), sizeof(struct str));
    map_each(touched->overrides, write_removed_override, writer);
    return result->subscriptions.count + result->removed.count == records;
}

void on_changes(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;
    const struct changes_params *params = rpc_request_params(request);
    struct touched touched = {.subscriptions = map_new(), .overrides = map_new()};
    struct replica_follow_state now;

    if (follows(checker, request, &now)) {
        struct changes_result result = {.incarnation = now.incarnation, .seq = now.seq};
        struct changes_writer writer = {
            .checker = checker, .arena = rpc_request_arena(request), .result = &result};

        replica_read_begin(checker->loop_reader);
        if (str_eq(params->incarnation, now.incarnation) &&
            history_each(checker->history, params->since, note_touched, &touched) &&
            write_changes(&writer, &touched))
            rpc_reply(request, &result);
        else
            rpc_fail(request, ERROR_NOT_FOUND, "the changes since then are not known here");
        replica_read_end(checker->loop_reader);
    }
    map_free(touched.subscriptions);
    map_free(touched.overrides);
}
