#include "proto/settings/settings_check.h"

#include <string.h>

#include "common/aws/arn/arn.h"
#include "common/base/ip.h"
#include "proto/settings/settings.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool consists_of(struct str value, const char *others)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!is_digit(c) && !is_letter(c) && !strchr(others, c))
            return false;
    }
    return true;
}

static bool is_number(struct str value, int64_t min, int64_t max)
{
    int64_t number;

    return str_to_i64(value, &number) && number >= min && number <= max;
}

static bool is_path(struct str value)
{
    return value.ptr[0] == '/';
}

const struct config_form form_path = {.allowed = "an absolute path", .matches = is_path};

static bool is_certificate(struct str value)
{
    enum { LONGEST_PATH = 240 };

    return is_path(value) && str_ends_with(value, STR(".cert")) && value.len <= LONGEST_PATH;
}

const struct config_form form_certificate = {
    .allowed = "an absolute path that ends in .cert (240 characters at most)",
    .matches = is_certificate};

static bool is_email(struct str value)
{
    struct str domain = value;
    struct str local = str_split(&domain, '@');

    return local.len > 0 && domain.len > 0 && !memchr(domain.ptr, '@', domain.len) &&
           !memchr(value.ptr, ' ', value.len);
}

const struct config_form form_email = {.allowed = "an e-mail address", .matches = is_email};

/* Takes scheme and "://" off the front. */
static bool skip_scheme(struct str *url, const char *scheme)
{
    size_t len = strlen(scheme);

    if (url->len < len || !str_eq_nocase(str_from(url->ptr, len), str_of(scheme)) ||
        !str_starts_with(str_from(url->ptr + len, url->len - len), STR("://")))
        return false;
    *url = str_from(url->ptr + len + 3, url->len - len - 3);
    return true;
}

/* Host, colon, port: everything up to the path. */
static struct str authority_of(struct str rest)
{
    size_t len = 0;

    while (len < rest.len && !strchr("/?#", rest.ptr[len]))
        len++;
    return str_from(rest.ptr, len);
}

/* "host" or "[::1]", with or without ":port"; a user in front would hide the host. */
static bool split_authority(struct str authority, struct str *ret_host, struct str *ret_port)
{
    const char *bracket = memchr(authority.ptr, ']', authority.len);
    size_t host_end = bracket ? (size_t)(bracket - authority.ptr) + 1 : 0;

    while (host_end < authority.len && authority.ptr[host_end] != ':')
        host_end++;
    *ret_host = str_from(authority.ptr, host_end);
    *ret_port = STR_NONE;
    if (host_end < authority.len)
        *ret_port = str_from(authority.ptr + host_end + 1, authority.len - host_end - 1);
    if (bracket && authority.ptr[0] == '[')
        return consists_of(str_from(authority.ptr + 1, host_end - 2), ":.");
    return host_end > 0 && consists_of(*ret_host, "-._");
}

/* An IPv4 address of 127.0.0.0/8; a name may begin like one. */
static bool is_loopback_address(struct str host)
{
    for (int part = 0; part < 4; part++) {
        struct str number = str_split(&host, '.');
        if (!is_number(number, 0, 255) || (part == 0 && !str_eq_text(number, "127")))
            return false;
    }
    return host.len == 0;
}

static bool is_loopback(struct str host)
{
    return is_loopback_address(host) || str_eq_text(host, "[::1]") ||
           str_eq_nocase(host, STR("localhost"));
}

static bool is_visible(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] <= ' ' || strchr("\"<>\\^`{|}\x7f", value.ptr[i]))
            return false;
    }
    return true;
}

/* True for a well-formed address with the scheme; *ret_host is its host. */
static bool is_url(struct str value, const char *scheme, struct str *ret_host)
{
    struct str rest = value;
    struct str port;

    if (!is_visible(value) || !skip_scheme(&rest, scheme))
        return false;
    struct str authority = authority_of(rest);
    return authority.len > 0 && split_authority(authority, ret_host, &port) &&
           (!port.ptr || is_number(port, 1, 65535));
}

static bool is_web_url(struct str value)
{
    struct str host;

    return is_url(value, "https", &host) || is_url(value, "http", &host);
}

const struct config_form form_web_url = {.allowed = "an address like https://example.com/",
                                         .matches = is_web_url};

static bool is_aws_url(struct str value)
{
    struct str host;

    return is_url(value, "https", &host) || (is_url(value, "http", &host) && is_loopback(host));
}

const struct config_form form_aws_url = {.allowed = "an https address (http only to this host)",
                                         .matches = is_aws_url};

static bool is_ipc(struct str value)
{
    /* A sockaddr_un holds no more; libzmq would refuse it only when binding. */
    enum { LONGEST_PATH = 107 };

    return skip_scheme(&value, "ipc") && value.len > 1 && value.len <= LONGEST_PATH &&
           value.ptr[0] == '/';
}

static bool is_tcp(struct str value)
{
    struct str host, port;

    if (!skip_scheme(&value, "tcp") || value.len == 0)
        return false;
    if (str_starts_with(value, STR("*:")))
        return is_number(str_from(value.ptr + 2, value.len - 2), 1, 65535);
    return split_authority(value, &host, &port) && port.ptr && is_number(port, 1, 65535);
}

static bool is_endpoint(struct str value)
{
    return is_ipc(value) || is_tcp(value);
}

const struct config_form form_endpoint = {
    .allowed = "ipc:///PATH (107 characters at most) or tcp://HOST:PORT", .matches = is_endpoint};

static bool is_account(struct str value)
{
    bool digits = value.len == 12;

    for (size_t i = 0; i < value.len; i++)
        digits = digits && is_digit(value.ptr[i]);
    return digits;
}

