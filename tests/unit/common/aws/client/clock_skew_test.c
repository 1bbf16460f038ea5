/* A clock that is wrong, and what calls learn of AWS's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/aws_call_fixture.h"

static int64_t told_offset_s;

static void on_clock(int64_t offset_s)
{
    told_offset_s = offset_s;
}

static void a_wrong_clock_is_corrected_once(void **state)
{
    struct fixture *fixture = *state;
    cleanup(json_freep) struct json *headers = json_new_object();
    time_t ahead = time(NULL) + 3600;
    char date[64], want_hour[16];
    struct tm utc;

    gmtime_r(&ahead, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    strftime(want_hour, sizeof(want_hour), "%Y%m%dT%H", &utc);
    json_set_str(headers, "Date", str_of(date));
    const struct step skewed = {REPLY, 400, STR_INIT("{\"__type\":\"InvalidSignatureException\"}"),
                                headers};

    fixture->aws->on_clock = on_clock;
    SCRIPT(fixture, skewed, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(fixture->requests, 2);
    assert_in_range(aws_clock_offset_s(fixture->aws), 3590, 3610);
    assert_int_equal(told_offset_s, aws_clock_offset_s(fixture->aws));
    assert_true(str_starts_with(buf_str(&fixture->amz_date), str_from(want_hour, 9)));

    /* Known already: the same refusal now means something else. */
    SCRIPT(fixture, skewed, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_CREDENTIALS);
    assert_int_equal(fixture->requests, 1);

    /* It was set right: the offset is what is wrong now. */
    const struct step skewed_back = {REPLY, 400, skewed.body, NULL};
    SCRIPT(fixture, skewed_back, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(aws_clock_offset_s(fixture->aws), 0);
    assert_int_equal(told_offset_s, 0);
}

/* Both were signed before anybody knew: what the first learns helps the second, too. */
static void calls_under_way_share_what_is_learnt_of_the_clock(void **state)
{
    struct fixture *fixture = *state;
    cleanup(json_freep) struct json *headers = json_new_object();
    const struct aws_request request = {.service = AWS_ENTITLEMENT, .operation = "GetEntitlements"};
    time_t behind = time(NULL) - 3600;
    char date[64];
    struct tm utc;

    gmtime_r(&behind, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    json_set_str(headers, "Date", str_of(date));
    const struct step skewed = {REPLY, 400, STR_INIT("{\"__type\":\"InvalidSignatureException\"}"),
                                headers};

    SCRIPT(fixture, skewed, skewed, fine, fine);
    fixture->done = 0;
    aws_call(fixture->aws, &request, on_done, fixture);
    aws_call(fixture->aws, &request, on_done, fixture);
    for (unsigned i = 1; i <= 2; i++) {
        while (fixture->done < i)
            loop_run(fixture->loop);
        assert_int_equal(fixture->response.outcome, AWS_OK);
    }
    assert_int_equal(fixture->requests, 4);
}

/* Whatever the answer is: its sender's time goes with it, or nothing that was none. */
static void an_answer_tells_the_time_of_its_sender(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *date;
        int64_t want_s;
    } cases[] = {
        {"Mon, 23 Nov 2026 12:00:00 GMT", 1795435200},
        {"Mon, 23 Nov 2026 12:00:00 GMT, later", 0},
        {"2026-11-23T12:00:00Z", 0},
        {"soon", 0},
    };

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(json_freep) struct json *headers = json_new_object();
        json_set_str(headers, "Date", str_of(cases[i / 2].date));
        const struct step refusal = {REPLY, 400, STR_INIT("{\"__type\":\"AccessDeniedException\"}"),
                                     headers};
        const struct step success = {REPLY, 200, STR_INIT("{}"), headers};
        SCRIPT(fixture, i % 2 ? refusal : success);
        ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
        assert_int_equal(fixture->response.outcome, i % 2 ? AWS_ERROR : AWS_OK);
        assert_int_equal(fixture->response.answered_at_s, cases[i / 2].want_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(a_wrong_clock_is_corrected_once),
        CALL_TEST(calls_under_way_share_what_is_learnt_of_the_clock),
        CALL_TEST(an_answer_tells_the_time_of_its_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
