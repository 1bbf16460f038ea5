/* Where sockets and certificates are, as the settings say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "proto/settings/settings_check.h"
#include "tests/support/settings_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_follow_the_run_directory),
        cmocka_unit_test(certificates_follow_the_key_directory),
        cmocka_unit_test(certificates_are_for_all_or_for_each),
        cmocka_unit_test(checkers_are_found_by_their_sockets),
        cmocka_unit_test(a_socket_path_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
