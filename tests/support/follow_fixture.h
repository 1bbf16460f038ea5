/* A store that the test plays, and a replica that follows it. */
#ifndef TESTS_SUPPORT_FOLLOW_FIXTURE_H
#define TESTS_SUPPORT_FOLLOW_FIXTURE_H

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/replica/follow.h"
#include "tests/support/endpoint_fixture.h"

enum { RECORDS_MAX = 64, OVERRIDES_MAX = 8, CHUNK = 7 };

struct fake_record {
    char id[32];
    bool present;
    int64_t version, seq; /* seq: of the last write or removal */
};

struct stage {
    struct endpoint_fixture fixture;
    /* The source. */
    struct rpc_server *server;
    struct feed_publisher *publisher;
    struct loop_timer *beat;
    char incarnation[32];
    int64_t seq, history_from;
    struct fake_record records[RECORDS_MAX], overrides[OVERRIDES_MAX];
    bool lose_events;
    bool has_unreadable;
    unsigned commits_per_chunk; /* made while a snapshot is taken */
    unsigned changes_asked;
    int64_t heartbeat_age_ms;
    int64_t start, start_seq, catching_up_since;
    bool follower_reports;
    /* The follower. */
    struct rpc_client *client;
    struct replica *replica;
    struct replica_follow *follow;
    unsigned times_incomplete;
    bool was_complete;
};

static inline struct subscription record_of(const struct fake_record *fake)
{
    return (struct subscription){.id = str_of(fake->id),
                                 .version = fake->version,
                                 .seq = fake->seq,
                                 .product_code = STR("product"),
                                 .account_id = str_of(fake->id)};
}

static inline struct override override_of(const struct fake_record *fake)
{
    return (struct override){.id = str_of(fake->id),
                             .handle = str_of(fake->id),
                             .action = OVERRIDE_ALLOW,
                             .created_at = fake->version};
}

static inline void publish(struct stage *stage, const struct commit_event *event)
{
    if (stage->publisher && !stage->lose_events)
        feed_publish(stage->publisher, EVENT_feed_commit, event);
}

static inline void write_fake(struct stage *stage, struct fake_record *fake, bool present)
{
    fake->present = present;
    fake->version++;
    fake->seq = ++stage->seq;
}

static inline void commit_record(struct stage *stage, size_t index, bool present)
{
    struct fake_record *fake = &stage->records[index];

    write_fake(stage, fake, present);
    struct subscription record = record_of(fake);
    struct str id = record.id;
    struct commit_event event = {.incarnation = str_of(stage->incarnation),
                                 .seq = stage->seq,
                                 .start = stage->start,
                                 .start_seq = stage->start_seq};
    if (present)
        event.subscriptions = (struct subscription_list){&record, 1};
    else
        event.removed = (struct str_list){&id, 1};
    publish(stage, &event);
}

static inline void commit_override(struct stage *stage, size_t index, bool present)
{
    struct fake_record *fake = &stage->overrides[index];

    write_fake(stage, fake, present);
    struct override override = override_of(fake);
    struct str id = override.id;
    struct commit_event event = {.incarnation = str_of(stage->incarnation),
                                 .seq = stage->seq,
                                 .start = stage->start,
                                 .start_seq = stage->start_seq};
    if (present)
        event.overrides = (struct override_list){&override, 1};
    else
        event.overrides_removed = (struct str_list){&id, 1};
    publish(stage, &event);
}

/* A removed subscription does not come back under its id. */
static inline void commit_something(struct stage *stage)
{
    size_t index = (size_t)rand() % RECORDS_MAX;
    bool gone = stage->records[index].seq > 0 && !stage->records[index].present;

    if (gone || rand() % 4 == 0)
        commit_override(stage, index % OVERRIDES_MAX, rand() % 3 > 0);
    else
        commit_record(stage, index, stage->records[index].seq == 0 || rand() % 4 > 0);
}

static inline void list_overrides(const struct stage *stage, int64_t since, struct arena *arena,
                                  struct override_list *ret_list)
{
    ret_list->items = arena_alloc_array(arena, OVERRIDES_MAX, sizeof(*ret_list->items));
    for (size_t i = 0; i < OVERRIDES_MAX; i++) {
        if (stage->overrides[i].present && stage->overrides[i].seq > since)
            ret_list->items[ret_list->count++] = override_of(&stage->overrides[i]);
    }
}