const struct config_form form_account = {.allowed = "the 12 digits of an AWS account",
                                         .matches = is_account};

/* "arn:aws:iam::111122223333:role/path/name" */
static bool is_role(struct str value)
{
    struct arn arn;

    return arn_split(value, &arn) && str_starts_with(arn.partition, STR("aws")) &&
           str_eq_text(arn.service, "iam") && arn.region.len == 0 && is_account(arn.account) &&
           arn_resource_name(&arn, STR("role/")).len > 0 && consists_of(arn.resource, "_+=,.@-/");
}

const struct config_form form_role = {.allowed = "an ARN like arn:aws:iam::111122223333:role/name",
                                      .matches = is_role};

/* "arn:aws:sns:us-east-1:287250355862:name" */
static bool is_topic(struct str value)
{
    struct arn arn;

    return arn_split(value, &arn) && str_starts_with(arn.partition, STR("aws")) &&
           str_eq_text(arn.service, "sns") && arn.region.len > 0 && consists_of(arn.region, "-") &&
           is_account(arn.account) && arn.resource.len > 0 && consists_of(arn.resource, "-_.");
}

const struct config_form form_topic = {
    .allowed = "an ARN like arn:aws:sns:us-east-1:111122223333:topic", .matches = is_topic};

/* The pattern of ProductCode in the ResolveCustomer API reference. */
static bool is_product_code(struct str value)
{
    return value.len <= 255 && consists_of(value, "-/=:_.@");
}

const struct config_form form_product_code = {.allowed = "a product code of AWS Marketplace",
                                              .matches = is_product_code};

static const char *const work_classes[] = {"registration", "notification", "max_age",
                                           "expiry",       "pending",      "sweep"};

static bool is_share(struct str value)
{
    struct str percent = value;
    struct str work_class = str_split(&percent, ':');

    for (size_t i = 0; i < sizeof(work_classes) / sizeof(work_classes[0]); i++) {
        if (str_eq_text(work_class, work_classes[i]))
            return is_number(percent, 0, 100);
    }
    return false;
}

const struct config_form form_share = {
    .allowed = "CLASS:PERCENT (registration, notification, max_age, expiry, pending, sweep)",
    .matches = is_share};

static bool is_colour(struct str value)
{
    bool good = value.ptr[0] == '#' && (value.len == 4 || value.len == 7);

    for (size_t i = 1; i < value.len; i++)
        good = good && strchr("0123456789abcdefABCDEF", value.ptr[i]);
    return good;
}

const struct config_form form_colour = {.allowed = "a colour like #1f4b99", .matches = is_colour};

static bool is_field(struct str value)
{
    struct settings_form_field ignored;

    return settings_form_field(value, &ignored, NULL) == 0;
}

const struct config_form form_field = {
    .allowed = "NAME:TYPE or NAME:TYPE:required (text, tel, email, url, tenant)",
    .matches = is_field};

static bool is_network(struct str value)
{
    struct ip_network ignored;

    return ip_network_parse(value, &ignored);
}

const struct config_form form_network = {.allowed = "an address or network like 10.0.0.0/8",
                                         .matches = is_network};

static int check_shares(const struct settings *s, struct error *error)
{
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof(work_classes) / sizeof(work_classes[0]); i++)
        sum += settings_quota_share(s, str_of(work_classes[i]));
    return sum <= 100
               ? 0
               : error_set(error, "[store] quota_reserved adds up to %lld percent", (long long)sum);
}

static int check_products(const struct settings *s, struct error *error)
{
    for (size_t i = 0; i < s->products.count; i++) {
        const struct settings_product *product = settings_product_at(s, i);
        const struct settings_product *first = settings_product_by_code(s, str_of(product->code));
        if (first != product)
            return error_set(error, "[product %s] and [product %s] have the same code",
                             first->label, product->label);
    }
    return 0;
}

static int check_registrar(const struct settings_registrar *r, struct error *error)
{
    if (r->tls_certificate_file[0] && !r->tls_key_file[0])
        return error_set(error, "[registrar] tls_certificate_file needs tls_key_file");
    if (r->tls_key_file[0] && !r->tls_certificate_file[0])
        return error_set(error, "[registrar] tls_key_file needs tls_certificate_file");
    if (strcmp(r->mode, "redirect") == 0 && !r->sign_up_url[0])
        return error_set(error, "[registrar] mode redirect needs sign_up_url");
    return 0;
}

static int check_queues(const struct settings *s, struct error *error)
{
    for (size_t i = 0; i < s->queues.count; i++) {
        const struct settings_queue *queue = settings_queue_at(s, i);
        if (queue->local_certificates && !str_starts_with(str_of(queue->url), STR("http://")))
            return error_set(error, "[queue %s] local_certificates is for a queue on this machine",
                             queue->label);
    }
    return 0;
}

static int check_certificates(const struct settings_entitled *e, struct error *error)
{
    size_t over_tcp = 0;

    for (size_t i = 0; i < e->checker_endpoints.count; i++)
        over_tcp += is_tcp(str_of(e->checker_endpoints.items[i]));
    if (e->checker_certificates.count > 1 && e->checker_certificates.count != over_tcp)
        return error_set(error,
                         "[entitled] checker_certificates has %zu for %zu TCP endpoints in "
                         "checker_endpoints; one for all, or one for each",
                         e->checker_certificates.count, over_tcp);
    return 0;
}

int settings_check_all(const void *settings, struct error *error)
{
    const struct settings *s = settings;

    if (check_shares(s, error) != 0 || check_products(s, error) != 0 ||
        check_queues(s, error) != 0 || check_certificates(&s->entitled, error) != 0)
        return -1;
    return check_registrar(&s->registrar, error);
}
