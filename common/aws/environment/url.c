#include "common/aws/environment/url.h"

#include <string.h>
#include <strings.h>

bool url_is_loopback(struct str host)
{
    return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("[::1]")) ||
           (str_starts_with(host, STR("127.")) && strspn(host.ptr, "0123456789.") >= host.len);
}

static struct str host_of(struct str authority)
{
    const char *bracket = authority.len ? memchr(authority.ptr, ']', authority.len) : NULL;

    if (!bracket)
        return str_split(&authority, ':');
    size_t len = (size_t)(bracket + 1 - authority.ptr);
    return len == authority.len || bracket[1] == ':' ? str_from(authority.ptr, len) : authority;
}

int url_split(const char *url, struct url_parts *ret, struct error *error)
{
    struct str rest = str_of(url);

    ret->plain = strncasecmp(url, "http://", 7) == 0;
    if (!ret->plain && strncasecmp(url, "https://", 8) != 0)
        return error_set(error, "'%s' is no http or https URL", url);
    rest = str_from(url + (ret->plain ? 7 : 8), rest.len - (ret->plain ? 7 : 8));
    struct str authority = str_split(&rest, '/');
    ret->host = host_of(authority);
    if (ret->host.len == 0 || memchr(authority.ptr, '@', authority.len))
        return error_set(error, "'%s' names no host, or a user", url);
    return 0;
}

int url_check_endpoint(const char *url, struct error *error)
{
    struct url_parts parts;

    if (url_split(url, &parts, error) < 0)
        return -1;
    if (parts.plain && !url_is_loopback(parts.host))
        return error_set(error, "'%s' would send signed requests unencrypted; use https", url);
    return 0;
}
