#include "services/registrar/site.h"

#include <string.h>

#include "services/registrar/colour.h"

/* entitled_embed() makes it of the folder templates/. */
extern const struct embedded_file registrar_templates[];

struct url_parts {
    struct str origin; /* "https://example.com" */
    struct str path;   /* "/aws", at least "/" */
};

static struct url_parts split_url(struct str url)
{
    struct str rest = url;

    for (size_t i = 0; i < url.len && (url.ptr[i] != '?' && url.ptr[i] != '#'); i++)
        rest.len = i + 1;
    const char *host = memmem(rest.ptr, rest.len, "://", 3);
    size_t start = host ? (size_t)(host - rest.ptr) + 3 : 0;
    const char *slash = memchr(rest.ptr + start, '/', rest.len - start);
    size_t origin = slash ? (size_t)(slash - rest.ptr) : rest.len;
    struct str path = slash ? str_from(slash, rest.len - origin) : STR("/");

    return (struct url_parts){str_from(rest.ptr, origin), path};
}

static bool is_loopback(const char *address)
{
    return str_starts_with(str_of(address), STR("127.")) || strcmp(address, "::1") == 0;
}

static int check_exposure(const struct settings_registrar *r, struct error *error)
{
    if (!r->tls_certificate_file[0] && !is_loopback(r->address))
        return error_set(error,
                         "[registrar] address %s would take registration tokens in the clear: set "
                         "tls_certificate_file, or listen on loopback behind a proxy that ends TLS",
                         r->address);
    if (!r->public_url[0] && !is_loopback(r->address))
        return error_set(
            error, "[registrar] needs public_url, the address at which buyers reach this page");
    return 0;
}

/* RFC 7518, section 3.2: a key for HS256 has at least as many bits as its hash. */
static int check_handoff(const struct settings_registrar *r, struct error *error)
{
    if (strcmp(r->mode, "redirect") == 0 && strlen(r->sign_up_secret) < 32)
        return error_set(error, "[registrar] mode redirect needs a sign_up_secret of at least 32 "
                                "bytes (is its file there, and readable?)");
    if (r->sign_up_secret[0] && strlen(r->sign_up_secret) < 32)
        return error_set(error, "[registrar] sign_up_secret needs at least 32 bytes");
    return 0;
}

int site_check(const struct settings *settings, struct error *error)
{
    struct arena arena = ARENA_INIT;
    struct form form;

    if (check_exposure(&settings->registrar, error) != 0 ||
        check_handoff(&settings->registrar, error) != 0)
        return -1;
    if (settings->products.count == 0)
        return error_set(error, "there is no [product LABEL] section: name your products");
    int err = form_build(&form, &settings->registrar.form_fields, &arena, error);
    arena_done(&arena);
    return err;
}

static void set_addresses(struct site *site, struct str url)
{
    struct url_parts parts = split_url(url);
    struct str base = parts.path;

    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    site->public_url = arena_str(&site->arena, url);
    site->path = arena_str(&site->arena, parts.path);
    site->base = arena_str(&site->arena, base);
    site->page_url = arena_printf(&site->arena, STR_FMT STR_FMT "/registration",
                                  STR_ARG(parts.origin), STR_ARG(base));
    site->return_url =
        arena_printf(&site->arena, STR_FMT STR_FMT "/return", STR_ARG(parts.origin), STR_ARG(base));
    site->secure = str_starts_with(url, STR("https://"));
    /* RFC 6265bis, section 4.1.3: browsers hold a cookie of such a name to be Secure, and one of
     * __Host- to be of this very host and of Path=/, so that no other subdomain can set it. */
    site->cookie_name = !site->secure        ? "entitled"
                        : site->base.len > 0 ? "__Secure-entitled"
                                             : "__Host-entitled";
}

static struct str content_policy(struct site *site, const char *frame_ancestors)
{
    struct str logo = str_of(site->settings->registrar.logo_url);
    struct str origin = logo.len > 0 ? split_url(logo).origin : STR_NONE;

    return arena_printf(&site->arena,
                        "default-src 'none'; style-src 'self'; img-src 'self' " STR_FMT
                        "; frame-src 'self'; form-action 'self'; frame-ancestors %s; "
                        "base-uri 'none'",
                        STR_ARG(origin), frame_ancestors);
}

static void render_stylesheet(struct site *site)
{
    struct colour colour = {0};
    char text[COLOUR_TEXT_SIZE];
    struct buf css = BUF_INIT;
    struct values *values = values_new(&site->arena);

    if (colour_parse(str_of(site->settings->registrar.colour), &colour) == 0)
        colour = colour_readable_on_white(colour);
    values_set_text(values, "colour", colour_format(colour, text));
    templates_render(site->templates, "style.css", values, &css);
    site->stylesheet = arena_str(&site->arena, buf_str(&css));
    buf_done(&css);
}

