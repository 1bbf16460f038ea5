/* Texts that are loaded as a settings file. */
#ifndef TESTS_SUPPORT_SETTINGS_FIXTURE_H
#define TESTS_SUPPORT_SETTINGS_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/settings/settings.h"

/* Loads a text as the settings file; on failure returns NULL and the sentence without the path. */
static inline const struct settings *load(const char *text, struct config **ret,
                                          struct error *error)
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

static inline const struct settings *load_good(const char *text, struct config **ret)
{
    struct error error;
    const struct settings *settings = load(text, ret, &error);

    if (!settings)
        fail_msg("%s", error.text);
    return settings;
}

static inline void refuses(const char *text, const char *want)
{
    struct config *config = NULL;
    struct error error;

    assert_null(load(text, &config, &error));
    assert_string_equal(error.text, want);
}

#endif
