/* Credentials of an instance, by version 2 of its metadata service ("Amazon EC2 User Guide: Use
 * the Instance Metadata Service"). Version 1 is never used: it answers anybody who can make this
 * machine send a GET. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/aws/credentials/inquiry.h"
#include "common/aws/credentials/sources.h"
#include "common/aws/environment/url.h"
#include "common/base/mem.h"
#include "common/json/json.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"

struct imds {
    struct source base;
    struct endpoints *endpoints; /* whose region the instance may name */
    struct inquiry inquiry;
    struct http_header header;
    char *endpoint; /* without a slash at its end */
    char *token;
    unsigned attempts;
};

typedef void answer_fn(void *arg, int status, struct str body);

static void ask(struct imds *self, const char *method, struct str header, struct str value,
                char *url, answer_fn *done)
{
    mem_free(self->inquiry.url);
    self->inquiry.url = url;
    self->inquiry.method = method;
    self->header = (struct http_header){header, value};
    self->inquiry.done = done;
    self->inquiry.attempts_left = self->attempts;
    inquiry_send(&self->inquiry);
}

static void get(struct imds *self, const char *path, struct str rest, answer_fn *done)
{
    ask(self, "GET", STR("x-aws-ec2-metadata-token"), str_of(self->token),
        mem_printf("%s%s" STR_FMT, self->endpoint, path, STR_ARG(rest)), done);
}

static bool failed(struct imds *self, int status, struct str body, const char *what)
{
    if (status == 200)
        return false;
    if (status == 0)
        source_fail(&self->base, "%s: " STR_FMT, what, STR_ARG(body));
    else
        source_fail(&self->base, "%s: HTTP status %d", what, status);
    return true;
}

/* A failure too may arrive as 200, with a code and a message instead of keys. */
static int read_credentials(struct str body, struct keys *keys, struct error *error)
{
    cleanup(json_freep) struct json *object = NULL;

    if (json_parse(&object, body, error) < 0)
        return -1;
    struct str code = json_get_str(object, "Code"), message = json_get_str(object, "Message");
    if (!str_is_empty(code) && !str_eq(code, STR("Success")))
        return error_set(error, STR_FMT ": " STR_FMT, STR_ARG(code), STR_ARG(message));
    return keys_from_json(keys, body, "Token", error);
}

static void on_credentials(void *arg, int status, struct str body)
{
    struct imds *self = arg;
    struct keys keys = {0};
    struct error error;

    if (failed(self, status, body, "the role's credentials"))
        return;
    if (read_credentials(body, &keys, &error) < 0)
        source_fail(&self->base, "%s", error.text);
    else
        source_succeed(&self->base, &keys);
    keys_done(&keys);
}

static void on_roles(void *arg, int status, struct str body)
{
    struct imds *self = arg;
    struct str role = str_trim(str_split(&body, '\n'));
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+=,.@-";

    if (status == 404) {
        source_fail(&self->base, "this instance has no role");
        return;
    }
    if (failed(self, status, body, "the list of roles"))
        return;
    if (role.len == 0 || strspn(role.ptr, letters) < role.len) {
        source_fail(&self->base, "the list of roles is empty");
        return;
    }
    get(self, ROLES, role, on_credentials);
}

static void on_region(void *arg, int status, struct str body)
{
    struct imds *self = arg;

    /* Without it the default stays; credentials matter more. */
    if (status == 200)
        endpoints_region_found(self->endpoints, str_trim(body));
    get(self, ROLES, STR_NONE, on_roles);
}

static void on_token(void *arg, int status, struct str body)
{
    struct imds *self = arg;

    if (failed(self, status, body, "no token for version 2"))
        return;
    mem_free(self->token);
    self->token = str_dup(str_trim(body));
    if (self->token[0] == '\0' || strpbrk(self->token, "\r\n"))
        source_fail(&self->base, "the answer is no token for version 2");
    else if (self->endpoints->region_is_default)
        get(self, "/latest/meta-data/placement/region", STR_NONE, on_region);
    else
        get(self, ROLES, STR_NONE, on_roles);
}

static void fetch(struct source *source)
{
    struct imds *self = (struct imds *)source;

    ask(self, "PUT", STR("x-aws-ec2-metadata-token-ttl-seconds"), STR("21600"),
        mem_printf("%s/latest/api/token", self->endpoint), on_token);
}

static void cancel(struct source *source)
{
    inquiry_cancel(&((struct imds *)source)->inquiry);
}

static void done(struct source *source)
{
    struct imds *self = (struct imds *)source;

    mem_free(self->inquiry.url);
    mem_free(self->endpoint);
    mem_free(self->token);
}

static int check_endpoint_host(const char *url, struct error *error)
{
    struct url_parts parts;

    if (url_split(url, &parts, error) < 0)
        return -1;
    if (!parts.plain || url_is_loopback(parts.host) || str_eq_text(parts.host, "169.254.169.254") ||
        str_eq_nocase(parts.host, STR("[fd00:ec2::254]")))
        return 0;
    return error_set(error, "'%s' would send credentials unencrypted; use https", url);
}

static char *find_endpoint(const struct configured *from, struct error *error)
{
    const char *url =
        configured_text(from, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    const char *mode = configured_text(from, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                       "ec2_metadata_service_endpoint_mode");

    if (mode && strcasecmp(mode, "ipv4") != 0 && strcasecmp(mode, "ipv6") != 0)
        aws_warn(
            from->warnings,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE '%s' is neither IPv4 nor IPv6; IPv4 is used",
            mode);
    if (!url)
        url = mode && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]"
                                                    : "http://169.254.169.254";
    if (check_endpoint_host(url, error) < 0) {
        error_prefix(error, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
        return NULL;
    }
    struct str text = str_of(url);
    while (str_ends_with(text, STR("/")))
        text.len--;
    return str_dup(text);
}

int source_imds_new(struct source **ret, const struct source_means *means,
                    const struct configured *configured, struct error *error)
{
    static const struct source_type type = {
        .fetch = fetch, .cancel = cancel, .done = done, .outlives_expiry = true};
    bool disabled = false;
    int64_t timeout_s = 1, attempts = 1;

    *ret = NULL;
    configured_bool(configured, "AWS_EC2_METADATA_DISABLED", NULL, &disabled);
    if (disabled)
        return 0;
    configured_number(configured, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", 1, 60,
                      &timeout_s);
    configured_number(configured, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
                      "metadata_service_num_attempts", 1, 20, &attempts);
    char *endpoint = find_endpoint(configured, error);
    if (!endpoint)
        return -1;
    struct imds *self = mem_alloc_zero(sizeof(*self));
    source_init(&self->base, &type, mem_strdup("instance metadata"));
    self->endpoints = means->endpoints;
    self->endpoint = endpoint;
    self->attempts = (unsigned)attempts;
    self->inquiry = (struct inquiry){.loop = means->loop,
                                     .http = means->http,
                                     .headers = &self->header,
                                     .header_count = 1,
                                     .timeout_ms = timeout_s * 1000,
                                     .arg = self};
    *ret = &self->base;
    return 0;
}
