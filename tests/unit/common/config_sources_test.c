/* Where settings come from: the file, conf.d, the environment, files of secrets. */
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

#include "tests/support/config_fixture.h"

static void a_missing_file_is_an_error(void **state)
{
    char want[256];

    snprintf(want, sizeof(want), "cannot read '%s': No such file or directory",
             path_of(*state, "entitled.conf"));
    refuses(*state, want);
}

static void conf_d_overrides_in_the_order_of_names(void **state)
{
    struct config *config;

    put(*state, "entitled.conf",
        "[web]\nport = 1\naddress = a\nfields = x\n[product One]\ncode=1\n");
    put(*state, "conf.d/20.conf", "[web]\nport = 20\nfields = y\n");
    put(*state, "conf.d/10.conf", "[web]\nport = 10\naddress = b\n[product ONE]\ncode=2\n");
    put(*state, "conf.d/30.conf~", "nonsense");
    put(*state, "conf.d/.40.conf", "nonsense");
    const struct values *v = load(*state, &config);
    assert_int_equal(v->web.port, 20);
    assert_string_equal(v->web.address, "b");
    assert_int_equal(v->web.fields.count, 1);
    assert_string_equal(v->web.fields.items[0], "y");
    assert_int_equal(v->products.count, 1);
    assert_string_equal(((const struct product *)v->products.items)->code, "2");
    config_free(config);

    put(*state, "conf.d/30.conf", "[web]\n\nport = x\n");
    char want[256];
    snprintf(want, sizeof(want), "%s:3: 'port' must be a whole number of 1 to 65535, not 'x'",
             path_of(*state, "conf.d/30.conf"));
    refuses(*state, want);
}

static void the_environment_comes_last(void **state)
{
    struct config *config;

    put(*state, "entitled.conf",
        "[web]\nport = 1\n[product Main]\ncode = c1\n[product second-one]\ncode = c2\n");
    setenv("ENTITLED_CONFIG", "/nowhere", 1);
    setenv("ENTITLED_BIN", "/nowhere", 1);
    setenv("ENTITLED_WEB_PORT", "99", 1);
    setenv("ENTITLED_PRODUCT_MAIN_CODE", "e1", 1);
    setenv("ENTITLED_PRODUCT_MAIN_LOGIN_URL", "https://login", 1);
    setenv("ENTITLED_PRODUCT_SECOND_ONE_CODE", "e2", 1);
    setenv("ENTITLED_PRODUCT_NEW_CODE", "e3", 1);
    const struct values *v = load(*state, &config);
    const struct product *products = v->products.items;
    assert_int_equal(v->web.port, 99);
    assert_int_equal(v->products.count, 3);
    assert_string_equal(products[0].label, "Main");
    assert_string_equal(products[0].code, "e1");
    assert_string_equal(products[0].login_url, "https://login");
    assert_string_equal(products[0].url, "");
    assert_string_equal(products[1].code, "e2");
    assert_string_equal(products[2].label, "new");
    assert_string_equal(products[2].code, "e3");
    config_free(config);
}

/* [product a] login_url and [product a_login] url are written alike: a label that exists decides.
 */
static void a_label_that_exists_decides(void **state)
{
    struct config *config;

    put(*state, "entitled.conf", "[product a-login]\ncode = c\n");
    setenv("ENTITLED_PRODUCT_A_LOGIN_URL", "u", 1);
    const struct values *v = load(*state, &config);
    assert_int_equal(v->products.count, 1);
    assert_string_equal(((const struct product *)v->products.items)->url, "u");
    config_free(config);

    put(*state, "entitled.conf", "[product a]\ncode = c\n");
    v = load(*state, &config);
    assert_int_equal(v->products.count, 1);
    assert_string_equal(((const struct product *)v->products.items)->login_url, "u");
    config_free(config);
}

