#include "proto/clients/c/call/options.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "proto/clients/c/call/failure.h"

enum {
    TIMEOUT_DEFAULT_MS = 2000,
    SPAN_MAX_MS = 24 * 60 * 60 * 1000,
    CHECKERS_MAX = 64,
    ENDPOINT_MAX = 1000,
};

static const struct entitled_options defaults = {
    .mode = ENTITLED_REMOTE,
    .discovery = true,
    .timeout_ms = TIMEOUT_DEFAULT_MS,
};

struct entitled_options *entitled_options_new(void)
{
    struct entitled_options *options = malloc(sizeof(*options));

    if (options)
        *options = defaults;
    return options;
}

void entitled_options_free(struct entitled_options *options)
{
    if (!options)
        return;
    for (size_t i = 0; i < options->checker_count; i++)
        free(options->checkers[i]);
    free(options->checkers);
    free(options->directory);
    free(options->file);
    free(options->certificate);
    free(options->checker_certificate);
    explicit_bzero(&options->keys, sizeof(options->keys));
    free(options);
}

struct entitled_options *options_copy(const struct entitled_options *from)
{
    struct entitled_options *copy = mem_alloc(sizeof(*copy));

    *copy = from ? *from : defaults;
    copy->checkers = mem_alloc_array(copy->checker_count, sizeof(*copy->checkers));
    for (size_t i = 0; i < copy->checker_count; i++)
        copy->checkers[i] = mem_strdup(from->checkers[i]);
    copy->directory = mem_strdup(copy->directory);
    copy->file = mem_strdup(copy->file);
    copy->certificate = mem_strdup(copy->certificate);
    copy->checker_certificate = mem_strdup(copy->checker_certificate);
    return copy;
}

static bool is_tcp(const char *endpoint)
{
    return strncmp(endpoint, "tcp://", 6) == 0;
}

int options_load_keys(struct entitled_options *options, struct entitled_error *error)
{
    struct error why;

    if (options->certificate &&
        certificate_load_secret(options->certificate, &options->keys, &why) < 0)
        return failure_set(error, ENTITLED_BAD_FILE, "%s", why.text);
    if (options->checker_certificate &&
        certificate_load(options->checker_certificate, &options->checker_keys, NULL, &why) < 0)
        return failure_set(error, ENTITLED_BAD_FILE, "%s", why.text);
    for (size_t i = 0; i < options->checker_count; i++) {
        if (is_tcp(options->checkers[i]) && !(options->certificate && options->checker_certificate))
            return failure_set(error, ENTITLED_BAD_REQUEST,
                               "'%s' needs a certificate of our own and that of the checker",
                               options->checkers[i]);
    }
    return ENTITLED_OK;
}

int entitled_options_set_mode(struct entitled_options *options, int mode)
{
    if (mode < ENTITLED_REMOTE || mode > ENTITLED_FILE)
        return ENTITLED_BAD_REQUEST;
    options->mode = mode;
    return ENTITLED_OK;
}

static int set_text(char **text, const char *value, size_t limit)
{
    struct str view;
    char *copy;

    if (!value)
        return ENTITLED_BAD_REQUEST;
    view = str_from(value, strnlen(value, limit + 1));
    if (view.len == 0 || view.len > limit || !str_is_utf8(view))
        return ENTITLED_BAD_REQUEST;
    copy = strdup(value);
    if (!copy)
        return ENTITLED_NO_MEMORY;
    free(*text);
    *text = copy;
    return ENTITLED_OK;
}

static bool is_endpoint(const char *text)
{
    return text && (strncmp(text, "ipc://", 6) == 0 || is_tcp(text)) && text[6];
}

int entitled_options_add_checker(struct entitled_options *options, const char *endpoint)
{
    char **grown;
    char *copy = NULL;

    if (!is_endpoint(endpoint) || options->checker_count == CHECKERS_MAX)
        return ENTITLED_BAD_REQUEST;
    grown = realloc(options->checkers, (options->checker_count + 1) * sizeof(*grown));
    if (!grown)
        return ENTITLED_NO_MEMORY;
    options->checkers = grown;
    int code = set_text(&copy, endpoint, ENDPOINT_MAX);
    if (code == ENTITLED_OK)
        options->checkers[options->checker_count++] = copy;
    return code;
}

int entitled_options_set_certificate(struct entitled_options *options, const char *path)
{
    return set_text(&options->certificate, path, ENDPOINT_MAX);
}

int entitled_options_set_checker_certificate(struct entitled_options *options, const char *path)
{
    return set_text(&options->checker_certificate, path, ENDPOINT_MAX);
}

int entitled_options_set_directory(struct entitled_options *options, const char *directory)
{
    return set_text(&options->directory, directory, ENDPOINT_MAX);
}

int entitled_options_set_file(struct entitled_options *options, const char *path)
{
    return set_text(&options->file, path, ENDPOINT_MAX);
}

int entitled_options_set_discovery(struct entitled_options *options, bool discovery)
{
    options->discovery = discovery;
    return ENTITLED_OK;
}

int entitled_options_set_subset(struct entitled_options *options, bool subset)
{
    options->subset = subset;
    return ENTITLED_OK;
}

static int set_span(int64_t *span_ms, int64_t value, int64_t least)
{
    if (value < least || value > SPAN_MAX_MS)
        return ENTITLED_BAD_REQUEST;
    *span_ms = value;
    return ENTITLED_OK;
}

int entitled_options_set_timeout_ms(struct entitled_options *options, int64_t timeout_ms)
{
    return set_span(&options->timeout_ms, timeout_ms, 1);
}

int entitled_options_set_hedge_ms(struct entitled_options *options, int64_t hedge_ms)
{
    return set_span(&options->hedge_ms, hedge_ms, 0);
}

int entitled_options_set_age_limit_ms(struct entitled_options *options, int64_t age_limit_ms)
{
    return set_span(&options->age_limit_ms, age_limit_ms, 0);
}
