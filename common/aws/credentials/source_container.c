/* Credentials of a container (ECS tasks, EKS pods): "AWS SDKs and Tools Reference Guide: Container
 * credential provider". */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/aws/credentials/inquiry.h"
#include "common/aws/credentials/sources.h"
#include "common/aws/environment/url.h"
#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/mem.h"

#define TASK_HOST "169.254.170.2"

enum { TIMEOUT_MS = 2000, ATTEMPTS = 3, LONGEST_TOKEN = 16384 };

struct container {
    struct source base;
    struct inquiry inquiry;
    struct http_header headers[2];
    struct buf token;
    char *token_file; /* wins over the token itself */
    char *given_token;
};

/* Credentials come unencrypted only from this machine, or from where AWS serves them. */
static int check_url(const char *url, struct error *error)
{
    static const char *const hosts[] = {TASK_HOST, "169.254.170.23", "[fd00:ec2::23]"};
    struct url_parts parts;

    if (url_split(url, &parts, error) < 0)
        return -1;
    if (!parts.plain || url_is_loopback(parts.host))
        return 0;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (str_eq_nocase(parts.host, str_of(hosts[i])))
            return 0;
    }
    return error_set(error, "'%s' would send credentials unencrypted; use https", url);
}

char *container_url(const char *relative, const char *full, struct error *error)
{
    if (relative && relative[0] != '/') {
        error_set(error, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI '%s' does not begin with /",
                  relative);
        return NULL;
    }
    if (relative)
        return mem_printf("http://" TASK_HOST "%s", relative);
    if (check_url(full, error) < 0) {
        error_prefix(error, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        return NULL;
    }
    return mem_strdup(full);
}

static void on_answer(void *arg, int status, struct str body)
{
    struct container *self = arg;
    struct keys keys = {0};
    struct error error;

    if (status == 0)
        source_fail(&self->base, STR_FMT, STR_ARG(body));
    else if (status != 200)
        /* The path may be what keeps others from asking: it is not for the log. */
        source_fail(&self->base, "the endpoint answers with HTTP status %d", status);
    else if (keys_from_json(&keys, body, "Token", &error) < 0)
        source_fail(&self->base, "%s", error.text);
    else
        source_succeed(&self->base, &keys);
    keys_done(&keys);
}

/* A line break in it would let the file's writer add headers. */
static int read_token(struct container *self, struct error *error)
{
    buf_clear(&self->token);
    if (self->token_file && file_read(self->token_file, LONGEST_TOKEN, &self->token, error) < 0)
        return -1;
    if (!self->token_file)
        buf_append_text(&self->token, self->given_token);
    if (self->token.len > 0 &&
        (strpbrk(self->token.data, "\r\n") || strlen(self->token.data) != self->token.len))
        return error_set(error, "the authorization token holds a line break or a NUL");
    return 0;
}

static void fetch(struct source *source)
{
    struct container *self = (struct container *)source;
    struct error error;

    self->headers[0] = (struct http_header){STR("Accept"), STR("application/json")};
    self->inquiry.header_count = 1;
    if (self->token_file || self->given_token) {
        if (read_token(self, &error) < 0) {
            source_fail(source, "%s", error.text);
            return;
        }
        self->headers[1] = (struct http_header){STR("Authorization"), buf_str(&self->token)};
        self->inquiry.header_count = 2;
    }
    self->inquiry.attempts_left = ATTEMPTS;
    inquiry_send(&self->inquiry);
}

static void cancel(struct source *source)
{
    inquiry_cancel(&((struct container *)source)->inquiry);
}

static void done(struct source *source)
{
    struct container *self = (struct container *)source;

    buf_done(&self->token);
    mem_free(self->inquiry.url);
    mem_free(self->token_file);
    mem_free(self->given_token);
}

int source_container_new(struct source **ret, const struct source_means *means, struct error *error)
{
    static const struct source_type type = {.fetch = fetch, .cancel = cancel, .done = done};
    const char *relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    *ret = NULL;
    if (!relative && !full)
        return 0;
    char *url = container_url(relative, full, error);
    if (!url)
        return -1;
    struct container *self = mem_alloc_zero(sizeof(*self));
    source_init(&self->base, &type, mem_strdup("container"));
    self->token_file = mem_strdup(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    self->given_token = mem_strdup(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    self->inquiry = (struct inquiry){.loop = means->loop,
                                     .http = means->http,
                                     .method = "GET",
                                     .url = url,
                                     .headers = self->headers,
                                     .timeout_ms = TIMEOUT_MS,
                                     .done = on_answer,
                                     .arg = self};
    *ret = &self->base;
    return 0;
}
