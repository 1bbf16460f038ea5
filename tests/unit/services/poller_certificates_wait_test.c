/* Messages that wait for the certificate that signed them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/queue_fixture.h"

/* From now on the queue asks for signatures. */
static void check_signatures(bool local)
{
    static char anything;

    queue_free(world.queue);
    world.queue = new_queue((struct certificates *)&anything, local);
}

static void know_the_examples_certificate(struct crypto_certificate **ret)
{
    assert_int_equal(crypto_certificate_parse(ret, json_str(vector("sns.signing_cert_pem")), NULL),
                     0);
    world.certificate = (struct certificate_answer){.state = CERTIFICATE_GOOD, .certificate = *ret};
}

static void assert_refused(const char *why)
{
    cleanup(mem_freep) char *problem = str_dup(last_told()->problem);

    if (!strstr(problem, why))
        fail_msg("'%s' does not say '%s'", problem, why);
    assert_int_equal(last_told()->kind, EVENT_OTHER);
    assert_int_equal(last_told()->customer_identifier.len, 0);
    assert_true(str_eq_text(last_told()->event_id, "sqs-id"));
}

static void every_example_is_acted_on_only_if_sns_signed_it(void **state)
{
    (void)state;
    const struct json *cases = vector("sns.cases");
    struct crypto_certificate *certificate;
    int64_t refused = 0;

    check_signatures(false);
    know_the_examples_certificate(&certificate);
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *given = json_at(cases, i);
        bool want;
        print_message(STR_FMT "\n", STR_ARG(json_get_str(given, "id")));
        assert_true(json_bool(json_get(given, "expect_valid"), &want));
        receive_body(json_get_str(given, "sqs_body_raw"), 1);
        assert_int_equal(played.rpc_count, i + 1);
        if (str_eq_text(json_get_str(given, "id"), "unknown-signature-version"))
            assert_refused("SignatureVersion");
        else if (!want)
            assert_refused("Signature does not fit");
        else if (!str_eq_text(json_get_str(given, "id"), "documented-trailing-comma"))
            assert_int_equal(last_told()->problem.len, 0);
        refused += !want;
        store_answers(&played.rpc[i], ERROR_NONE, OUTCOME_APPLIED);
    }
    assert_int_equal(refused, 3);
    assert_int_equal(queue_figures(world.queue).counts.refused, refused);
    crypto_certificate_free(certificate);
}

static void a_certificate_is_waited_for(void **state)
{
    (void)state;
    struct crypto_certificate *certificate;

    check_signatures(false);
    receive_body(sns_body("entitlement-updated-sigv2"), 1);
    assert_int_equal(played.rpc_count, 0);
    assert_int_equal(world.wait_count, 1);
    know_the_examples_certificate(&certificate);
    world.waits[0].open = false;
    world.waits[0].fn(world.waits[0].arg, &world.certificate);
    assert_int_equal(last_told()->problem.len, 0);
    assert_int_equal(last_told()->kind, EVENT_ENTITLEMENT_UPDATED);
    store_answers(&played.rpc[0], ERROR_NONE, OUTCOME_APPLIED);
    answer_batch(wait_for("DeleteMessageBatch", 0));
    crypto_certificate_free(certificate);
}

static void without_its_certificate_a_message_comes_back_later(void **state)
{
    (void)state;
    check_signatures(false);
    receive_body(sns_body("entitlement-updated-sigv1"), 3);
    world.waits[0].open = false;
    world.waits[0].fn(world.waits[0].arg, &(struct certificate_answer){.state = CERTIFICATE_AWAY,
                                                                       .why = STR("no route")});
    assert_int_equal(played.rpc_count, 0);
    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_entry(change, 0, "handle", 40);
    answer_batch(change);
    assert_null(find_call("DeleteMessageBatch", 0));
    assert_int_equal(queue_figures(world.queue).counts.unchecked, 1);
    assert_int_equal(queue_figures(world.queue).counts.handed_back, 1);
    /* What needs no certificate goes on meanwhile. */
    assert_false(queue_figures(world.queue).paused);
    assert_int_equal(open_receives(), 2);
}

static void a_bad_certificate_is_the_reason(void **state)
{
    (void)state;
    check_signatures(false);
    world.certificate = (struct certificate_answer){.state = CERTIFICATE_BAD,
                                                    .why = STR("it was not issued to SNS")};
    receive_body(sns_body("entitlement-updated-sigv1"), 1);
    assert_refused("it was not issued to SNS");
}

static void what_carries_no_signature_is_refused_if_it_should(void **state)
{
    (void)state;
    check_signatures(false);
    receive_body(json_str(vector("sns.raw_delivery_body_example")), 1);
    assert_refused("raw");
    receive_body(json_str(json_path(json_at(vector("eventbridge.cases"), 0), "sqs_body_raw")), 1);
    assert_int_equal(last_told()->source, SOURCE_EVENTBRIDGE);
    assert_int_equal(last_told()->problem.len, 0);
    assert_int_equal(world.looks, 0);
}

static void certificates_of_this_machine_only_where_they_may(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:8080/a.pem", "https://evil.example/a.pem"};

    for (size_t i = 0; i < 4; i++) {
        cleanup(json_freep) struct json *envelope = NULL;
        cleanup(buf_done) struct buf body = BUF_INIT;
        bool local = i >= 2;
        assert_int_equal(json_parse(&envelope, sns_body("entitlement-updated-sigv1"), NULL), 0);
        json_set_str(envelope, "SigningCertURL", str_of(urls[i % 2]));
        json_write(envelope, &body);
        check_signatures(local);
        receive_body(buf_str(&body), 1);
        assert_int_equal(world.looks, i >= 2 ? 1 : 0);
        if (i != 2)
            assert_refused("SigningCertURL");
    }
    assert_int_equal(world.wait_count, 1);
}

static void a_stop_does_not_wait_for_a_certificate(void **state)
{
    (void)state;
    check_signatures(false);
    receive_body(sns_body("entitlement-updated-sigv1"), 1);
    assert_true(world.waits[0].open);
    queue_drain(world.queue);
    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_false(world.waits[0].open);
    assert_entry(change, 0, "handle", 0);
    answer_batch(change);
    assert_true(world.drained);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        IN_WORLD(every_example_is_acted_on_only_if_sns_signed_it),
        IN_WORLD(a_certificate_is_waited_for),
        IN_WORLD(without_its_certificate_a_message_comes_back_later),
        IN_WORLD(a_bad_certificate_is_the_reason),
        IN_WORLD(what_carries_no_signature_is_refused_if_it_should),
        IN_WORLD(certificates_of_this_machine_only_where_they_may),
        IN_WORLD(a_stop_does_not_wait_for_a_certificate),
    };

    log_set_level("error");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
