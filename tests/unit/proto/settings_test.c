#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "proto/settings/queue_url.h"
#include "proto/settings/settings.h"
#include "proto/settings/settings_aws.h"
#include "proto/settings/settings_check.h"
#include "proto/settings/settings_policy.h"

/* Loads a text as the settings file; on failure returns NULL and the sentence without the path. */
static const struct settings *load(const char *text, struct config **ret, struct error *error)
{
    char path[] = "/tmp/entitled-settings-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    error->text[0] = '\0';
    int err = config_load(ret, &settings_schema, path, error);
    assert_int_equal(unlink(path), 0);
    if (err != 0 && str_starts_with(str_of(error->text), str_of(path)))
        error_set(error, "%s", error->text + strlen(path) + 1);
    return err == 0 ? config_values(*ret) : NULL;
}

static const struct settings *load_good(const char *text, struct config **ret)
{
    struct error error;
    const struct settings *settings = load(text, ret, &error);

    if (!settings)
        fail_msg("%s", error.text);
    return settings;
}

static void refuses(const char *text, const char *want)
{
    struct config *config = NULL;
    struct error error;

    assert_null(load(text, &config, &error));
    assert_string_equal(error.text, want);
}

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

static void sockets_follow_the_run_directory(void **state)
{
    (void)state;
    struct config *config;
    struct arena arena = ARENA_INIT;
    const struct settings *s = load_good("[entitled]\nrun_directory = /r\n", &config);

    assert_string_equal(settings_store_listen(s, &arena).items[0], "ipc:///r/private/store.rpc");
    assert_string_equal(settings_store_feed(s, &arena).items[0], "ipc:///r/private/store.feed");
    assert_string_equal(settings_store_endpoint(s, &arena).items[0], "ipc:///r/private/store.rpc");
    assert_string_equal(settings_store_feed_endpoint(s, &arena).items[0],
                        "ipc:///r/private/store.feed");
    assert_string_equal(settings_checker_listen(s, "2", &arena).items[0],
                        "ipc:///r/public/checker-2.query");
    assert_string_equal(settings_checker_feed(s, "2", &arena).items[0],
                        "ipc:///r/public/checker-2.feed");
    config_free(config);

    s = load_good("[store]\nlisten = ipc:///x tcp://*:5000\n[checker]\nfeed=tcp://[::1]:1\n",
                  &config);
    assert_int_equal(settings_store_listen(s, &arena).count, 2);
    assert_string_equal(settings_store_listen(s, &arena).items[1], "tcp://*:5000");
    assert_string_equal(settings_checker_feed(s, "1", &arena).items[0], "tcp://[::1]:1");
    config_free(config);
    arena_done(&arena);
}

static void certificates_follow_the_key_directory(void **state)
{
    (void)state;
    struct config *config;
    struct arena arena = ARENA_INIT;
    const struct settings *s = load_good("[entitled]\nkey_directory = /k\n", &config);

    assert_string_equal(settings_certificate(s, "store", &arena), "/k/store.cert");
    assert_string_equal(settings_certificate(s, "entitlectl", &arena), "/k/entitlectl.cert");
    assert_string_equal(settings_allowed_keys(s, "checker", &arena), "/k/checker.allowed");
    assert_string_equal(settings_store_certificates(s, &arena).items[0], "/k/store.cert");
    assert_string_equal(settings_checker_certificates(s, &arena).items[0], "/k/checker.cert");
    config_free(config);

    s = load_good("[entitled]\ncurve_certificate = /a.cert\nstore_certificate = /b.cert\n"
                  "checker_endpoints = tcp://h:1, ipc:///x, tcp://h:2\n"
                  "checker_certificates = /c.cert /d.cert\n"
                  "[store]\ncurve_certificate = /e.cert\nallowed_keys = /f\n"
                  "[checker]\ncurve_certificate = /g.cert\nallowed_keys = /h\n"
                  "[registrar]\ncurve_certificate = /i.cert\n"
                  "[poller]\ncurve_certificate = /j.cert\n",
                  &config);
    assert_string_equal(settings_certificate(s, "entitlectl", &arena), "/a.cert");
    assert_string_equal(settings_certificate(s, "store", &arena), "/e.cert");
    assert_string_equal(settings_certificate(s, "checker", &arena), "/g.cert");
    assert_string_equal(settings_certificate(s, "registrar", &arena), "/i.cert");
    assert_string_equal(settings_certificate(s, "poller", &arena), "/j.cert");
    assert_string_equal(settings_allowed_keys(s, "store", &arena), "/f");
    assert_string_equal(settings_allowed_keys(s, "checker", &arena), "/h");
    assert_string_equal(settings_store_certificates(s, &arena).items[0], "/b.cert");
    assert_string_equal(settings_checker_certificates(s, &arena).items[1], "/d.cert");
    config_free(config);
    arena_done(&arena);
}