int site_open(struct site *site, const struct settings *settings, const char *listening_url,
              struct error *error)
{
    const struct settings_registrar *r = &settings->registrar;

    *site = (struct site){.settings = settings};
    if (form_build(&site->form, &r->form_fields, &site->arena, error) != 0 ||
        templates_load(&site->templates, registrar_templates, r->template_directory, error) != 0)
        return -1;
    set_addresses(site, str_of(r->public_url[0] ? r->public_url : listening_url));
    site->policy = content_policy(site, "'none'");
    site->framed_policy = content_policy(site, "'self'");
    render_stylesheet(site);
    return 0;
}

void site_close(struct site *site)
{
    templates_free(site->templates);
    arena_done(&site->arena);
    *site = (struct site){0};
}

struct values *site_values(const struct site *site, struct arena *arena)
{
    const struct settings *settings = site->settings;
    struct values *values = values_new(arena);
    const char *name = settings->registrar.vendor_name;

    values_set_text(values, "vendor_name", name[0] ? name : "AWS Marketplace registration");
    values_set_text(values, "logo_url", settings->registrar.logo_url);
    values_set_text(values, "login_url", settings->registrar.login_url);
    values_set_text(values, "next_step", settings->registrar.next_step);
    values_set_text(values, "support_email", settings->entitled.support_email);
    values_set_text(values, "support_url", settings->entitled.support_url);
    values_printf(values, "stylesheet_url", STR_FMT "/style.css", STR_ARG(site->base));
    values_printf(values, "page_path", STR_FMT "/registration", STR_ARG(site->base));
    return values;
}

struct str site_path_below(const struct site *site, struct str path)
{
    if (!str_starts_with(path, site->base))
        return STR_NONE;
    return str_from(path.ptr + site->base.len, path.len - site->base.len);
}

static void add_headers(const struct site *site, struct http_exchange *exchange, struct str policy)
{
    /* RFC 6797. Behind a proxy it is the proxy that knows what else the host serves. */
    if (site->settings->registrar.tls_certificate_file[0])
        http_exchange_add_header(exchange, "Strict-Transport-Security", STR("max-age=31536000"));
    http_exchange_add_header(exchange, "Content-Security-Policy", policy);
    http_exchange_add_header(exchange, "X-Content-Type-Options", STR("nosniff"));
    http_exchange_add_header(exchange, "Referrer-Policy", STR("no-referrer"));
    http_exchange_add_header(exchange, "Cross-Origin-Opener-Policy", STR("same-origin"));
    http_exchange_add_header(exchange, "Permissions-Policy",
                             STR("camera=(), geolocation=(), microphone=()"));
}

static void reply(const struct site *site, struct http_exchange *exchange, int status,
                  struct str html, struct str policy)
{
    add_headers(site, exchange, policy);
    http_exchange_add_header(exchange, "Cache-Control", STR("no-store"));
    http_exchange_reply(exchange, status, "text/html; charset=utf-8", html);
}

void site_reply(const struct site *site, struct http_exchange *exchange, int status,
                struct str html)
{
    reply(site, exchange, status, html, site->policy);
}

void site_reply_framed(const struct site *site, struct http_exchange *exchange, struct str html)
{
    reply(site, exchange, 200, html, site->framed_policy);
}

/* RFC 9110, section 15.4.4: whatever the request was, the next one is a GET. */
void site_redirect(const struct site *site, struct http_exchange *exchange, struct str url)
{
    add_headers(site, exchange, site->policy);
    http_exchange_add_header(exchange, "Cache-Control", STR("no-store"));
    http_exchange_add_header(exchange, "Location", url);
    http_exchange_reply(exchange, 303, "text/plain; charset=utf-8", STR("See other.\n"));
}

void site_reply_stylesheet(const struct site *site, struct http_exchange *exchange)
{
    add_headers(site, exchange, site->policy);
    http_exchange_add_header(exchange, "Cache-Control", STR("public, max-age=300"));
    http_exchange_reply(exchange, 200, "text/css; charset=utf-8", site->stylesheet);
}

void site_set_cookie(const struct site *site, struct http_exchange *exchange, struct str value,
                     int64_t lifetime_s)
{
    struct str path = site->base.len > 0 ? site->base : STR("/");
    struct str cookie =
        arena_printf(http_exchange_arena(exchange),
                     "%s=" STR_FMT "; Path=" STR_FMT "; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                     site->cookie_name, STR_ARG(value), STR_ARG(path), (long long)lifetime_s,
                     site->secure ? "; Secure" : "");

    http_exchange_add_header(exchange, "Set-Cookie", cookie);
}
