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
#include "common/config/config.h"

struct web {
    const char *address;
    int64_t port;
    int64_t wait_ms;
    int64_t body_limit;
    bool behind_proxy;
    struct config_list fields;
    const char *mode;
    const char *secret;
};

struct product {
    const char *label;
    const char *code;
    const char *login_url;
    const char *url;
};

struct values {
    int64_t before;
    struct web web;
    struct config_group products;
    int64_t after;
};

static bool is_lower(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] >= 'A' && value.ptr[i] <= 'Z')
            return false;
    }
    return true;
}

static const struct config_form lower_case = {.allowed = "words in lower case",
                                              .matches = is_lower};

static const struct config_setting web_settings[] = {
    {.name = "address",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct web, address),
     .default_value = "127.0.0.1",
     .help = "Where to listen."},
    {.name = "port",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct web, port),
     .default_value = "8080",
     .min = 1,
     .max = 65535,
     .help = "Which port."},
    {.name = "wait",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct web, wait_ms),
     .default_value = "5s",
     .min = 100,
     .max = 60000,
     .help = "How long."},
    {.name = "body_limit",
     .type = CONFIG_SIZE,
     .offset = offsetof(struct web, body_limit),
     .default_value = "64k",
     .help = "How much."},
    {.name = "behind_proxy",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct web, behind_proxy),
     .help = "Whether."},
    {.name = "fields",
     .type = CONFIG_LIST,
     .offset = offsetof(struct web, fields),
     .form = &lower_case,
     .default_value = "name, phone",
     .help = "Which fields."},
    {.name = "mode",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct web, mode),
     .default_value = "page",
     .choices = "page redirect",
     .help = "What to do."},
    {.name = "secret",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct web, secret),
     .help = "What to keep."},
    {.name = NULL},
};

static const struct config_setting product_settings[] = {
    {.name = "code",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct product, code),
     .required = true,
     .help = "The product code."},
    {.name = "login_url",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct product, login_url),
     .help = "Where to log in."},
    {.name = "url",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct product, url),
     .help = "Where it is."},
    {.name = NULL},
};

static const struct config_section sections[] = {
    {.name = "web",
     .settings = web_settings,
     .offset = offsetof(struct values, web),
     .help = "The page."},
    {.name = "product",
     .settings = product_settings,
     .offset = offsetof(struct values, products),
     .labelled = true,
     .item_size = sizeof(struct product),
     .help = "One product."},
    {.name = NULL},
};

static int check_values(const void *values, struct error *error)
{
    const struct values *v = values;

    if (strcmp(v->web.mode, "redirect") == 0 && v->web.secret[0] == '\0')
        return error_set(error, "mode redirect needs a secret");
    return 0;
}

static const struct config_schema schema = {
    .sections = sections, .size = sizeof(struct values), .check = check_values};

/* A directory with entitled.conf, conf.d and whatever a test puts there. */
struct files {
    char directory[64];
};

static const char *path_of(const struct files *files, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", files->directory, name);
    return path;
}

static void put(const struct files *files, const char *name, const char *text)
{
    FILE *file = fopen(path_of(files, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_directory(void **state)
{
    struct files *files = mem_alloc_zero(sizeof(*files));

    strcpy(files->directory, "/tmp/entitled-config-XXXXXX");
    assert_non_null(mkdtemp(files->directory));
    assert_int_equal(mkdir(path_of(files, "conf.d"), 0700), 0);
    *state = files;
    return 0;
}

static int remove_directory(void **state)
{
    struct files *files = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", files->directory);
    assert_int_equal(system(command), 0);
    mem_free(files);
    return 0;
}

static const struct values *load(const struct files *files, struct config **ret)
{
    struct error error = {.text = ""};

    if (config_load(ret, &schema, files ? path_of(files, "entitled.conf") : NULL, &error) != 0)
        fail_msg("%s", error.text);
    return config_values(*ret);
}

static void refuses(const struct files *files, const char *want)
{
    struct config *config = NULL;
    struct error error = {.text = ""};
    struct buf full = BUF_INIT;

    assert_int_equal(config_load(&config, &schema, path_of(files, "entitled.conf"), &error), -1);
    assert_null(config);
    if (want[0] == ':')
        buf_printf(&full, "%s", path_of(files, "entitled.conf"));
    buf_append_text(&full, want);
    assert_string_equal(error.text, full.data);
    buf_done(&full);
}

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

static const char *const variables[] = {
    "ENTITLED_WEB_PORT",
    "ENTITLED_WEB_SECRET",
    "ENTITLED_WEB_SECRET_FILE",
    "ENTITLED_PRODUCT_MAIN_CODE",
    "ENTITLED_PRODUCT_NEW_CODE",
    "ENTITLED_PRODUCT_MAIN_LOGIN_URL",
    "ENTITLED_PRODUCT_A_LOGIN_URL",
    "ENTITLED_PRODUCT_A_LOGIN_CODE",
    "ENTITLED_WEB_PROT",
    "ENTITLED_WEBB_PORT",
    "ENTITLED_CONFIG",
    "ENTITLED_BIN",
    "ENTITLED_PRODUCT_SECOND_ONE_CODE",
    "ENTITLED_WEB_MODE",
};

static int clear_environment(void **state)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    return remove_directory(state);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_directory, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_need_no_file),
        CASE(every_type_is_read),
        CASE(numbers_have_units_and_ranges),
        CASE(unknown_names_get_a_suggestion),
        CASE(a_setting_stands_once_in_a_file),
        CASE(a_missing_file_is_an_error),
        CASE(conf_d_overrides_in_the_order_of_names),
        CASE(labels_make_groups),
        CASE(the_environment_comes_last),
        CASE(a_label_that_exists_decides),
        CASE(a_wrong_variable_is_named),
        CASE(secrets_come_from_files_too),
        CASE(a_secret_of_somebody_else_stays_empty),
        CASE(what_is_wrong_together_is_found),
        CASE(every_value_knows_its_origin),
        CASE(the_sample_is_a_good_file),
        cmocka_unit_test(the_reference_has_a_row_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