static void certificates_are_for_all_or_for_each(void **state)
{
    (void)state;
    refuses("[entitled]\nchecker_endpoints = tcp://h:1 ipc:///x\n"
            "checker_certificates = /a.cert /b.cert\n",
            "[entitled] checker_certificates has 2 for 1 TCP endpoints in checker_endpoints; one "
            "for all, or one for each");
}

static void touch(const char *directory, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void checkers_are_found_by_their_sockets(void **state)
{
    (void)state;
    struct config *config;
    struct arena arena = ARENA_INIT;
    char run[] = "/tmp/entitled-run-XXXXXX", path[64], text[128], command[64];

    assert_non_null(mkdtemp(run));
    snprintf(text, sizeof(text), "[entitled]\nrun_directory = %s\n", run);
    const struct settings *s = load_good(text, &config);
    assert_int_equal(settings_checker_endpoints(s, &arena).count, 0);

    snprintf(path, sizeof(path), "%s/public", run);
    assert_int_equal(mkdir(path, 0700), 0);
    touch(path, "checker-b.query");
    touch(path, "checker-a.query");
    touch(path, "checker-a.feed");
    touch(path, "checker-a.query.lock");
    struct config_list list = settings_checker_endpoints(s, &arena);
    assert_int_equal(list.count, 2);
    snprintf(text, sizeof(text), "ipc://%s/checker-a.query", path);
    assert_string_equal(list.items[0], text);

    snprintf(command, sizeof(command), "rm -rf '%s'", run);
    assert_int_equal(system(command), 0);
    config_free(config);
    s = load_good("[entitled]\nchecker_endpoints = tcp://h:1, tcp://h:2\n", &config);
    assert_int_equal(settings_checker_endpoints(s, &arena).count, 2);
    config_free(config);
    arena_done(&arena);
}

static void texts_are_what_they_must_be(void **state)
{
    (void)state;
    static const struct {
        const struct config_form *form;
        const char *value;
        bool want;
    } cases[] = {
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

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool matches = cases[i].form->matches(str_of(cases[i].value));
        if (matches != cases[i].want)
            fail_msg("'%s' is %s%s", cases[i].value, matches ? "" : "not ", cases[i].form->allowed);
    }
}

static void a_socket_path_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct buf value = BUF_INIT;

    buf_printf(&value, "ipc:///%0106d", 0);
    assert_true(form_endpoint.matches(buf_str(&value)));
    buf_append_char(&value, 'x');
    assert_false(form_endpoint.matches(buf_str(&value)));
    buf_done(&value);
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

static void aws_is_called_as_the_settings_say(void **state)
{
    (void)state;
    struct config *config;
    struct aws_options options = settings_aws_options(
        load_good("[aws]\nregion = eu-west-1\nendpoint_sqs = http://127.0.0.1:4566\n"
                  "attempt_timeout = 3s\n",
                  &config));

    assert_string_equal(options.region, "eu-west-1");
    assert_string_equal(options.endpoint[AWS_SQS], "http://127.0.0.1:4566");
    assert_string_equal(options.endpoint[AWS_ENTITLEMENT], "");
    assert_string_equal(options.secret_access_key, "");
    assert_int_equal(options.attempt_timeout_ms, 3000);
    config_free(config);
}

static void a_daemon_may_have_a_role_of_its_own(void **state)
{
    (void)state;
    struct config *config;
    const struct settings *settings =
        load_good("[aws]\nrole_arn = arn:aws:iam::111122223333:role/all\nexternal_id = x1\n"
                  "role_session_name = n1\n"
                  "[checker]\nrole_arn = arn:aws:iam::111122223333:role/checker\n",
                  &config);
    struct aws_options options = settings_aws_options(settings);

    assert_string_equal(options.external_id, "x1");
    assert_string_equal(options.role_session_name, "n1");
    settings_aws_role(&options, settings->poller.role_arn);
    assert_string_equal(options.role_arn, "arn:aws:iam::111122223333:role/all");
    settings_aws_role(&options, settings->checker.role_arn);
    assert_string_equal(options.role_arn, "arn:aws:iam::111122223333:role/checker");
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

static void a_url_tells_region_and_origin(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *region;
        const char *origin;
    } cases[] = {
        {"https://sqs.eu-west-1.amazonaws.com/444455556666/q", "eu-west-1", ""},
        {"https://sqs.cn-north-1.amazonaws.com.cn/444455556666/q", "cn-north-1", ""},
        {"https://eu-west-1.queue.amazonaws.com/444455556666/q", "eu-west-1", ""},
        {"https://queue.amazonaws.com/444455556666/q", "us-east-1", ""},
        {"https://sqs.eu-west-1.amazonaws.com:443/444455556666/q", "eu-west-1", ""},
        {"HTTPS://SQS.EU-WEST-1.AMAZONAWS.COM/444455556666/q", "EU-WEST-1", ""},
        {"https://sqs-fips.us-east-1.amazonaws.com/444455556666/q", "us-east-1",
         "https://sqs-fips.us-east-1.amazonaws.com"},
        {"https://sqs.eu-west-1.api.aws/444455556666/q", "eu-west-1",
         "https://sqs.eu-west-1.api.aws"},
        {"https://sqs-fips.us-east-1.api.aws/444455556666/q", "us-east-1",
         "https://sqs-fips.us-east-1.api.aws"},
        {"https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com/444455556666/q", "us-east-1",
         "https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com"},
        {"https://sqs.eu-west-1.amazonaws.com:8443/q", "",
         "https://sqs.eu-west-1.amazonaws.com:8443"},
        {"https://sqs.a.b.eu-west-1.amazonaws.com/q", "",
         "https://sqs.a.b.eu-west-1.amazonaws.com"},
        {"https://s3.eu-west-1.amazonaws.com/q", "", "https://s3.eu-west-1.amazonaws.com"},
        {"https://queue.api.aws/q", "", "https://queue.api.aws"},
        {"http://127.0.0.1:4566/444455556666/q", "", "http://127.0.0.1:4566"},
        {"https://sqs.amazonaws.com.attacker.example/q", "",
         "https://sqs.amazonaws.com.attacker.example"},
        {"nonsense", "", ""},
        {"", "", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str region = queue_url_region(str_of(cases[i].url));
        struct str origin = queue_url_origin(str_of(cases[i].url));
        if (!str_eq_text(region, cases[i].region) || !str_eq_text(origin, cases[i].origin))
            fail_msg("%s: '" STR_FMT "', '" STR_FMT "'", cases[i].url, STR_ARG(region),
                     STR_ARG(origin));
    }
}

/* The most particular word counts: the queue's, its URL's, that of all. */
static void a_queue_is_called_where_it_is(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct config *config;
    const struct settings *s = load_good("[aws]\nregion = us-east-1\nrole_arn = "
                                         "arn:aws:iam::444455556666:role/all\n"
                                         "[poller]\nrole_arn = "
                                         "arn:aws:iam::444455556666:role/poller\n"
                                         "[queue named]\nregion = eu-north-1\n"
                                         "url = https://sqs.eu-west-1.amazonaws.com/1/q\n"
                                         "[queue told]\n"
                                         "url = https://sqs.eu-west-1.amazonaws.com/1/q\n"
                                         "[queue local]\nurl = http://127.0.0.1:4566/1/q\n",
                                         &config);
    static const struct {
        const char *region, *endpoint;
    } wanted[] = {{"eu-north-1", ""}, {"eu-west-1", ""}, {"us-east-1", "http://127.0.0.1:4566"}};

    for (size_t i = 0; i < 3; i++) {
        struct aws_options options = settings_aws_queue(s, settings_queue_at(s, i), &arena);
        assert_string_equal(options.region, wanted[i].region);
        assert_string_equal(options.endpoint[AWS_SQS], wanted[i].endpoint);
        assert_string_equal(options.role_arn, "arn:aws:iam::444455556666:role/poller");
    }
    config_free(config);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_declaration),
        cmocka_unit_test(three_lines_make_a_file),
        cmocka_unit_test(a_queue_asks_for_signatures_unless_told_otherwise),
        cmocka_unit_test(sockets_follow_the_run_directory),
        cmocka_unit_test(certificates_follow_the_key_directory),
        cmocka_unit_test(certificates_are_for_all_or_for_each),
        cmocka_unit_test(checkers_are_found_by_their_sockets),
        cmocka_unit_test(texts_are_what_they_must_be),
        cmocka_unit_test(a_socket_path_that_does_not_fit_is_refused),
        cmocka_unit_test(what_contradicts_is_refused),
        cmocka_unit_test(shares_and_fields_are_taken_apart),
        cmocka_unit_test(the_policy_is_that_of_the_rules),
        cmocka_unit_test(aws_is_called_as_the_settings_say),
        cmocka_unit_test(a_daemon_may_have_a_role_of_its_own),
        cmocka_unit_test(a_url_tells_region_and_origin),
        cmocka_unit_test(a_queue_is_called_where_it_is),
        cmocka_unit_test(the_sample_means_the_defaults),
        cmocka_unit_test(rows_are_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
