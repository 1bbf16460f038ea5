/* SNS's certificates, with the tests in the place of the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/http/client/http_client.h"
#include "services/poller/certificates.h"
#include "tests/support/certificates.h"

#define SNS    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"
#define AFRICA "https://sns.af-south-1.amazonaws.com/SimpleNotificationService-1.pem"
#define LOCAL  "http://127.0.0.1:8080/SimpleNotificationService-1.pem"
#define ISSUER "http://crt.r2m01.amazontrust.com/r2m01.cer"

enum { CALLS = 64 };

struct http_call {
    char *url;
    http_done_fn *done;
    void *arg;
    bool open;
};

static struct {
    struct certificates *certificates;
    struct http_call calls[CALLS];
    size_t count;
    struct certificate_answer answer;
    char *why;
    size_t answers;
    int64_t passed_ms; /* beside what passes by itself */
} world;

/* The seams. */

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);

int64_t __wrap_clock_mono_ms(void)
{
    return __real_clock_mono_ms() + world.passed_ms;
}

struct http_client *http_client_new(struct loop *loop, const char *ca_bundle)
{
    (void)loop;
    (void)ca_bundle;
    return NULL;
}

void http_client_free(struct http_client *client)
{
    (void)client;
}

struct http_call *http_client_send(struct http_client *client, const struct http_request *request,
                                   http_done_fn *done, void *arg)
{
    struct http_call *call = &world.calls[world.count++];
    (void)client;

    assert_true(world.count <= CALLS);
    assert_string_equal(request->method, "GET");
    assert_true(request->timeout_ms > 0 && request->timeout_ms <= 10000);
    assert_true(request->response_limit > 0 && request->response_limit <= 65536);
    *call = (struct http_call){str_dup(request->url), done, arg, true};
    return call;
}

static void answers(size_t call, const struct http_response *response)
{
    assert_true(call < world.count && world.calls[call].open);
    world.calls[call].open = false;
    world.calls[call].done(world.calls[call].arg, response);
}

static void answers_body(size_t call, struct str body)
{
    answers(call, &(struct http_response){.status = 200, .body = body});
}

static void answers_pem(size_t call, const char *name, const char *second)
{
    cleanup(buf_done) struct buf pem = BUF_INIT;

    certificate_pem(name, &pem);
    if (second)
        certificate_pem(second, &pem);
    answers_body(call, buf_str(&pem));
}

static void answers_issuer(size_t call, const char *name)
{
    cleanup(buf_done) struct buf der = BUF_INIT;

    certificate_der(name, &der);
    answers_body(call, buf_str(&der));
}

static void on_answer(void *arg, const struct certificate_answer *answer)
{
    (void)arg;
    world.answer = *answer;
    mem_free(world.why);
    world.why = str_dup(answer->why);
    world.answers++;
}

static struct certificate_wait *ask(const char *url)
{
    assert_int_equal(certificates_look(world.certificates, str_of(url), clock_wall_s()).state,
                     CERTIFICATE_UNKNOWN);
    return certificates_ask(world.certificates, str_of(url), clock_wall_s(), on_answer, NULL);
}

static void assert_answer(size_t answers_so_far, enum certificate_state state, const char *why)
{
    assert_int_equal(world.answers, answers_so_far);
    assert_int_equal(world.answer.state, state);
    if (state == CERTIFICATE_GOOD)
        assert_non_null(world.answer.certificate);
    else
        assert_null(world.answer.certificate);
    if (why && !strstr(world.why, why))
        fail_msg("'%s' does not say '%s'", world.why, why);
}

static void open_with(const char *ca_bundle)
{
    struct error error;

    certificates_free(world.certificates);
    if (certificates_new(&world.certificates, NULL, ca_bundle, &error) < 0)
        fail_msg("%s", error.text);
}

static int open_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    open_with(CERTIFICATE_FILE("root"));
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    certificates_free(world.certificates);
    for (size_t i = 0; i < world.count; i++)
        mem_free(world.calls[i].url);
    mem_free(world.why);
    return 0;
}

static void sns_comes_without_its_issuer_which_is_fetched(void **state)
{
    (void)state;
    ask(SNS);
    assert_int_equal(world.count, 1);
    assert_string_equal(world.calls[0].url, SNS);
    answers_pem(0, "leaf", NULL);
    assert_int_equal(world.answers, 0);
    assert_int_equal(world.count, 2);
    assert_string_equal(world.calls[1].url, ISSUER);
    answers_issuer(1, "intermediate");
    assert_answer(1, CERTIFICATE_GOOD, NULL);
}

