/* Feeds: what is published arrives, in order; what harms or reads too slowly is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zmq.h>

#include "proto/endpoint/feed.h"
#include "proto/endpoint/socket.h"
#include "tests/support/endpoint_fixture.h"

struct stage {
    struct endpoint_fixture fixture;
    struct feed_publisher *publisher;
    struct feed_subscriber *subscriber;
    int64_t last_seq, wanted_seq;
    bool gap, heard;
};

static void on_event(void *arg, enum event_id event, const void *params)
{
    struct stage *stage = arg;

    if (event == EVENT_feed_heartbeat) {
        stage->heard = true;
    } else {
        const struct commit_event *commit = params;
        stage->gap |= commit->seq != stage->last_seq + 1 || commit->subscriptions.count != 1 ||
                      !str_eq_text(commit->incarnation, "one");
        stage->last_seq = commit->seq;
    }
    if (stage->last_seq == stage->wanted_seq)
        loop_stop(stage->fixture.loop);
}

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));
    const struct endpoint_binding binding = fixture_binding(&stage->fixture.feed);
    struct error error;

    fixture_open(&stage->fixture);
    assert_int_equal(feed_publisher_open(&stage->publisher, stage->fixture.loop,
                                         stage->fixture.context, &binding, &error),
                     0);
    assert_int_equal(feed_subscriber_open(&stage->subscriber, stage->fixture.loop,
                                          stage->fixture.context, &stage->fixture.feed, on_event,
                                          stage, &error),
                     0);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    feed_subscriber_close(stage->subscriber);
    feed_publisher_close(stage->publisher);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void beat(void *arg)
{
    struct stage *stage = arg;
    const struct heartbeat_event heartbeat = {.incarnation = STR("one"), .time_ms = 1};

    assert_int_equal(feed_publish(stage->publisher, EVENT_feed_heartbeat, &heartbeat), 0);
    if (!stage->heard)
        loop_after(stage->fixture.loop, 1, beat, stage);
}

/* Until the subscription has arrived, what is published goes nowhere. */
static void wait_until_heard(struct stage *stage)
{
    stage->heard = false;
    stage->wanted_seq = stage->last_seq;
    loop_soon(stage->fixture.loop, beat, stage);
    loop_run(stage->fixture.loop);
    assert_true(stage->heard);
}

static void every_commit_arrives_in_order(void **state)
{
    enum { COMMITS = 20000 };
    struct stage *stage = *state;
    struct subscription record = {.id = STR("sub-1"), .product_code = STR("product")};

    wait_until_heard(stage);
    for (int64_t seq = 1; seq <= COMMITS; seq++) {
        const struct commit_event commit = {
            .incarnation = STR("one"), .seq = seq, .subscriptions = {&record, 1}};
        assert_int_equal(feed_publish(stage->publisher, EVENT_feed_commit, &commit), 0);
    }
    stage->wanted_seq = COMMITS;
    loop_run(stage->fixture.loop);
    assert_false(stage->gap);
}

static void too_large_is_not_published(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *huge = mem_alloc_zero(FRAME_LIMIT_BYTES);
    const struct commit_event commit = {.incarnation = str_from(huge, FRAME_LIMIT_BYTES)};

    assert_int_equal(feed_publish(stage->publisher, EVENT_feed_commit, &commit), -1);
    wait_until_heard(stage);
}

/* Once somebody has subscribed. */
static void talk_nonsense(void *arg, void *writer)
{
    struct stage *stage = arg;
    char subscription[16];

    assert_int_equal(zmq_recv(writer, subscription, sizeof(subscription), 0), 1);
    socket_unwatch(stage->fixture.loop, writer);
    zmq_send(writer, "", 0, 0);
    zmq_send(writer, "\xc1", 1, 0);
    zmq_send(writer, "\x93\x02\xa6unheard\x90", 11, 0);
    zmq_send(writer,
             "\x93\x02\xa6"
             "commit\x91\x01",
             11, 0);
    zmq_send(writer, "two", 3, ZMQ_SNDMORE);
    zmq_send(writer, "frames", 6, 0);
    zmq_send(writer, "\x93\x02\xa9heartbeat\x93\xa1x\x00\x01", 17, 0);
}

