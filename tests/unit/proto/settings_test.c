/* The suite's settings: their defaults, their forms, and what contradicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "proto/settings/settings_check.h"
#include "proto/settings/settings_policy.h"
#include "tests/support/settings_fixture.h"

static void defaults_are_those_of_the_declaration(void **state)
{
    (void)state;
    struct config *config;
    const struct settings *s = load_good("", &config);

    assert_string_equal(s->entitled.run_directory, "/run/entitled");
    assert_string_equal(settings_log_level(s), "info");
    assert_int_equal(s->entitled.grace_ms, 72 * 3600 * 1000);
    assert_int_equal(s->entitled.end_confirm_delay_ms, 60000);
    assert_string_equal(s->aws.region, "");
    assert_int_equal(s->store.cache_size, 64 << 20);
    assert_int_equal(s->store.journal_retention_ms, 400 * INT64_C(86400000));
    assert_int_equal(s->registrar.port, 8080);
    assert_int_equal(s->poller.visibility_timeout_ms, 120000);
    assert_int_equal(s->queues.count, 0);
    assert_int_equal(s->products.count, 0);
    config_free(config);
}

static void three_lines_make_a_file(void **state)
{
    (void)state;
    struct config *config;
    const struct settings *s = load_good(
        "[product main]\ncode = abc123\n"
        "[queue main]\nurl = https://sqs.us-east-1.amazonaws.com/123456789012/marketplace\n"
        "[registrar]\npublic_url = https://register.example.com/\n",
        &config);

    assert_int_equal(s->products.count, 1);
    assert_string_equal(settings_product_at(s, 0)->label, "main");
    assert_ptr_equal(settings_product_by_code(s, STR("abc123")), settings_product_at(s, 0));
    assert_null(settings_product_by_code(s, STR("abc")));
    assert_null(settings_product_by_code(s, STR_NONE));
    assert_string_equal(settings_queue_at(s, 0)->url,
                        "https://sqs.us-east-1.amazonaws.com/123456789012/marketplace");
    config_free(config);
}

#define QUEUE(url, more) "[queue main]\nurl = " url "\n" more
#define SQS              "https://sqs.us-east-1.amazonaws.com/123456789012/marketplace"

static void a_queue_asks_for_signatures_unless_told_otherwise(void **state)
{
    (void)state;
    struct config *config;
    const struct settings *s = load_good(QUEUE(SQS, ""), &config);

    assert_true(settings_queue_at(s, 0)->check_signatures);
    assert_false(settings_queue_at(s, 0)->local_certificates);
    assert_int_equal(settings_queue_at(s, 0)->topic_arns.count, 0);
    config_free(config);
    s = load_good(QUEUE("http://127.0.0.1:4566/q",
                        "check_signatures = no\nlocal_certificates = yes\n"
                        "topic_arns = arn:aws:sns:us-east-1:287250355862:a-b_c\n"),
                  &config);
    assert_false(settings_queue_at(s, 0)->check_signatures);
    assert_true(settings_queue_at(s, 0)->local_certificates);
    assert_int_equal(settings_queue_at(s, 0)->topic_arns.count, 1);
    config_free(config);
    refuses(QUEUE(SQS, "local_certificates = yes\n"),
            "[queue main] local_certificates is for a queue on this machine");
    assert_false(form_topic.matches(STR("arn:aws:sqs:us-east-1:287250355862:a")));
    assert_false(form_topic.matches(STR("arn:aws:sns:us-east-1:28725035586:a")));
    assert_false(form_topic.matches(STR("arn:aws:sns:us-east-1:287250355862:")));
    assert_false(form_topic.matches(STR("arn:aws:sns:us-east-1:287250355862:a:b")));
    assert_false(form_topic.matches(STR("aws-mp-entitlement-notification-a")));
}

static const struct {
    const struct config_form *form;
    const char *value;
    bool want;
} texts[] = {
    {&form_path, "/a", true},
    {&form_path, "a", false},
    {&form_email, "a@b.example", true},
    {&form_email, "a@b@c", false},
    {&form_email, "@b", false},
    {&form_email, "a@", false},
    {&form_email, "a b@c", false},
    {&form_web_url, "https://example.com", true},
    {&form_web_url, "http://example.com:8080/x?y", true},
    {&form_web_url, "https://", false},
    {&form_web_url, "https://a b/", false},
    {&form_web_url, "https://a/\"onload", false},
    {&form_web_url, "https://user@a/", false},
    {&form_web_url, "javascript://x", false},
    {&form_web_url, "https://a:0/", false},
    {&form_web_url, "https://a:x/", false},
    {&form_aws_url, "https://sqs.us-east-1.amazonaws.com/1/q", true},
    {&form_aws_url, "http://127.0.0.1:4566", true},
    {&form_aws_url, "http://127.1.2.3/", true},
    {&form_aws_url, "http://localhost:1", true},
    {&form_aws_url, "http://[::1]:1/x", true},
    {&form_aws_url, "http://sqs.us-east-1.amazonaws.com/", false},
    {&form_aws_url, "http://127.0.0.1.example.com/", false},
    {&form_aws_url, "http://127.0.0.1@example.com/", false},
    {&form_aws_url, "http://[::2]/", false},
    {&form_aws_url, "http://localhost.example.com/", false},
    {&form_aws_url, "HTTP", false},
    {&form_endpoint, "ipc:///run/x", true},
    {&form_endpoint, "ipc://run/x", false},
    {&form_endpoint, "ipc:///", false},
    {&form_certificate, "/etc/entitled/keys/store.cert", true},
    {&form_certificate, "/etc/entitled/keys/store.cert_secret", false},
    {&form_certificate, "store.cert", false},
    {&form_endpoint, "tcp://*:1", true},
    {&form_endpoint, "tcp://0.0.0.0:65535", true},
    {&form_endpoint, "tcp://host.example:5555", true},
    {&form_endpoint, "tcp://[::]:5555", true},
    {&form_endpoint, "tcp://*:0", false},
    {&form_endpoint, "tcp://host", false},
    {&form_endpoint, "tcp://:1", false},
    {&form_endpoint, "tcp://", false},
    {&form_endpoint, "inproc://x", false},
    {&form_account, "012345678901", true},
    {&form_account, "12345678901", false},
    {&form_account, "12345678901x", false},
    {&form_role, "arn:aws:iam::111122223333:role/name", true},
    {&form_role, "arn:aws-cn:iam::111122223333:role/team/na.me", true},
    {&form_role, "arn:aws:iam::111122223333:role/", false},
    {&form_role, "arn:aws:iam::1111:role/name", false},
    {&form_role, "arn:aws:sts::111122223333:role/name", false},
    {&form_role, "arn:aws:iam::111122223333:user/name", false},
    {&form_role, "arn:aws:iam::111122223333:role/na me", false},
    {&form_role, "name", false},
    {&form_product_code, "abc-123_/=:.@", true},
    {&form_product_code, "a b", false},
    {&form_share, "sweep:5", true},
    {&form_share, "sweep:101", false},
    {&form_share, "sweeps:5", false},
    {&form_share, "sweep", false},
    {&form_colour, "#1f4b99", true},
    {&form_colour, "#FFF", true},
    {&form_colour, "#ffff", false},
    {&form_colour, "red", false},
    {&form_colour, "#12345;", false},
    {&form_field, "company:text:required", true},
    {&form_field, "vat_id2:text", true},
    {&form_field, "email:email", false},
    {&form_field, "company", false},
    {&form_field, "company:date", false},
    {&form_field, "company:text:optional", false},
    {&form_field, "2nd:text", false},
    {&form_field, ":text", false},
};

static void texts_are_what_they_must_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bool matches = texts[i].form->matches(str_of(texts[i].value));
        if (matches != texts[i].want)
            fail_msg("'%s' is %s%s", texts[i].value, matches ? "" : "not ", texts[i].form->allowed);
    }
}

static void what_contradicts_is_refused(void **state)
{
    (void)state;
    refuses("[product a]\ncode = c\n[product b]\ncode = c\n",
            "[product a] and [product b] have the same code");
    refuses("[product a]\nname = n\n",
            "[product a] needs 'code': The product code, as AWS Marketplace shows it.");
    refuses("[store]\nquota_reserved = sweep:60 expiry:41\n",
            "[store] quota_reserved adds up to 101 percent");
    refuses("[registrar]\nmode = redirect\n", "[registrar] mode redirect needs sign_up_url");
    refuses("[registrar]\ntls_key_file = /k\n",
            "[registrar] tls_key_file needs tls_certificate_file");
    refuses("[aws]\nendpoint_sqs = http://example.com\n",
            "2: 'endpoint_sqs' must be an https address (http only to this host), not "
            "'http://example.com'");
    refuses("[poller]\nwait_time = 21s\n", "2: 'wait_time' must be a duration of 1s to 20s "
                                           "(written like 500ms, 30s, 5m, 6h, 3d), not '21s'");
}

static void shares_and_fields_are_taken_apart(void **state)
{
    (void)state;
    struct config *config;
    struct settings_form_field field;
    const struct settings *s = load_good("[store]\nquota_reserved = sweep:7, expiry:0\n", &config);

    assert_int_equal(settings_quota_share(s, STR("sweep")), 7);
    assert_int_equal(settings_quota_share(s, STR("expiry")), 0);
    assert_int_equal(settings_quota_share(s, STR("pending")), 0);
    config_free(config);

    assert_int_equal(settings_form_field(STR("company:tel:required"), &field, NULL), 0);
    assert_true(str_eq_text(field.name, "company"));
    assert_true(str_eq_text(field.type, "tel"));
    assert_true(field.required);
    assert_int_equal(settings_form_field(STR("company:tel"), &field, NULL), 0);
    assert_false(field.required);
}

static void the_policy_is_that_of_the_rules(void **state)
{
    (void)state;
    struct config *config;
    struct policy policy = settings_policy(load_good("", &config));

    assert_memory_equal(&policy, &policy_default, sizeof(policy));
    config_free(config);
    policy = settings_policy(load_good("[entitled]\nend_confirm_delay = 1100ms\n", &config));
    assert_int_equal(policy.confirm_delay_s, 2);
    config_free(config);
}

static void the_sample_means_the_defaults(void **state)
{
    (void)state;
    struct config *config;
    struct buf sample = BUF_INIT;

    config_write_sample(&settings_schema, &sample);
    const struct settings *s = load_good(sample.data, &config);
    assert_int_equal(s->registrar.port, 8080);
    assert_int_equal(s->products.count, 0);
    config_free(config);
    buf_done(&sample);
}

/* A sentence of help ends as one, and numbers have a range that holds their default. */
static void rows_are_complete(void **state)
{
    (void)state;
    for (const struct config_section *s = settings_schema.sections; s->name; s++) {
        for (const struct config_setting *row = s->settings; row->name; row++) {
            assert_true(str_ends_with(str_of(row->help), STR(".")));
            if (row->type == CONFIG_INTEGER || row->type == CONFIG_DURATION ||
                row->type == CONFIG_SIZE) {
                assert_true(row->max > row->min);
                assert_non_null(row->default_value);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_declaration),
        cmocka_unit_test(three_lines_make_a_file),
        cmocka_unit_test(a_queue_asks_for_signatures_unless_told_otherwise),
        cmocka_unit_test(texts_are_what_they_must_be),
        cmocka_unit_test(what_contradicts_is_refused),
        cmocka_unit_test(shares_and_fields_are_taken_apart),
        cmocka_unit_test(the_policy_is_that_of_the_rules),
        cmocka_unit_test(the_sample_means_the_defaults),
        cmocka_unit_test(rows_are_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