static void a_wrong_variable_is_named(void **state)
{
    put(*state, "entitled.conf", "");
    setenv("ENTITLED_WEB_PORT", "x", 1);
    refuses(*state, "environment: ENTITLED_WEB_PORT: 'port' must be a whole number of 1 to 65535, "
                    "not 'x'");
    unsetenv("ENTITLED_WEB_PORT");
    setenv("ENTITLED_WEB_PROT", "1", 1);
    refuses(*state, "environment: ENTITLED_WEB_PROT: unknown setting 'prot' in [web]; did you mean "
                    "'port'?");
    unsetenv("ENTITLED_WEB_PROT");
    setenv("ENTITLED_WEBB_PORT", "1", 1);
    refuses(*state, "environment: ENTITLED_WEBB_PORT: unknown section 'webb'; did you mean 'web'?");
    unsetenv("ENTITLED_WEBB_PORT");
    setenv("ENTITLED_PRODUCT_MAIN_LOGIN_URL", "u", 1);
    refuses(*state, "[product main] needs 'code': The product code.");
}

static void secrets_come_from_files_too(void **state)
{
    struct config *config;
    char text[256];

    put(*state, "token", "abc\n");
    snprintf(text, sizeof(text), "[web]\nsecret_file = %s\n", path_of(*state, "token"));
    put(*state, "entitled.conf", text);
    assert_string_equal(load(*state, &config)->web.secret, "abc");
    config_free(config);

    setenv("ENTITLED_WEB_SECRET", "plain", 1);
    assert_string_equal(load(*state, &config)->web.secret, "plain");
    config_free(config);
    unsetenv("ENTITLED_WEB_SECRET");

    put(*state, "other", "from the environment");
    setenv("ENTITLED_WEB_SECRET_FILE", path_of(*state, "other"), 1);
    assert_string_equal(load(*state, &config)->web.secret, "from the environment");
    config_free(config);

    char want[512];
    setenv("ENTITLED_WEB_SECRET_FILE", path_of(*state, "none"), 1);
    snprintf(want, sizeof(want),
             "environment: ENTITLED_WEB_SECRET_FILE: 'secret_file': cannot read '%s': No such file "
             "or directory",
             path_of(*state, "none"));
    refuses(*state, want);
    setenv("ENTITLED_WEB_SECRET", "plain", 1);
    refuses(*state, "environment: ENTITLED_WEB_SECRET_FILE: 'secret_file': is set twice");
}

static void find_unreadable(void *arg, const struct config_section *section, const char *label,
                            const struct config_setting *setting, struct str value,
                            struct str origin)
{
    (void)section;
    (void)label;
    (void)origin;
    if (str_eq_text(value, "(not readable)"))
        *(const char **)arg = setting->name;
}

/* The store shares the file with the registrar, whose secret it cannot read. */
static void a_secret_of_somebody_else_stays_empty(void **state)
{
    enum { NOBODY = 65534 };
    struct config *config;
    const char *unreadable = "";
    char text[256];
    const struct files *files = *state;

    put(files, "token", "abc");
    snprintf(text, sizeof(text), "[web]\nsecret_file = %s\n", path_of(files, "token"));
    put(files, "entitled.conf", text);
    assert_int_equal(chmod(path_of(files, "token"), 0), 0);
    assert_int_equal(chmod(path_of(files, "conf.d"), 0755), 0);
    assert_int_equal(chmod(files->directory, 0755), 0);
    bool root = geteuid() == 0;
    assert_true(!root || seteuid(NOBODY) == 0);
    const struct values *v = load(files, &config);
    assert_true(!root || seteuid(0) == 0);
    assert_string_equal(v->web.secret, "");
    config_each(config, find_unreadable, &unreadable);
    assert_string_equal(unreadable, "secret");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_missing_file_is_an_error),
        CASE(conf_d_overrides_in_the_order_of_names),
        CASE(the_environment_comes_last),
        CASE(a_label_that_exists_decides),
        CASE(a_wrong_variable_is_named),
        CASE(secrets_come_from_files_too),
        CASE(a_secret_of_somebody_else_stays_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
