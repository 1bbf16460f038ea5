/* Which handler answers which path and method. */
#include "services/registrar/routes.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/registrar/handlers.h"

/* A registration has AWS asked, and the store write. */
enum { REGISTRATION_COST = 10 };

struct route {
    const char *path; /* below base */
    visit_next_fn *get;
    visit_next_fn *post;
};

static const struct route routes[] = {
    {"", on_landing_get, on_landing_post},
    {"/", on_landing_get, on_landing_post},
    {"/registration", on_page_get, on_page_post},
    {"/registration/status", on_status_get, NULL},
    {"/return", on_return_get, NULL},
};

static const struct route *find_route(struct str path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (str_eq_text(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

static void answer_health(struct http_exchange *exchange, bool ready)
{
    struct str text = ready ? STR("ok\n") : STR("the store is away\n");

    http_exchange_add_header(exchange, "Cache-Control", STR("no-store"));
    http_exchange_reply(exchange, ready ? 200 : 503, "text/plain; charset=utf-8", text);
}

/* What needs no visit. True: answered. */
static bool answer_at_once(struct registrar *registrar, struct http_exchange *exchange,
                           struct str path)
{
    if (str_eq(path, STR("/healthz")))
        answer_health(exchange, true);
    else if (str_eq(path, STR("/readyz")))
        answer_health(exchange, rpc_client_connected(registrar->suite.store) &&
                                    registrar->keys.keys.count > 0);
    else if (str_eq(path, STR("/style.css")))
        site_reply_stylesheet(&registrar->site, exchange);
    else
        return false;
    return true;
}

static void add_forwarded(void *arg, struct str name, struct str value)
{
    struct buf *out = arg;

    if (!str_eq_nocase(name, STR("X-Forwarded-For")))
        return;
    if (out->len > 0)
        buf_append_text(out, ",");
    buf_append_str(out, value);
}

/* Said without addresses, which are personal data. */
static void count_limited(struct registrar *registrar)
{
    uint64_t since_last;

    registrar->limited++;
    if (once_a_minute(&registrar->limited_line, clock_mono_ms(), registrar->limited, &since_last))
        log_warning("requests beyond rate_limit are refused", LOG_INT("refused", since_last),
                    LOG_INT("refused_total", registrar->limited));
}

/* Unknown addresses are not limited: behind a proxy that does not tell callers apart, one would
 * have all refused. */
static bool is_within_rate(struct registrar *registrar, struct http_exchange *exchange,
                           int64_t cost)
{
    cleanup(buf_done) struct buf forwarded = BUF_INIT;
    struct ip caller;

    if (!registrar->rate_limit)
        return true;
    http_exchange_each_header(exchange, add_forwarded, &forwarded);
    if (!caller_find(&registrar->callers, http_exchange_peer(exchange), buf_str(&forwarded),
                     &caller) ||
        rate_limit_take(registrar->rate_limit, &caller, cost, clock_mono_ms()))
        return true;
    count_limited(registrar);
    return false;
}

static void refuse_method(struct visit *visit, const struct route *route)
{
    http_exchange_add_header(visit->exchange, "Allow",
                             route->post ? STR("GET, HEAD, POST") : STR("GET, HEAD"));
    visit_reply_page(visit, PAGE_METHOD_NOT_ALLOWED);
}

void on_request(void *arg, struct http_exchange *exchange)
{
    struct registrar *registrar = arg;
    struct str method = http_exchange_method(exchange);
    struct str path = site_path_below(&registrar->site, http_exchange_path(exchange));
    bool outside = !str_starts_with(http_exchange_path(exchange), registrar->site.base);
    bool get = str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));

    if (get && answer_at_once(registrar, exchange, outside ? http_exchange_path(exchange) : path))
        return;
    struct visit *visit = visit_begin(registrar, exchange);
    const struct route *route = outside ? NULL : find_route(path);
    bool registers = route && route->post == on_landing_post && !get;
    if (!is_within_rate(registrar, exchange, registers ? REGISTRATION_COST : 1))
        visit_reply_page(visit, PAGE_TOO_OFTEN);
    else if (registrar->draining)
        visit_reply_page(visit, PAGE_BUSY);
    else if (!route)
        visit_reply_page(visit, PAGE_NOT_FOUND);
    else if (get)
        route->get(visit);
    else if (route->post && str_eq(method, STR("POST")))
        route->post(visit);
    else
        refuse_method(visit, route);
}

/* Before the request is whole there is nothing but the status. */
void on_refused(void *arg, struct http_exchange *exchange, int status)
{
    struct registrar *registrar = arg;
    cleanup(buf_done) struct buf html = BUF_INIT;

    page_render(&registrar->site, page_of_status(status), STR_NONE, http_exchange_arena(exchange),
                &html);
    site_reply(&registrar->site, exchange, status, buf_str(&html));
}

bool is_trusted_proxy(void *arg, const struct ip *peer)
{
    const struct registrar *registrar = arg;

    return caller_is_proxy(&registrar->callers, peer);
}
