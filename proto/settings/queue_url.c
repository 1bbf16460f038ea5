#include "proto/settings/queue_url.h"

#include <string.h>

static struct str host_of(struct str url)
{
    const char *at = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;

    if (!at)
        return STR_NONE;
    struct str rest = str_from(at + 3, url.len - (size_t)(at + 3 - url.ptr));
    return str_split(&rest, '/');
}

static bool is_aws_host(struct str host)
{
    return str_ends_with(host, STR(".amazonaws.com")) ||
           str_ends_with(host, STR(".amazonaws.com.cn")) ||
           str_ends_with(host, STR(".amazonaws.eu"));
}

struct str queue_url_region(struct str url)
{
    struct str rest = host_of(url);

    if (!is_aws_host(rest))
        return STR_NONE;
    struct str first = str_split(&rest, '.');
    struct str second = str_split(&rest, '.');
    if (str_eq(first, STR("sqs")) && !str_eq(second, STR("amazonaws")))
        return second;
    return str_eq(second, STR("queue")) ? first : STR_NONE;
}

struct str queue_url_origin(struct str url)
{
    struct str host = host_of(url);

    if (str_is_empty(host) || !str_is_empty(queue_url_region(url)))
        return STR_NONE;
    return str_from(url.ptr, (size_t)(host.ptr + host.len - url.ptr));
}
