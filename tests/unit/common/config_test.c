/* Settings by their schema: types, ranges, labels, and what is said of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/config_fixture.h"

static void refuses_text(const struct files *files, const char *text, const char *want)
{
    put(files, "entitled.conf", text);
    refuses(files, want);
}

static void defaults_need_no_file(void **state)
{
    (void)state;
    struct config *config;
    const struct values *v = load(NULL, &config);

    assert_string_equal(v->web.address, "127.0.0.1");
    assert_int_equal(v->web.port, 8080);
    assert_int_equal(v->web.wait_ms, 5000);
    assert_int_equal(v->web.body_limit, 65536);
    assert_false(v->web.behind_proxy);
    assert_int_equal(v->web.fields.count, 2);
    assert_string_equal(v->web.fields.items[1], "phone");
    assert_string_equal(v->web.mode, "page");
    assert_string_equal(v->web.secret, "");
    assert_int_equal(v->products.count, 0);
    assert_int_equal(v->before, 0);
    assert_int_equal(v->after, 0);
    config_free(config);
}

static void every_type_is_read(void **state)
{
    struct config *config;

    put(*state, "entitled.conf",
        "[web]\naddress = ::1 \nport=1\nwait = 1m\nbody_limit = 2M\nbehind_proxy = On\n"
        "fields = a,b  c\n  d, e\nmode = REDIRECT\nsecret = s3 cret\n");
    const struct values *v = load(*state, &config);
    assert_string_equal(v->web.address, "::1");
    assert_int_equal(v->web.port, 1);
    assert_int_equal(v->web.wait_ms, 60000);
    assert_int_equal(v->web.body_limit, 2 << 20);
    assert_true(v->web.behind_proxy);
    assert_int_equal(v->web.fields.count, 5);
    assert_string_equal(v->web.fields.items[4], "e");
    assert_string_equal(v->web.mode, "redirect");
    assert_string_equal(v->web.secret, "s3 cret");
    config_free(config);
}

static void numbers_have_units_and_ranges(void **state)
{
    static const struct {
        const char *line, *want; /* without a want it is good */
    } cases[] = {
        {"wait = 100ms", NULL},
        {"wait = 60s", NULL},
        {"wait = 61s", "'wait' must be a duration of 100ms to 1m (written like 500ms, 30s, 5m, "
                       "6h, 3d), not '61s'"},
        {"wait = 5", "'wait' must be a duration of 100ms to 1m (written like 500ms, 30s, 5m, "
                     "6h, 3d), not '5'"},
        {"wait = -5s", "'wait' must be a duration of 100ms to 1m (written like 500ms, 30s, 5m, "
                       "6h, 3d), not '-5s'"},
        {"body_limit = 0", NULL},
        {"body_limit = 1g", NULL},
        {"body_limit = 9999999999999G",
         "'body_limit' must be a size (written like 512, 64k, 2M, 1G), not '9999999999999G'"},
        {"body_limit = k", "'body_limit' must be a size (written like 512, 64k, 2M, 1G), not 'k'"},
        {"port = 65535", NULL},
        {"port = 65536", "'port' must be a whole number of 1 to 65535, not '65536'"},
        {"port = 80s", "'port' must be a whole number of 1 to 65535, not '80s'"},
        {"port =", "'port' must be a whole number of 1 to 65535, not ''"},
        {"behind_proxy = maybe", "'behind_proxy' must be yes or no, not 'maybe'"},
        {"mode = pages", "'mode' must be one of page, redirect, not 'pages'"},
        {"mode =", "'mode' must be one of page, redirect, not ''"},
        {"fields = a B", "'fields' must be a list of words in lower case, not 'B'"},
        {"fields =", NULL},
        {"address = \xff", "'address' must be UTF-8 text"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256], want[256];
        snprintf(text, sizeof(text), "# one\n[web]\n%s\n", cases[i].line);
        snprintf(want, sizeof(want), ":3: %s", cases[i].want ? cases[i].want : "");
        if (cases[i].want) {
            refuses_text(*state, text, want);
            continue;
        }
        struct config *config;
        put(*state, "entitled.conf", text);
        load(*state, &config);
        config_free(config);
    }
}

static void unknown_names_get_a_suggestion(void **state)
{
    refuses_text(*state, "[web]\nprot = 1\n",
                 ":2: unknown setting 'prot' in [web]; did you mean 'port'?");
    refuses_text(*state, "[web]\n\nPort = 1\n",
                 ":3: unknown setting 'Port' in [web]; did you mean 'port'?");
    refuses_text(*state, "[web]\nsomething_else = 1\n",
                 ":2: unknown setting 'something_else' in [web]; allowed: address, port, wait, "
                 "body_limit, behind_proxy, fields, mode, secret");
    refuses_text(*state, "[wep]\nport = 1\n", ":2: unknown section 'wep'; did you mean 'web'?");
    refuses_text(*state, "[database]\nport = 1\n",
                 ":2: unknown section 'database'; allowed: web, product");
    refuses_text(*state, "port = 1\n", ":1: a setting stands before the first [section]");
    refuses_text(*state, "[web]\nport_file = 1\n",
                 ":2: unknown setting 'port_file' in [web]; allowed: address, port, wait, "
                 "body_limit, behind_proxy, fields, mode, secret");
    refuses_text(*state, "[web]\nport\n", ":2: neither [section] nor name = value");
}