static void a_certificate_is_fetched_once_for_all_who_ask(void **state)
{
    (void)state;
    ask(SNS);
    ask(SNS);
    struct certificate_wait *gone = ask(SNS);
    certificate_wait_cancel(gone);
    assert_int_equal(world.count, 1);
    answers_pem(0, "leaf", "intermediate");
    assert_answer(2, CERTIFICATE_GOOD, NULL);
    struct certificate_answer known =
        certificates_look(world.certificates, STR(SNS), clock_wall_s());
    assert_int_equal(known.state, CERTIFICATE_GOOD);
    assert_ptr_equal(known.certificate, world.answer.certificate);
    assert_int_equal(world.count, 1);
}

static void a_region_has_a_name_of_its_own(void **state)
{
    (void)state;
    ask(AFRICA);
    answers_pem(0, "regional", "intermediate");
    assert_answer(1, CERTIFICATE_GOOD, NULL);
    ask(SNS);
    answers_pem(1, "regional", "intermediate");
    assert_answer(2, CERTIFICATE_BAD, "not issued to SNS");
}

static void what_is_not_to_be_believed_is_bad(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        const char *why;
    } cases[] = {
        {"other", "intermediate", "not issued to SNS"},
        {"elsewhere", NULL, "unable to get local issuer"},
        {"regional", NULL, "not issued to SNS"},
        {"intermediate", NULL, "not issued to SNS"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_with(CERTIFICATE_FILE("root"));
        ask(SNS);
        answers_pem(world.count - 1, cases[i].first, cases[i].second);
        assert_answer(i + 1, CERTIFICATE_BAD, cases[i].why);
    }
    open_with(CERTIFICATE_FILE("root"));
    ask(SNS);
    answers_body(world.count - 1, STR("<html>not found</html>"));
    assert_answer(5, CERTIFICATE_BAD, "not a certificate");
}

static void a_root_that_is_not_trusted_does_not_help(void **state)
{
    (void)state;
    open_with(CERTIFICATE_FILE("rogue"));
    ask(SNS);
    answers_pem(0, "leaf", "intermediate");
    answers_issuer(1, "intermediate");
    assert_answer(1, CERTIFICATE_BAD, "cannot be trusted");
    assert_int_equal(world.count, 2);
}

static void the_examples_certificate_is_believed_only_when_trusted(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    struct str pem = json_str(json_path(vectors, "sns.signing_cert_pem"));

    ask(SNS);
    answers_body(0, pem);
    assert_answer(1, CERTIFICATE_BAD, "self");
    char path[] = "/tmp/entitled-certificate-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, pem.ptr, pem.len), (ssize_t)pem.len);
    close(fd);
    open_with(path);
    unlink(path);
    ask(SNS);
    answers_body(1, pem);
    assert_answer(2, CERTIFICATE_GOOD, NULL);
}

static void a_wrong_issuer_does_not_help(void **state)
{
    (void)state;
    ask(SNS);
    answers_pem(0, "leaf", NULL);
    answers_issuer(1, "rogue");
    assert_answer(1, CERTIFICATE_BAD, "cannot be trusted");
    open_with(CERTIFICATE_FILE("root"));
    ask(SNS);
    answers_pem(2, "leaf", NULL);
    answers_body(3, STR("nonsense"));
    assert_answer(2, CERTIFICATE_BAD, "issuer is not a certificate");
    assert_int_equal(world.count, 4);
}

static void what_fails_now_may_be_asked_again_and_what_is_refused_is_bad(void **state)
{
    (void)state;
    static const struct {
        struct http_response response;
        enum certificate_state state;
    } cases[] = {
        {{.status = 0, .error = {"no route"}}, CERTIFICATE_AWAY},
        {{.status = 0, .timed_out = true, .error = {"timed out"}}, CERTIFICATE_AWAY},
        {{.status = 0, .too_long = true, .error = {"longer"}}, CERTIFICATE_BAD},
        {{.status = 503}, CERTIFICATE_AWAY},
        {{.status = 500}, CERTIFICATE_AWAY},
        {{.status = 429}, CERTIFICATE_AWAY},
        {{.status = 408}, CERTIFICATE_AWAY},
        {{.status = 404}, CERTIFICATE_BAD},
        {{.status = 403}, CERTIFICATE_BAD},
        {{.status = 301}, CERTIFICATE_BAD},
        {{.status = 204}, CERTIFICATE_BAD},
    };
    size_t count = sizeof(cases) / sizeof(cases[0]);

    for (size_t i = 0; i < 2 * count; i++) {
        open_with(CERTIFICATE_FILE("root"));
        ask(SNS);
        /* The same of its issuer. */
        if (i >= count)
            answers_pem(world.count - 1, "leaf", NULL);
        answers(world.count - 1, &cases[i % count].response);
        assert_answer(i + 1, cases[i % count].state, "");
        assert_int_equal(certificates_look(world.certificates, STR(SNS), clock_wall_s()).state,
                         cases[i % count].state);
    }
}

static enum certificate_state state_after(int64_t passed_s)
{
    world.passed_ms = passed_s * 1000;
    enum certificate_state state =
        certificates_look(world.certificates, STR(SNS), clock_wall_s()).state;
    world.passed_ms = 0;
    return state;
}

