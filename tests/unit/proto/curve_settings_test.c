/* Keys and addresses over TCP: what must be there, and what contradicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/support/curve_fixture.h"

static void tcp_without_keys_is_an_error(void **state)
{
    struct stage *stage = *state;
    const char *address = stage->tcp_address;
    const struct config_list list = {&address, 1};
    const struct rpc_server_options options = {
        .context = stage->fixture.context, .binding = fixture_binding(&list), .routes = routes};
    struct rpc_client *client;
    struct error error;

    assert_int_equal(rpc_server_open(&stage->server, stage->fixture.loop, &options, &error), -1);
    assert_non_null(strstr(error.text, "needs CURVE"));
    stage->server = NULL;
    assert_int_equal(rpc_client_open(&client, stage->fixture.loop, stage->asking, &list, &error),
                     -1);
    assert_non_null(strstr(error.text, "a CURVE key pair of our own"));
    assert_int_equal(prepare(stage, stage->asking, FRIEND, SERVER, "tcp://127.0.0.1:1", &error), 0);
    assert_int_equal(rpc_client_open(&client, stage->fixture.loop, stage->asking, &list, &error),
                     -1);
    assert_non_null(strstr(error.text, "the public key of the process that answers there"));
}

static void what_is_missing_is_named(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *secret = mem_printf("%s_secret", stage->path[SERVER]);
    cleanup(mem_freep) char *hidden = mem_printf("%s/hidden", stage->fixture.directory);
    cleanup(mem_freep) char *allowed = mem_printf("%s/friend.cert", stage->path[ALLOWED]);
    struct error error;

    assert_int_equal(rename(secret, hidden), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), -1);
    assert_non_null(strstr(error.text, "entitlectl keys make"));
    assert_non_null(strstr(error.text, "server.cert_secret"));
    assert_int_equal(guard(stage, stage->fixture.rpc_address, &error), 0);
    assert_int_equal(rename(hidden, secret), 0);

    assert_int_equal(unlink(allowed), 0);
    assert_int_equal(rmdir(stage->path[ALLOWED]), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), -1);
    assert_non_null(strstr(error.text, stage->path[ALLOWED]));
    assert_int_equal(mkdir(stage->path[ALLOWED], 0700), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), 0);

    assert_int_equal(unlink(stage->path[STRANGER]), 0);
    cleanup(mem_freep) char *strangers = mem_printf("%s_secret", stage->path[STRANGER]);
    assert_int_equal(unlink(strangers), 0);
    assert_int_equal(prepare(stage, stage->asking, FRIEND, STRANGER, stage->tcp_address, &error),
                     -1);
    assert_non_null(strstr(error.text, stage->path[STRANGER]));
}

static void each_address_has_its_own_server(void **state)
{
    struct stage *stage = *state;
    const char *items[] = {"tcp://127.0.0.1:1", stage->fixture.rpc_address, "tcp://127.0.0.1:2"};
    const struct config_list addresses = {items, 3};
    const char *paths[] = {stage->path[SERVER], stage->path[STRANGER]};
    const struct config_list both = {paths, 2}, none = {paths, 0};
    struct error error;

    assert_int_equal(
        curve_before_connect(stage->asking, &addresses, stage->path[FRIEND], &both, &error), 0);
    assert_int_equal(
        curve_before_connect(stage->asking, &addresses, stage->path[FRIEND], &none, &error), -1);
    serve(stage, false);
    /* Said anew, it is the new word that counts. */
    assert_int_equal(prepare(stage, stage->asking, FRIEND, STRANGER, stage->tcp_address, &error),
                     0);
    assert_int_equal(prepare(stage, stage->asking, FRIEND, SERVER, stage->tcp_address, &error), 0);
    struct rpc_client *client = connect_to(stage, stage->asking, stage->tcp_address);
    assert_int_equal(ping(stage, client, PATIENCE_MS), ERROR_NONE);
    rpc_client_close(client);
}

static void two_halves_of_different_pairs_are_refused(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *secret = mem_printf("%s_secret", stage->path[SERVER]);
    struct curve_keys first, second;
    struct error error;

    assert_int_equal(certificate_load_secret(stage->path[SERVER], &first, &error), 0);
    assert_int_equal(certificate_load_secret(stage->path[FRIEND], &second, &error), 0);
    FILE *file = fopen(secret, "w");
    assert_non_null(file);
    fprintf(file, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", first.public_key,
            second.secret_key);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(guard(stage, stage->tcp_address, &error), -1);
    assert_non_null(strstr(error.text, "do not belong together"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tcp_without_keys_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_address_has_its_own_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_halves_of_different_pairs_are_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