static inline struct str encode_fake(const struct fake_record *fake, struct arena *arena)
{
    const struct subscription record = record_of(fake);
    struct buf bytes = BUF_INIT;

    codec_encode(&shape_subscription, &record, &bytes);
    struct str encoded = arena_str(arena, buf_str(&bytes));
    buf_done(&bytes);
    return encoded;
}

static inline void on_snapshot(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const struct snapshot_params *params = rpc_request_params(request);
    struct arena *arena = rpc_request_arena(request);
    struct snapshot_result result = {.incarnation = str_of(stage->incarnation),
                                     .seq = stage->seq,
                                     .catching_up_since = stage->catching_up_since,
                                     .start = stage->start,
                                     .start_seq = stage->start_seq};
    size_t i = 0;

    if (str_is_empty(params->after))
        list_overrides(stage, 0, arena, &result.overrides);
    while (i < RECORDS_MAX && params->after.len > 0 &&
           str_compare(str_of(stage->records[i].id), params->after) <= 0)
        i++;
    result.subscriptions.items = arena_alloc_array(arena, CHUNK + 1, sizeof(struct str));
    if (stage->has_unreadable && str_is_empty(params->after))
        result.subscriptions.items[result.subscriptions.count++] = STR("\x80");
    for (; i < RECORDS_MAX && result.subscriptions.count < CHUNK; i++) {
        if (!stage->records[i].present)
            continue;
        result.subscriptions.items[result.subscriptions.count++] =
            encode_fake(&stage->records[i], arena);
        result.next = str_of(stage->records[i].id);
    }
    if (i == RECORDS_MAX)
        result.next = STR_NONE;
    /* Before the reader has the chunk, it has what changed after it. */
    for (unsigned n = 0; n < stage->commits_per_chunk; n++)
        commit_something(stage);
    rpc_reply(request, &result);
}

static inline void list_removed(const struct fake_record *fakes, size_t count, int64_t since,
                                struct arena *arena, struct str_list *ret_list)
{
    ret_list->items = arena_alloc_array(arena, count, sizeof(struct str));
    for (size_t i = 0; i < count; i++) {
        if (!fakes[i].present && fakes[i].seq > since)
            ret_list->items[ret_list->count++] = str_of(fakes[i].id);
    }
}

static inline void on_changes(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const struct changes_params *params = rpc_request_params(request);
    struct arena *arena = rpc_request_arena(request);
    struct changes_result result = {.incarnation = str_of(stage->incarnation),
                                    .seq = stage->seq,
                                    .start = stage->start,
                                    .start_seq = stage->start_seq};

    stage->changes_asked++;
    if (!str_eq(params->incarnation, result.incarnation) || params->since < stage->history_from) {
        rpc_fail(request, ERROR_NOT_FOUND, "no history since then");
        return;
    }
    result.subscriptions.items = arena_alloc_array(arena, RECORDS_MAX, sizeof(struct subscription));
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        if (stage->records[i].present && stage->records[i].seq > params->since)
            result.subscriptions.items[result.subscriptions.count++] =
                record_of(&stage->records[i]);
    }
    list_removed(stage->records, RECORDS_MAX, params->since, arena, &result.removed);
    list_removed(stage->overrides, OVERRIDES_MAX, params->since, arena, &result.overrides_removed);
    list_overrides(stage, params->since, arena, &result.overrides);
    rpc_reply(request, &result);
}

static inline void beat(void *arg)
{
    struct stage *stage = arg;
    const struct heartbeat_event heartbeat = {.incarnation = str_of(stage->incarnation),
                                              .seq = stage->seq,
                                              .age_ms = stage->heartbeat_age_ms,
                                              .catching_up_since = stage->catching_up_since,
                                              .start = stage->start,
                                              .start_seq = stage->start_seq};

    if (stage->publisher)
        feed_publish(stage->publisher, EVENT_feed_heartbeat, &heartbeat);
    stage->beat = loop_after(stage->fixture.loop, 5, beat, stage);
}

static inline void open_source(struct stage *stage)
{
    static const struct rpc_route routes[] = {
        {METHOD_store_snapshot, on_snapshot},
        {METHOD_store_changes, on_changes},
        {0, NULL},
    };
    const struct endpoint_binding binding = fixture_binding(&stage->fixture.feed);
    struct error error;

    stage->server = fixture_server(&stage->fixture, routes, stage, false);
    assert_int_equal(feed_publisher_open(&stage->publisher, stage->fixture.loop,
                                         stage->fixture.context, &binding, &error),
                     0);
}