static void what_is_known_is_looked_at_again_in_time(void **state)
{
    (void)state;
    enum { DAY_S = 24 * 3600, MARGIN_S = 2 };
    const int64_t past_all_dates_s = 5000000000;
    static const struct {
        int status; /* 200: a good one */
        enum certificate_state state;
        int64_t kept_s;
    } cases[] = {
        {200, CERTIFICATE_GOOD, DAY_S}, {404, CERTIFICATE_BAD, 60}, {503, CERTIFICATE_AWAY, 5}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_with(CERTIFICATE_FILE("root"));
        ask(SNS);
        if (cases[i].status == 200)
            answers_pem(world.count - 1, "leaf", "intermediate");
        else
            answers(world.count - 1, &(struct http_response){.status = cases[i].status});
        assert_answer(i + 1, cases[i].state, NULL);
        assert_int_equal(state_after(cases[i].kept_s - MARGIN_S), cases[i].state);
        assert_int_equal(state_after(cases[i].kept_s), CERTIFICATE_UNKNOWN);
    }
    open_with(CERTIFICATE_FILE("root"));
    ask(SNS);
    answers_pem(world.count - 1, "leaf", "intermediate");
    struct certificate_answer past_its_date =
        certificates_look(world.certificates, STR(SNS), past_all_dates_s);
    assert_int_equal(past_its_date.state, CERTIFICATE_UNKNOWN);
}

static void the_sandboxs_certificate_needs_no_authority_but_its_name(void **state)
{
    (void)state;
    struct crypto_key *key = crypto_key_new_rsa();
    cleanup(buf_done) struct buf pem = BUF_INIT;

    crypto_key_self_signed_pem(key, "sns.amazonaws.com", &pem);
    crypto_key_free(key);
    ask(LOCAL);
    answers_body(0, buf_str(&pem));
    assert_answer(1, CERTIFICATE_GOOD, NULL);
    open_with(CERTIFICATE_FILE("root"));
    ask(LOCAL);
    answers_pem(1, "other", "intermediate");
    assert_answer(2, CERTIFICATE_BAD, "not issued to SNS");
}

static const char *nth_url(size_t n)
{
    static char url[128];

    snprintf(url, sizeof(url), "https://sns.us-east-1.amazonaws.com/%zu.pem", n);
    return url;
}

static void places_are_bounded_and_the_longest_unused_goes(void **state)
{
    (void)state;
    enum { PLACES = 16 };

    for (size_t i = 0; i < PLACES; i++)
        ask(nth_url(i));
    struct certificate_answer full =
        certificates_look(world.certificates, STR(SNS), clock_wall_s());
    assert_int_equal(full.state, CERTIFICATE_AWAY);
    assert_true(str_eq_text(full.why, "too many certificates are being fetched"));
    for (size_t i = 0; i < PLACES; i++)
        answers_pem(i, "leaf", "intermediate");
    assert_answer(PLACES, CERTIFICATE_GOOD, NULL);

    ask(SNS);
    size_t known = 0;
    for (size_t i = 0; i < PLACES; i++)
        known += certificates_look(world.certificates, str_of(nth_url(i)), clock_wall_s()).state ==
                 CERTIFICATE_GOOD;
    assert_int_equal(known, PLACES - 1);
}

static void an_end_tells_nobody(void **state)
{
    (void)state;
    ask(SNS);
    ask(AFRICA);
    answers_pem(1, "regional", "intermediate");
    certificates_free(world.certificates);
    world.certificates = NULL;
    assert_int_equal(world.answers, 1);
    certificates_free(NULL);
    certificate_wait_cancel(NULL);
}

static void authorities_that_cannot_be_read_are_an_error(void **state)
{
    (void)state;
    struct certificates *none = NULL;
    struct error error = {""};

    assert_int_equal(certificates_new(&none, NULL, "/nonexistent.pem", &error), -1);
    assert_non_null(strstr(error.text, "/nonexistent.pem"));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(sns_comes_without_its_issuer_which_is_fetched),
        IN_WORLD(a_certificate_is_fetched_once_for_all_who_ask),
        IN_WORLD(a_region_has_a_name_of_its_own),
        IN_WORLD(what_is_not_to_be_believed_is_bad),
        IN_WORLD(a_root_that_is_not_trusted_does_not_help),
        IN_WORLD(the_examples_certificate_is_believed_only_when_trusted),
        IN_WORLD(a_wrong_issuer_does_not_help),
        IN_WORLD(what_fails_now_may_be_asked_again_and_what_is_refused_is_bad),
        IN_WORLD(what_is_known_is_looked_at_again_in_time),
        IN_WORLD(the_sandboxs_certificate_needs_no_authority_but_its_name),
        IN_WORLD(places_are_bounded_and_the_longest_unused_goes),
        IN_WORLD(an_end_tells_nobody),
        IN_WORLD(authorities_that_cannot_be_read_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
