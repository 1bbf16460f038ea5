#include "services/poller/cert_url.h"

#include <string.h>

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool consists_of(struct str text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.ptr[i]) && (!text.ptr[i] || !strchr(others, text.ptr[i])))
            return false;
    }
    return true;
}

/* Takes the scheme off the front and splits the rest before the first slash. What a URL could hide
 * (a user, a query, a fragment, a backslash, an escape) is in neither part's alphabet. */
static bool split(struct str url, struct str scheme, struct str *ret_authority,
                  struct str *ret_path)
{
    if (!str_starts_with(url, scheme))
        return false;
    struct str rest = str_from(url.ptr + scheme.len, url.len - scheme.len);
    *ret_path = rest;
    *ret_authority = str_split(ret_path, '/');
    return consists_of(*ret_authority, ".-:") && consists_of(*ret_path, ".-_/");
}

/* "sns.REGION.amazonaws.com", or ".com.cn": the pattern of AWS's own validators for JavaScript and
 * PHP (aws-js-sns-message-validator, aws-php-sns-message-validator). */
static bool is_sns_host(struct str host)
{
    struct str rest = host;
    struct str service = str_split(&rest, '.');
    struct str region = str_split(&rest, '.');

    return str_eq_text(service, "sns") && region.len >= 3 && consists_of(region, "-") &&
           (str_eq_text(rest, "amazonaws.com") || str_eq_text(rest, "amazonaws.com.cn"));
}

static bool is_number(struct str text, int64_t least, int64_t most)
{
    int64_t number;

    return text.len <= 5 && consists_of(text, "") && str_to_i64(text, &number) && number >= least &&
           number <= most;
}

/* An address of 127.0.0.0/8, spelt out, with a port: a name could lead elsewhere. */
static bool is_loopback(struct str authority)
{
    struct str port = authority;
    struct str host = str_split(&port, ':');

    for (int part = 0; part < 4; part++) {
        struct str number = str_split(&host, '.');
        if (!is_number(number, 0, 255) || (part == 0 && !str_eq_text(number, "127")))
            return false;
    }
    return host.len == 0 && is_number(port, 1, 65535);
}

/* Plain http to a loopback address of either family. */
static bool split_local(struct str url, struct str *ret_path)
{
    static const struct str v6 = STR_INIT("http://[::1]:");
    struct str authority;

    if (!str_starts_with(url, v6))
        return split(url, STR("http://"), &authority, ret_path) && is_loopback(authority);
    *ret_path = str_from(url.ptr + v6.len, url.len - v6.len);
    return is_number(str_split(ret_path, '/'), 1, 65535) && consists_of(*ret_path, ".-_/");
}

enum cert_url cert_url_kind(struct str url)
{
    struct str authority, path;

    if (split(url, STR("https://"), &authority, &path))
        return is_sns_host(authority) && path.len > strlen(".pem") &&
                       str_ends_with(path, STR(".pem"))
                   ? CERT_URL_SNS
                   : CERT_URL_REFUSED;
    return split_local(url, &path) && str_ends_with(path, STR(".pem")) ? CERT_URL_LOCAL
                                                                       : CERT_URL_REFUSED;
}

struct str cert_url_host(struct str url)
{
    struct str rest = url;

    str_split(&rest, '/');
    str_split(&rest, '/');
    struct str authority = str_split(&rest, '/');
    return str_split(&authority, ':');
}

bool cert_url_is_issuers(struct str url)
{
    struct str authority, path;

    return split(url, STR("http://"), &authority, &path) && consists_of(authority, ".-") &&
           str_ends_with(authority, STR(".amazontrust.com")) && str_ends_with(path, STR(".cer"));
}