static inline void close_source(struct stage *stage)
{
    rpc_server_close(take(stage->server));
    feed_publisher_close(take(stage->publisher));
}

static inline bool caught_up(const struct stage *stage)
{
    struct replica_follow_state now;

    replica_follow_state(stage->follow, &now);
    return now.complete && now.seq == stage->seq &&
           str_eq_text(now.incarnation, stage->incarnation);
}

static inline void on_change(void *arg, const struct commit_event *event)
{
    struct stage *stage = arg;
    struct replica_follow_state now;
    (void)event;

    replica_follow_state(stage->follow, &now);
    /* Readers hear of it while they still find what they look for. */
    if (stage->was_complete && !now.complete) {
        assert_true(replica_count(stage->replica) > 0 || now.kept);
        stage->times_incomplete++;
    }
    stage->was_complete = now.complete;
    if (caught_up(stage))
        loop_stop(stage->fixture.loop);
}

static inline void expect_equal(const struct stage *stage)
{
    struct arena arena = ARENA_INIT;
    const struct subscription *record = replica_next(stage->replica, STR_NONE, &arena);
    size_t overrides = 0, wanted_overrides = 0;

    for (size_t i = 0; i < RECORDS_MAX; i++) {
        if (!stage->records[i].present)
            continue;
        assert_non_null(record);
        assert_true(str_eq_text(record->id, stage->records[i].id));
        assert_int_equal(record->version, stage->records[i].version);
        record = replica_next(stage->replica, str_of(stage->records[i].id), &arena);
    }
    assert_null(record);
    for (size_t i = 0; i < OVERRIDES_MAX; i++)
        wanted_overrides += stage->overrides[i].present;
    const struct override *override = NULL;
    while ((override = replica_next_override(stage->replica, override ? override->id : STR_NONE,
                                             &arena)) != NULL) {
        assert_true(override->created_at > 0);
        overrides++;
    }
    assert_int_equal(overrides, wanted_overrides);
    arena_done(&arena);
}

static inline void catch_up(struct stage *stage)
{
    if (!caught_up(stage))
        loop_run(stage->fixture.loop);
    expect_equal(stage);
}

static inline void open_follower(struct stage *stage, const struct replica_follow_state *resume)
{
    struct error error;

    stage->client = fixture_client(&stage->fixture);
    const struct replica_follow_options options = {.loop = stage->fixture.loop,
                                                   .context = stage->fixture.context,
                                                   .replica = stage->replica,
                                                   .source = stage->client,
                                                   .snapshot_method = METHOD_store_snapshot,
                                                   .changes_method = METHOD_store_changes,
                                                   .feed = &stage->fixture.feed,
                                                   .resume = resume,
                                                   .reports_to_source = stage->follower_reports,
                                                   .on_change = on_change,
                                                   .arg = stage};
    assert_int_equal(replica_follow_open(&stage->follow, &options, &error), 0);
}

static inline struct replica_follow_state state_of(const struct stage *stage)
{
    struct replica_follow_state now;

    replica_follow_state(stage->follow, &now);
    return now;
}

/* A source with 40 records and 4 overrides, and a follower that has not heard of it yet. */
static inline int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    srand(1);
    strcpy(stage->incarnation, "first");
    fixture_open(&stage->fixture);
    for (size_t i = 0; i < RECORDS_MAX; i++)
        snprintf(stage->records[i].id, sizeof(stage->records[i].id), "sub-%03zu", i);
    for (size_t i = 0; i < OVERRIDES_MAX; i++)
        snprintf(stage->overrides[i].id, sizeof(stage->overrides[i].id), "override-%zu", i);
    for (size_t i = 0; i < 40; i++)
        commit_record(stage, i, true);
    for (size_t i = 0; i < 4; i++)
        commit_override(stage, i, true);
    stage->replica = replica_new();
    open_source(stage);
    open_follower(stage, NULL);
    beat(stage);
    *state = stage;
    return 0;
}

static inline int tear_down(void **state)
{
    struct stage *stage = *state;

    loop_cancel(stage->beat);
    replica_follow_close(stage->follow);
    rpc_client_close(stage->client);
    if (stage->server)
        close_source(stage);
    replica_free(stage->replica);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

#endif
