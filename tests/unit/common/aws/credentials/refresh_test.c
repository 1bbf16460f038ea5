/* When credentials are replaced, and what calls notice of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/credentials/refresh.h"
#include "tests/support/aws_peer.h"

#define PATH "/v1/credentials"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

/* Both clocks run together here. */
static int set_up(void **state)
{
    peer_set_up(state);
    struct peer *peer = *state;
    cleanup(mem_freep) char *uri = mem_printf("%s" PATH, peer->url);

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri, 1);
    setenv("AWS_REGION", "us-east-1", 1);
    return 0;
}

static void pass(int64_t ms)
{
    peer_now_ms += ms;
}

/* Keys of that name, good for so long from now. The text is the caller's. */
static struct str keys_text(struct buf *text, const char *id, int64_t lifetime_ms)
{
    char until[CLOCK_TEXT_SIZE];

    clock_format_s((peer_now_ms + lifetime_ms) / 1000, until);
    buf_clear(text);
    buf_printf(text,
               "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\","
               "\"Token\":\"t-%s\",\"Expiration\":\"%s\"}",
               id, id, until);
    return buf_str(text);
}

static void open_peer(struct peer *peer)
{
    if (peer_open(peer, (struct aws_options){0}) < 0)
        fail_msg("%s", peer->error.text);
    peer->aws->clock.mono_ms = peer_clock;
}

static void assert_in_use(const struct peer *peer, const char *id)
{
    assert_non_null(peer->aws->credentials.keys.access_key_id);
    assert_string_equal(peer->aws->credentials.keys.access_key_id, id);
}

static bool is_asking(const struct peer *peer)
{
    return peer->aws->credentials.source->fetching;
}

static void the_delays_are_as_documented(void **state)
{
    static const struct {
        struct refresh refresh;
        int64_t low_ms, high_ms; /* for random 0 and 1 */
    } cases[] = {
        {{.never_expires = true, .usable = true}, -1, -1},
        {{.never_expires = true, .usable = true, .failures = 1}, -1, -1},
        {{.never_expires = true, .failures = 1}, 500, 1000},
        {{.left_ms = 60 * MINUTE_MS, .usable = true}, 45 * MINUTE_MS, 45 * MINUTE_MS},
        /* Short-lived ones are halved. */
        {{.left_ms = 15 * MINUTE_MS, .usable = true}, 450 * SECOND_MS, 450 * SECOND_MS},
        {{.left_ms = SECOND_MS, .usable = true}, SECOND_MS, SECOND_MS},
        /* Fifteen minutes before: calmly; ten minutes before: urgently. */
        {{.left_ms = 14 * MINUTE_MS, .usable = true, .failures = 9}, 30 * SECOND_MS, MINUTE_MS},
        {{.left_ms = 10 * MINUTE_MS, .usable = true, .failures = 9}, 5 * SECOND_MS, 10 * SECOND_MS},
        {{.left_ms = -1, .failures = 1}, 500, SECOND_MS},
        {{.left_ms = -1, .failures = 3}, 2 * SECOND_MS, 4 * SECOND_MS},
        {{.left_ms = -1, .failures = 4}, 5 * SECOND_MS, 10 * SECOND_MS},
        {{.left_ms = -1, .failures = 21}, 30 * SECOND_MS, MINUTE_MS},
        /* An instance's, near their end and past it. */
        {{.left_ms = 60 * MINUTE_MS, .usable = true, .outlives_expiry = true},
         45 * MINUTE_MS,
         45 * MINUTE_MS},
        {{.left_ms = 15 * MINUTE_MS, .usable = true, .outlives_expiry = true},
         2 * MINUTE_MS,
         10 * MINUTE_MS},
        {{.left_ms = 8 * MINUTE_MS, .usable = true, .outlives_expiry = true},
         2 * MINUTE_MS,
         4 * MINUTE_MS},
        {{.left_ms = 5 * MINUTE_MS, .usable = true, .outlives_expiry = true},
         30 * SECOND_MS,
         MINUTE_MS},
        {{.left_ms = 8 * SECOND_MS, .usable = true, .outlives_expiry = true},
         4 * SECOND_MS,
         4 * SECOND_MS},
        {{.left_ms = -60 * MINUTE_MS, .usable = true, .outlives_expiry = true},
         2 * MINUTE_MS,
         10 * MINUTE_MS},
        {{.left_ms = -60 * MINUTE_MS, .usable = true, .outlives_expiry = true, .failures = 3},
         30 * SECOND_MS,
         MINUTE_MS},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(refresh_delay_ms(&cases[i].refresh, 0), cases[i].low_ms);
        assert_int_equal(refresh_delay_ms(&cases[i].refresh, 1), cases[i].high_ms);
    }
}

