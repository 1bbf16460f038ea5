#include "proto/settings/queue_url.h"

#include <string.h>

/* What the host says, in whatever case it is written. */
struct queue_host {
    struct str region; /* empty: no host of AWS's */
    bool regular;      /* the host that follows from the region, or an older name of it */
};

static struct str host_of(struct str url)
{
    const char *at = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;

    if (!at)
        return STR_NONE;
    struct str rest = str_from(at + 3, url.len - (size_t)(at + 3 - url.ptr));
    return str_split(&rest, '/');
}

static bool take_off(struct str *host, const char *suffix)
{
    size_t len = strlen(suffix);

    if (host->len <= len ||
        !str_eq_nocase(str_from(host->ptr + host->len - len, len), str_of(suffix)))
        return false;
    host->len -= len;
    return true;
}

static bool is(struct str label, const char *text)
{
    return str_eq_nocase(label, str_of(text));
}

/* "Amazon SQS endpoints and quotas"; botocore's endpoint rules for dual stack and FIPS. */
static bool is_service(struct str label)
{
    return is(label, "sqs") || is(label, "sqs-fips");
}

static bool take_off_any(struct str *host, const char *const *suffixes)
{
    while (*suffixes && !take_off(host, *suffixes))
        suffixes++;
    return *suffixes != NULL;
}

static struct queue_host read_host(struct str host)
{
    static const char *const dual_stack[] = {".api.aws", ".api.amazonwebservices.com.cn",
                                             ".api.amazonwebservices.eu", NULL};
    static const char *const regular[] = {".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
                                          NULL};
    struct str labels[4] = {STR_NONE};
    size_t count = 0;

    take_off(&host, ":443");
    bool is_dual_stack = take_off_any(&host, dual_stack);
    if (!is_dual_stack && !take_off_any(&host, regular))
        return (struct queue_host){STR_NONE, false};
    for (; count < 4 && !str_is_empty(host); count++)
        labels[count] = str_split(&host, '.');
    if (count == 2 && is_service(labels[0]))
        return (struct queue_host){labels[1], !is_dual_stack && is(labels[0], "sqs")};
    if (count == 2 && !is_dual_stack && is(labels[1], "queue"))
        return (struct queue_host){labels[0], true};
    if (count == 1 && !is_dual_stack && is(labels[0], "queue"))
        return (struct queue_host){STR("us-east-1"), true};
    /* An interface endpoint's own name ("Amazon SQS and VPC endpoints"). */
    if (count == 4 && str_is_empty(host) && is(labels[3], "vpce") && is_service(labels[1]))
        return (struct queue_host){labels[2], false};
    return (struct queue_host){STR_NONE, false};
}

struct str queue_url_region(struct str url)
{
    return read_host(host_of(url)).region;
}

struct str queue_url_origin(struct str url)
{
    struct str host = host_of(url);

    if (str_is_empty(host) || read_host(host).regular)
        return STR_NONE;
    return str_from(url.ptr, (size_t)(host.ptr + host.len - url.ptr));
}