static void a_setting_stands_once_in_a_file(void **state)
{
    refuses_text(*state, "[web]\nport = 1\n[web]\nport = 2\n",
                 ":4: 'port' is set a second time here (first in line 2)");

    struct config *config;
    put(*state, "entitled.conf", "[web]\nfields = a\nfields = b\n");
    const struct values *v = load(*state, &config);
    assert_int_equal(v->web.fields.count, 2);
    config_free(config);
}

static void labels_make_groups(void **state)
{
    struct config *config;

    put(*state, "entitled.conf",
        "[product main]\ncode = c1\nurl = u\n[product  second-one ]\ncode = c2\n");
    const struct values *v = load(*state, &config);
    const struct product *products = v->products.items;
    assert_int_equal(v->products.count, 2);
    assert_string_equal(products[0].label, "main");
    assert_string_equal(products[0].code, "c1");
    assert_string_equal(products[0].url, "u");
    assert_string_equal(products[1].label, "second-one");
    assert_string_equal(products[1].code, "c2");
    assert_string_equal(products[1].url, "");
    config_free(config);

    refuses_text(*state, "[product]\ncode = c\n",
                 ":2: [product] needs a label, as in [product main]");
    refuses_text(*state, "[web x]\nport = 1\n", ":2: [web] takes no label");
    refuses_text(*state, "[product a.b]\ncode = c\n",
                 ":2: 'a.b' cannot be a label; letters, digits, '-' and '_' can");
    refuses_text(*state, "[product main]\nurl = u\n",
                 "[product main] needs 'code': The product code.");
}

static void what_is_wrong_together_is_found(void **state)
{
    refuses_text(*state, "[web]\nmode = redirect\n", "mode redirect needs a secret");
}

static void write_setting(void *arg, const struct config_section *section, const char *label,
                          const struct config_setting *setting, struct str value, struct str origin)
{
    const char *file = memchr(origin.ptr, '/', origin.len) ? strrchr(origin.ptr, '/') : NULL;

    buf_printf(arg, "%s%s%s.%s='" STR_FMT "' %s\n", section->name, label ? " " : "",
               label ? label : "", setting->name, STR_ARG(value), file ? file + 1 : origin.ptr);
}

static void every_value_knows_its_origin(void **state)
{
    struct config *config;
    struct buf out = BUF_INIT;

    put(*state, "entitled.conf",
        "[product p]\ncode = c\n[web]\nport = 1\nfields = a\n b\nsecret = s\n");
    put(*state, "conf.d/x.conf", "\n[web]\nwait = 1s\n");
    setenv("ENTITLED_WEB_MODE", "redirect", 1);
    load(*state, &config);
    config_each(config, write_setting, &out);
    assert_string_equal(out.data, "web.address='127.0.0.1' default\n"
                                  "web.port='1' entitled.conf:4\n"
                                  "web.wait='1s' x.conf:3\n"
                                  "web.body_limit='64k' default\n"
                                  "web.behind_proxy='' default\n"
                                  "web.fields='a b' entitled.conf:5\n"
                                  "web.mode='redirect' environment\n"
                                  "web.secret='(set)' entitled.conf:7\n"
                                  "product p.code='c' entitled.conf:2\n"
                                  "product p.login_url='' default\n"
                                  "product p.url='' default\n");
    buf_done(&out);
    config_free(config);
}

/* The sample as it is, and with every setting uncommented, means the defaults. */
static void the_sample_is_a_good_file(void **state)
{
    struct config *config;
    struct buf sample = BUF_INIT, bare = BUF_INIT;

    config_write_sample(&schema, &sample);
    assert_non_null(strstr(sample.data, "\n# Which port.\n# a whole number of 1 to 65535\n"
                                        "#port = 8080\n"));
    assert_non_null(strstr(sample.data, "#[product main]\n"));
    put(*state, "entitled.conf", sample.data);
    assert_int_equal(load(*state, &config)->products.count, 0);
    config_free(config);

    struct str rest = buf_str(&sample);
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        bool setting = str_starts_with(line, STR("#")) && !str_starts_with(line, STR("# "));
        if (str_eq_text(line, "#behind_proxy =") || str_eq_text(line, "#code ="))
            buf_printf(&bare, STR_FMT " no\n", STR_ARG(str_from(line.ptr + 1, line.len - 1)));
        else
            buf_printf(&bare, STR_FMT "\n",
                       STR_ARG(setting ? str_from(line.ptr + 1, line.len - 1) : line));
    }
    put(*state, "entitled.conf", bare.data);
    const struct values *v = load(*state, &config);
    assert_int_equal(v->web.wait_ms, 5000);
    assert_int_equal(v->products.count, 1);
    config_free(config);
    buf_done(&sample);
    buf_done(&bare);
}

static void the_reference_has_a_row_each(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;

    config_write_markdown(&schema, &out);
    assert_non_null(strstr(out.data, "## [web]\n\nThe page.\n"));
    assert_non_null(
        strstr(out.data, "| `wait` | `5s` | a duration of 100ms to 1m | How long. |\n"));
    assert_non_null(strstr(out.data, "## [product LABEL]\n"));
    assert_non_null(strstr(out.data, "| `code` | | any text, required | The product code. |\n"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_need_no_file), CASE(every_type_is_read),
        CASE(numbers_have_units_and_ranges),     CASE(unknown_names_get_a_suggestion),
        CASE(a_setting_stands_once_in_a_file),   CASE(labels_make_groups),
        CASE(what_is_wrong_together_is_found),   CASE(every_value_knows_its_origin),
        CASE(the_sample_is_a_good_file),         cmocka_unit_test(the_reference_has_a_row_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