static void others_are_asked_for_a_quarter_of_an_hour_ahead(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf first = BUF_INIT, second = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&first, "ONE", 60 * MINUTE_MS));
    peer_answer(peer, "/", 200, STR("{}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    assert_in_use(peer, "ONE");

    pass(45 * MINUTE_MS - SECOND_MS);
    credentials_look(&peer->aws->credentials);
    assert_false(is_asking(peer));
    pass(SECOND_MS);
    peer_answer(peer, PATH, 200, keys_text(&second, "TWO", 60 * MINUTE_MS));
    credentials_look(&peer->aws->credentials);
    assert_true(is_asking(peer));
    /* One question at a time, and nobody waits for it. */
    unsigned before = peer->requests;
    credentials_look(&peer->aws->credentials);
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    peer_wait_for_events(peer, 2);
    assert_in_use(peer, "TWO");
    assert_int_equal(peer->requests - before, 2);
    assert_true(str_is_empty(buf_str(&peer->failure)));
}

/* The wall clock alone says so: the machine slept, or somebody set it. */
static void a_clock_that_was_set_is_noticed(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    open_peer(peer);
    peer->aws->clock.mono_ms = clock_mono_ms;
    peer_wait_for_events(peer, 1);
    credentials_look(&peer->aws->credentials);
    assert_false(is_asking(peer));
    pass(46 * MINUTE_MS);
    credentials_look(&peer->aws->credentials);
    assert_true(is_asking(peer));
}

static void a_call_is_what_looks_at_the_clock(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    peer_answer(peer, "/", 200, STR("{}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    pass(61 * MINUTE_MS);
    peer_answer(peer, PATH, 200, keys_text(&text, "TWO", 60 * MINUTE_MS));
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    assert_non_null(strstr(peer->authorization.data, "Credential=TWO/"));
}

static void the_old_ones_serve_while_they_live(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    peer_answer(peer, "/", 200, STR("{}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);

    peer_answer(peer, PATH, 403, STR(""));
    pass(50 * MINUTE_MS);
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    peer_wait_for_events(peer, 2);
    assert_true(peer->usable);
    assert_string_equal(peer->failure.data + peer->failure.len - strlen("HTTP status 403"),
                        "HTTP status 403");
    /* Not at every call. */
    unsigned before = peer->requests;
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    assert_int_equal(peer->requests - before, 1);
    assert_false(is_asking(peer));

    pass(10 * MINUTE_MS);
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    assert_true(peer->response.retryable);
    assert_non_null(strstr(peer->message.data, "container: "));
    assert_false(peer->usable);
}

static void new_ones_that_have_expired_are_a_failure(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf first = BUF_INIT, second = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&first, "ONE", 60 * MINUTE_MS));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    peer_answer(peer, PATH, 200, keys_text(&second, "TWO", 0));
    pass(50 * MINUTE_MS);
    credentials_look(&peer->aws->credentials);
    peer_wait_for_events(peer, 2);
    assert_in_use(peer, "ONE");
    assert_true(peer->usable);
    assert_non_null(strstr(peer->failure.data, "container: what it gives expired at"));
}

/* AWS's clock decides what has expired, once it is known. */
static void expiry_goes_by_the_clock_of_aws(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    pass(120 * MINUTE_MS);
    assert_false(credentials_fresh(&peer->aws->credentials));
    peer->aws->clock.offset_s = -7200;
    assert_true(credentials_fresh(&peer->aws->credentials));
}

static void an_instance_goes_on_with_what_it_has(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", peer->url, 1);
    peer_answer(peer, "/latest/api/token", 200, STR("t"));
    peer_answer(peer, "/latest/meta-data/iam/security-credentials/", 200, STR("r"));
    peer_answer(peer, "/latest/meta-data/iam/security-credentials/r", 200,
                peer_vector_json(peer, "imds.creds_response_stale", &text));
    peer_answer(peer, "/", 200, STR("{}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    assert_true(peer->usable);
    assert_in_use(peer, "ASIAFIXTUREEXAMPLE02");
    assert_false(credentials_fresh(&peer->aws->credentials));
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    /* Asked again in some minutes, not before. */
    assert_int_equal(peer->aws->credentials.look_at_mono_ms - peer_now_ms, 6 * MINUTE_MS);
    assert_false(is_asking(peer));

    peer_answer(peer, "/latest/api/token", 500, STR(""));
    pass(6 * MINUTE_MS);
    credentials_look(&peer->aws->credentials);
    peer_wait_for_events(peer, 2);
    assert_true(peer->usable);
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
}

static void calls_wait_for_the_first(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct aws_request request = {.service = AWS_METERING, .operation = "ResolveCustomer"};

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    peer_answer(peer, "/", 200, STR("{}"));
    open_peer(peer);
    aws_call(peer->aws, &request, peer_on_done, peer);
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    while (peer->done < 2)
        loop_run(peer->loop);
    assert_int_equal(peer->response.outcome, AWS_OK);
    assert_string_equal(peer->asked.data, "GET " PATH "\nPOST /\nPOST /\n");
}

static void calls_do_not_wait_for_ever(void **state)
{
    struct peer *peer = *state;
    struct aws_request request = {
        .service = AWS_METERING, .operation = "ResolveCustomer", .deadline_ms = 50};

    peer_answer(peer, PATH, PEER_HANGS, STR(""));
    open_peer(peer);
    aws_call(peer->aws, &request, peer_on_done, peer);
    while (peer->done == 0)
        loop_run(peer->loop);
    assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    assert_non_null(strstr(peer->message.data, "they did not arrive in time"));
    /* Whoever cancels is not called. */
    aws_call_cancel(aws_call(peer->aws, &request, peer_on_done, peer));
    aws_call(peer->aws, &request, peer_on_done, peer);
    aws_free(peer->aws);
    peer->aws = NULL;
    assert_int_equal(peer->done, 1);
}

#define REFUSAL(message) STR("{\"__type\":\"ExpiredTokenException\",\"message\":\"" message "\"}")

/* The same code, said once or always; how the call ends, and who is asked how often. */
static void the_two_meanings_of_an_expired_token(void **state)
{
    struct peer *peer = *state;
    static const struct {
        const char *message;
        bool ours, others; /* the refusal ends with new keys; there are new keys */
        bool over;         /* our session's time is over */
        enum aws_outcome outcome;
        unsigned calls, questions;
    } cases[] = {
        {"The security token included in the request is expired", true, true, false, AWS_OK, 2, 1},
        {"The security token included in the request is expired", false, true, false,
         AWS_CREDENTIALS, 2, 1},
        {"The security token included in the request is expired", false, false, false,
         AWS_CREDENTIALS, 1, 1},
        /* Said clearly, it is the buyer's; said unclearly, once more with other keys. */
        {"The registration token has expired", false, true, false, AWS_ERROR, 1, 0},
        {"expired", true, true, false, AWS_OK, 2, 1},
        {"expired", false, true, false, AWS_ERROR, 2, 1},
        {"expired", false, false, false, AWS_ERROR, 1, 1},
        {"", false, true, false, AWS_ERROR, 2, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(buf_done) struct buf first = BUF_INIT, second = BUF_INIT;
        cleanup(mem_freep) char *refusal = mem_printf(
            "{\"__type\":\"ExpiredTokenException\",\"message\":\"%s\"}", cases[i].message);
        peer->answer_count = 0;
        peer_answer(peer, PATH, 200, keys_text(&first, "ONE", 60 * MINUTE_MS));
        open_peer(peer);
        peer_wait_for_events(peer, 1);
        if (cases[i].others)
            peer_answer(peer, PATH, 200, keys_text(&second, "TWO", 60 * MINUTE_MS));
        peer_answer(peer, "/", 200, STR("{}"));
        peer_answer_times(peer, cases[i].ours ? 1 : 9, "/", 400, str_of(refusal));
        unsigned before = peer->requests;
        peer_call(peer, "ResolveCustomer");
        assert_int_equal(peer->response.outcome, cases[i].outcome);
        assert_int_equal(peer->requests - before, cases[i].calls + cases[i].questions);
        assert_string_equal(peer->code.data,
                            cases[i].outcome == AWS_OK ? "" : "ExpiredTokenException");
        if (cases[i].outcome == AWS_ERROR && *cases[i].message)
            assert_string_equal(peer->message.data, cases[i].message);
    }
}

/* An instance's may be past their time: then even the buyer's word is in doubt. */
static void an_old_session_is_not_blamed_on_the_buyer(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", peer->url, 1);
    peer_answer(peer, "/latest/api/token", 200, STR("t"));
    peer_answer(peer, "/latest/meta-data/iam/security-credentials/", 200, STR("r"));
    peer_answer(peer, "/latest/meta-data/iam/security-credentials/r", 200,
                keys_text(&text, "ONE", -SECOND_MS));
    peer_answer(peer, "/", 400, REFUSAL("The registration token has expired"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    unsigned before = peer->requests;
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    assert_int_equal(peer->requests - before, 1 + 3);
}

static void refused_keys_do_not_flood_the_source(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    peer_answer(peer, "/", 400, STR("{\"__type\":\"UnrecognizedClientException\"}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    for (int i = 0; i < 5; i++) {
        peer_call(peer, "ResolveCustomer");
        assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    }
    assert_int_equal(peer->requests, 1 + 5 + 1);
    pass(10 * SECOND_MS);
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->requests, 1 + 5 + 1 + 2);
}

static int64_t racing_clock(void)
{
    pass(MINUTE_MS);
    return peer_now_ms;
}

/* However often there are others. */
static void a_call_is_repeated_once_only(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT;
    const int64_t long_ms = INT64_C(60000) * MINUTE_MS;

    peer_answer(peer, PATH, 200, keys_text(&three, "THREE", long_ms));
    peer_answer_times(peer, 1, PATH, 200, keys_text(&two, "TWO", long_ms));
    peer_answer_times(peer, 1, PATH, 200, keys_text(&one, "ONE", long_ms));
    peer_answer(peer, "/", 400, STR("{\"__type\":\"UnrecognizedClientException\"}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    peer->aws->clock.mono_ms = racing_clock;
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    assert_int_equal(peer->response.attempts, 2);
    assert_in_use(peer, "TWO");
}

/* The source fails just when AWS refuses what is in use: it is asked again soon, for nothing else
 * helps. */
static void a_source_that_fails_in_need_is_asked_again_soon(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    peer_answer(peer, PATH, 200, keys_text(&text, "ONE", 60 * MINUTE_MS));
    peer_answer(peer, "/", 400, STR("{\"__type\":\"UnrecognizedClientException\"}"));
    open_peer(peer);
    peer_wait_for_events(peer, 1);
    peer_answer(peer, PATH, 403, STR(""));
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    assert_true(peer->response.retryable);
    assert_int_equal(peer->aws->credentials.look_at_mono_ms - peer_now_ms, 750);
    assert_int_equal(peer->events, 2);
}

#define REFRESH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_delays_are_as_documented),
        REFRESH_TEST(others_are_asked_for_a_quarter_of_an_hour_ahead),
        REFRESH_TEST(a_clock_that_was_set_is_noticed),
        REFRESH_TEST(a_call_is_what_looks_at_the_clock),
        REFRESH_TEST(the_old_ones_serve_while_they_live),
        REFRESH_TEST(new_ones_that_have_expired_are_a_failure),
        REFRESH_TEST(expiry_goes_by_the_clock_of_aws),
        REFRESH_TEST(an_instance_goes_on_with_what_it_has),
        REFRESH_TEST(calls_wait_for_the_first),
        REFRESH_TEST(calls_do_not_wait_for_ever),
        REFRESH_TEST(the_two_meanings_of_an_expired_token),
        REFRESH_TEST(an_old_session_is_not_blamed_on_the_buyer),
        REFRESH_TEST(refused_keys_do_not_flood_the_source),
        REFRESH_TEST(a_call_is_repeated_once_only),
        REFRESH_TEST(a_source_that_fails_in_need_is_asked_again_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
