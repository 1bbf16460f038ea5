/* Signatures, the quota, and the world's rules, without a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "services/sandbox/market.h"
#include "services/sandbox/verbs.h"
#include "services/sandbox/verify.h"
#include "services/sandbox/world_json.h"
#include "tests/support/vectors.h"

struct fixture {
    struct loop *loop;
    struct sandbox sandbox;
    struct json *vectors;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc_zero(sizeof(*f));
    struct json *origin = NULL;

    f->loop = loop_new();
    f->vectors = vectors_load("aws-wire-examples.json");
    assert_int_equal(json_parse(&origin, str_of(world_default_text), NULL), 0);
    assert_int_equal(sandbox_init(&f->sandbox, f->loop, origin, NULL), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sandbox_done(&f->sandbox);
    loop_free(f->loop);
    json_free(f->vectors);
    mem_free(f);
    return 0;
}

/* The caller frees the reply. */
static struct json *run(struct fixture *f, const char *verb, const char *ask_text)
{
    struct json *ask = NULL, *reply = json_new_object();
    struct error error = {{0}};

    assert_int_equal(json_parse(&ask, str_of(ask_text), &error), 0);
    if (verb_run(&f->sandbox, str_of(verb), ask, reply, &error) < 0)
        fail_msg("%s: %s", verb, error.text);
    json_free(ask);
    return reply;
}

static char *buy(struct fixture *f, const char *more)
{
    cleanup(mem_freep) char *ask = mem_printf("{\"product\":\"4exampleproductcode0000001\","
                                              "\"account\":\"111122223333\","
                                              "\"dimensions\":{\"seats\":10,\"sso\":true}%s}",
                                              more);
    struct json *reply = run(f, "buy", ask);
    char *id = str_dup(json_get_str(reply, "agreement_id"));

    json_free(reply);
    return id;
}

/* What GetEntitlements answers the seller; the caller frees it. */
static struct json *ask(struct fixture *f, const char *request, enum fault_kind fault)
{
    struct call call = {.sandbox = &f->sandbox,
                        .caller = {.account = STR("444455556666")},
                        .fault = {.kind = fault}};

    assert_int_equal(json_parse(&call.request, str_of(request), NULL), 0);
    assert_true(entitlement_operations[0].fn(&call));
    if (call.answer.code)
        fail_msg("%s: %s", call.answer.code, call.answer.message);
    json_free(call.request);
    arena_done(&call.arena);
    return call.answer.body;
}

#define WHOLE "{\"ProductCode\":\"4exampleproductcode0000001\"}"

static size_t count_rows(struct fixture *f, enum fault_kind fault)
{
    struct json *body = ask(f, WHOLE, fault);
    size_t count = json_count(json_get(body, "Entitlements"));

    json_free(body);
    return count;
}

static void pages_hold_every_row_once(void **state)
{
    struct fixture *f = *state;
    size_t seen = 0, pages = 0;
    struct str token = STR_NONE;
    struct arena arena = ARENA_INIT;

    for (int i = 0; i < 30; i++)
        mem_free(buy(f, ""));
    do {
        struct str more = arena_printf(&arena, ",\"NextToken\":\"" STR_FMT "\"", STR_ARG(token));
        struct str request = arena_printf(
            &arena, "{\"ProductCode\":\"4exampleproductcode0000001\",\"MaxResults\":7" STR_FMT "}",
            STR_ARG(str_is_empty(token) ? STR_NONE : more));
        struct json *body = ask(f, request.ptr, FAULT_NONE);
        seen += json_count(json_get(body, "Entitlements"));
        token = arena_str(&arena, json_get_str(body, "NextToken"));
        json_free(body);
        pages++;
    } while (!str_is_empty(token));
    assert_int_equal(seen, 60);
    assert_int_equal(pages, 9);
    arena_done(&arena);
}

static void a_stale_answer_is_the_state_before_the_last_change(void **state)
{
    struct fixture *f = *state;
    cleanup(mem_freep) char *first = buy(f, "");

    assert_non_null(first);
    assert_int_equal(count_rows(f, FAULT_STALE), 0);
    cleanup(mem_freep) char *second = buy(f, "");
    assert_int_equal(count_rows(f, FAULT_STALE), 2);
    assert_int_equal(count_rows(f, FAULT_NONE), 4);

    cleanup(mem_freep) char *end = mem_printf("{\"agreement\":\"%s\"}", second);
    json_free(run(f, "cancel", end));
    assert_int_equal(count_rows(f, FAULT_STALE), 4);
    assert_int_equal(count_rows(f, FAULT_NONE), 2);
}

static void entitlements_come_after_as_many_calls_as_asked(void **state)
{
    struct fixture *f = *state;
    cleanup(mem_freep) char *id = buy(f, ",\"entitlements_after\":2");

    assert_non_null(id);
    assert_int_equal(count_rows(f, FAULT_NONE), 0);
    assert_int_equal(count_rows(f, FAULT_NONE), 0);
    assert_int_equal(count_rows(f, FAULT_NONE), 2);
}

