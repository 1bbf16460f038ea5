/* A small schema, and files that are read by it. */
#ifndef TESTS_SUPPORT_CONFIG_FIXTURE_H
#define TESTS_SUPPORT_CONFIG_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static inline bool is_lower(struct str value)
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

static inline int check_values(const void *values, struct error *error)
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

static inline const char *path_of(const struct files *files, const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", files->directory, name);
    return path;
}

static inline void put(const struct files *files, const char *name, const char *text)
{
    FILE *file = fopen(path_of(files, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline int make_directory(void **state)
{
    struct files *files = mem_alloc_zero(sizeof(*files));

    strcpy(files->directory, "/tmp/entitled-config-XXXXXX");
    assert_non_null(mkdtemp(files->directory));
    assert_int_equal(mkdir(path_of(files, "conf.d"), 0700), 0);
    *state = files;
    return 0;
}

static inline int remove_directory(void **state)
{
    struct files *files = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", files->directory);
    assert_int_equal(system(command), 0);
    mem_free(files);
    return 0;
}

static inline const struct values *load(const struct files *files, struct config **ret)
{
    struct error error = {.text = ""};

    if (config_load(ret, &schema, files ? path_of(files, "entitled.conf") : NULL, &error) != 0)
        fail_msg("%s", error.text);
    return config_values(*ret);
}

static inline void refuses(const struct files *files, const char *want)
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

static inline int clear_environment(void **state)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    return remove_directory(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_directory, clear_environment)

#endif