static void garbage_on_either_side_does_no_harm(void **state)
{
    struct stage *stage = *state;
    void *context = zmq_ctx_new();
    void *reader = zmq_socket(context, ZMQ_XSUB);
    void *writer = zmq_socket(context, ZMQ_XPUB);
    char address[160];
    struct feed_subscriber *subscriber;
    struct error error;

    /* A reader that talks: the publisher reads and drops it. */
    assert_int_equal(zmq_connect(reader, stage->fixture.feed_address), 0);
    for (int i = 0; i < 100; i++)
        zmq_send(reader, "\x01garbage", 8, 0);
    wait_until_heard(stage);

    /* A publisher that talks nonsense before it beats. */
    snprintf(address, sizeof(address), "%s2", stage->fixture.feed_address);
    const char *items[] = {address};
    const struct config_list addresses = {items, 1};
    assert_int_equal(zmq_bind(writer, address), 0);
    assert_int_equal(feed_subscriber_open(&subscriber, stage->fixture.loop, stage->fixture.context,
                                          &addresses, on_event, stage, &error),
                     0);
    socket_watch(stage->fixture.loop, writer, LOOP_READ, talk_nonsense, stage);
    stage->heard = false;
    loop_run(stage->fixture.loop);
    assert_true(stage->heard);
    assert_int_equal(stage->last_seq, 0);

    feed_subscriber_close(subscriber);
    zmq_close(reader);
    zmq_close(writer);
    zmq_ctx_term(context);
}

/* What waits for readers is bounded. */

static void *subscribe(void *context, const struct stage *stage)
{
    void *sub = zmq_socket(context, ZMQ_SUB);

    zmq_setsockopt(sub, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(sub, ZMQ_RCVHWM, &(int){1}, sizeof(int));
    zmq_setsockopt(sub, ZMQ_SNDHWM, &(int){0}, sizeof(int));
    assert_int_equal(zmq_connect(sub, stage->fixture.feed_address), 0);
    return sub;
}

/* The others read on meanwhile. */
static void wait_until_cut_off(struct stage *stage)
{
    while (feed_publisher_stats(stage->publisher).cut_off == 0)
        wait_until_heard(stage);
}

static void a_reader_of_long_prefixes_is_cut_off_and_others_read_on(void **state)
{
    struct stage *stage = *state;
    void *context = zmq_ctx_new();
    void *sub = subscribe(context, stage);
    char prefix[FEED_PREFIX_BYTES + 1];

    memset(prefix, 'x', sizeof(prefix));
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, prefix, sizeof(prefix));
    wait_until_cut_off(stage);
    zmq_close(sub);
    zmq_ctx_term(context);
}

static void a_reader_of_many_prefixes_is_cut_off_and_others_read_on(void **state)
{
    struct stage *stage = *state;
    void *context = zmq_ctx_new();
    void *sub = subscribe(context, stage);

    for (int i = 0; i < FEED_PREFIXES_BYTES / 8 + 100; i++) {
        char prefix[16];
        snprintf(prefix, sizeof(prefix), "%08d", i);
        zmq_setsockopt(sub, ZMQ_SUBSCRIBE, prefix, 8);
    }
    wait_until_cut_off(stage);
    zmq_close(sub);
    zmq_ctx_term(context);
}

static void what_waits_for_slow_readers_is_bounded(void **state)
{
    enum { LARGE = 1 << 20 };
    struct stage *stage = *state;
    void *context = zmq_ctx_new();
    void *sub = subscribe(context, stage);
    char *text = mem_alloc_zero(LARGE);
    struct override override = {.handle = STR("h"), .action = OVERRIDE_DENY};
    int sent = 0, err = 0;

    memset(text, 'x', LARGE);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
    zmq_msg_t msg;
    zmq_msg_init(&msg);
    /* Until its subscription has arrived, nothing is sent to it. */
    do {
        wait_until_heard(stage);
    } while (zmq_msg_recv(&msg, sub, ZMQ_DONTWAIT) < 0);
    zmq_msg_close(&msg);
    for (; sent < 200 && err == 0; sent++) {
        override.reason = str_from(text, 1000);
        struct override *items = mem_alloc_array(LARGE / 1100, sizeof(*items));
        for (int i = 0; i < LARGE / 1100; i++)
            items[i] = override;
        err = feed_publish(stage->publisher, EVENT_feed_commit,
                           &(struct commit_event){.incarnation = STR("one"),
                                                  .seq = sent,
                                                  .overrides = {items, LARGE / 1100}});
        mem_free(items);
    }
    assert_int_equal(err, -1);
    struct feed_publisher_stats stats = feed_publisher_stats(stage->publisher);
    assert_int_equal(stats.withheld, 1);
    assert_in_range(stats.waiting_bytes, FEED_WAITING_BYTES / 2, FEED_WAITING_BYTES);
    assert_int_equal(feed_publish(stage->publisher, EVENT_feed_commit,
                                  &(struct commit_event){
                                      .incarnation = STR("one"), .seq = sent, .truncated = true}),
                     0);
    mem_free(text);
    zmq_close(sub);
    zmq_ctx_term(context);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_commit_arrives_in_order),
        TEST(too_large_is_not_published),
        TEST(garbage_on_either_side_does_no_harm),
        TEST(a_reader_of_long_prefixes_is_cut_off_and_others_read_on),
        TEST(a_reader_of_many_prefixes_is_cut_off_and_others_read_on),
        TEST(what_waits_for_slow_readers_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