static void an_agreement_whose_date_has_passed_renews_by_itself_if_it_was_so_bought(void **state)
{
    struct fixture *f = *state;
    cleanup(mem_freep) char *id = buy(f, ",\"auto_renew\":true,\"term_days\":30");
    struct agreement *agreement = world_agreement(&f->sandbox.world, str_of(id));
    int64_t term_s = agreement->now.ends_at - agreement->starts_at;

    agreement->starts_at -= term_s;
    agreement->now.ends_at -= term_s;
    market_settle(&f->sandbox);
    const struct agreement *next = STAILQ_NEXT(agreement, link);
    assert_true(str_eq(agreement->status, STR("RENEWED")));
    assert_non_null(next);
    assert_true(str_eq(next->intent, STR("RENEW")));
    assert_true(next->now.ends_at == agreement->now.ends_at + term_s);
    assert_int_equal(count_rows(f, FAULT_NONE), 2);
}

static void the_quota_is_counted_over_a_sliding_second(void **state)
{
    struct fixture *f = *state;
    struct call_log *log = &f->sandbox.log;
    struct str account = STR("444455556666");

    assert_true(call_log_admit(log, account, 2, 1000));
    assert_true(call_log_admit(log, account, 2, 1900));
    assert_false(call_log_admit(log, account, 2, 1999));
    assert_true(call_log_admit(log, STR("other"), 2, 1999));
    assert_true(call_log_admit(log, account, 2, 2000));
    assert_false(call_log_admit(log, account, 2, 2899));
    assert_true(call_log_admit(log, account, 2, 2900));
    assert_int_equal(log->over_quota, 2);
    assert_int_equal(log->peak_per_second, 4);
    for (int i = 0; i < 500; i++)
        assert_true(call_log_admit(log, account, 0, 9000 + i));
    assert_int_equal(log->peak_per_second, 500);
}

static size_t fill_headers(const struct json *vector, struct sigv4_header *headers)
{
    struct str url = json_get_str(vector, "url");
    struct str token = json_get_str(vector, "session_token");
    const struct json *more = json_get(vector, "headers_signed_besides_host_and_date");
    struct str query_mode = json_get_str(more, "x-amzn-query-mode");
    size_t count = 0;

    url = str_from(url.ptr + strlen("https://"), url.len - strlen("https://"));
    headers[count++] =
        (struct sigv4_header){STR("authorization"), json_get_str(vector, "authorization")};
    headers[count++] =
        (struct sigv4_header){STR("content-type"), json_get_str(more, "content-type")};
    headers[count++] = (struct sigv4_header){STR("host"), str_split(&url, '/')};
    headers[count++] = (struct sigv4_header){STR("x-amz-date"), json_get_str(vector, "amz_date")};
    if (!str_is_empty(token))
        headers[count++] = (struct sigv4_header){STR("x-amz-security-token"), token};
    headers[count++] =
        (struct sigv4_header){STR("x-amz-target"), json_get_str(more, "x-amz-target")};
    if (!str_is_empty(query_mode))
        headers[count++] = (struct sigv4_header){STR("x-amzn-query-mode"), query_mode};
    return count;
}

static const char *verify(struct fixture *f, const struct json *vector, int64_t now_s)
{
    struct sigv4_header headers[8];
    struct answer answer = {0};
    struct caller caller = {0};
    struct signed_request request = {
        .method = STR("POST"),
        .path = STR("/"),
        .headers = headers,
        .header_count = fill_headers(vector, headers),
        .body = json_get_str(vector, "body"),
    };
    enum service service =
        str_eq(json_get_str(vector, "service"), STR("sqs")) ? SERVICE_SQS : SERVICE_METERING;

    world_key(&f->sandbox.world, STR("AKIDFIXTUREEXAMPLE01"))->session_token =
        json_get_str(vector, "session_token");
    bool accepted = verify_signature(&f->sandbox.world, service, &request, now_s, &caller, &answer);
    assert_int_equal(accepted, answer.code == NULL);
    assert_int_equal(accepted, str_eq(caller.account, STR("444455556666")));
    return answer.code;
}

static void the_signed_examples_are_accepted_while_they_are_fresh(void **state)
{
    struct fixture *f = *state;
    const struct json *vectors = json_get(f->vectors, "sigv4_vectors");
    static const int64_t signed_at = 1795435200;
    static const struct {
        int64_t age_s;
        const char *code;
    } cases[] = {
        {0, NULL},
        {300, NULL},
        {-300, NULL},
        {301, "InvalidSignatureException"},
        {-301, "InvalidSignatureException"},
        {901, "RequestExpired"},
        {-901, "RequestExpired"},
    };

    for (size_t v = 0; v < json_count(vectors); v++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const char *code = verify(f, json_at(vectors, v), signed_at + cases[i].age_s);
            assert_string_equal(code ? code : "", cases[i].code ? cases[i].code : "");
        }
    }
}

static void a_world_survives_being_written_and_read(void **state)
{
    struct fixture *f = *state;
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct sandbox again;

    mem_free(buy(f, ",\"pending_s\":60,\"free_trial\":true"));
    struct json *world = sandbox_world_json(&f->sandbox);
    json_write(world, &before);
    assert_int_equal(sandbox_init(&again, f->loop, world, NULL), 0);
    struct json *second = sandbox_world_json(&again);
    json_write(second, &after);
    assert_string_equal(before.data, after.data);
    json_free(second);
    sandbox_done(&again);
    buf_done(&before);
    buf_done(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_hold_every_row_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stale_answer_is_the_state_before_the_last_change, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(entitlements_come_after_as_many_calls_as_asked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            an_agreement_whose_date_has_passed_renews_by_itself_if_it_was_so_bought, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(the_quota_is_counted_over_a_sliding_second, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_signed_examples_are_accepted_while_they_are_fresh,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_world_survives_being_written_and_read, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
