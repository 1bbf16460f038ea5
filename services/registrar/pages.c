#include "services/registrar/pages.h"

#include "common/base/mem.h"

#define START_AGAIN                                                                                    \
    "open AWS Marketplace, choose “Manage subscriptions”, and then “Set up your account” for " \
    "this "                                                                                            \
    "product."

const struct page_row pages[PAGE_COUNT] = {
    [PAGE_SUBSCRIBE] = {"subscribe", 200, 0, true, "Set up your account",
                        "This page takes in new customers who come from AWS Marketplace.",
                        "If you have subscribed already, " START_AGAIN},
    [PAGE_TOKEN_MISSING] = {"token_missing", 400, 0, true, "We cannot tell what you bought",
                            "This page was opened without a registration from AWS Marketplace.",
                            "Please " START_AGAIN},
    [PAGE_TOKEN_AMBIGUOUS] = {"token_ambiguous", 400, 0, false, "We cannot tell what you bought",
                              "The registration that arrived here names more than one purchase.",
                              "Please " START_AGAIN},
    [PAGE_TOKEN_DEAD] = {"token_dead", 400, 0, false, "This registration is no longer valid",
                         "A registration from AWS Marketplace is valid for a short time only, and "
                         "this one has expired. Your subscription is not affected.",
                         "Please " START_AGAIN " You do not have to subscribe again."},
    [PAGE_TOKEN_UNKNOWN] = {"token_unknown", 400, 0, false, "We cannot tell what you bought",
                            "AWS Marketplace does not know the registration that arrived here: it "
                            "may have lost a part on its way. Your subscription is not affected.",
                            "Please " START_AGAIN " You do not have to subscribe again."},
    [PAGE_FOREIGN_PRODUCT] =
        {"foreign_product", 403, 0, false, "This product is not set up here",
         "Your registration is for a product that we do not know. Nothing "
         "about your purchase has been kept.",
         "Please go back to AWS Marketplace and follow the link of the product "
         "that you bought. If that led you here, please tell our support."},
    [PAGE_STORE_AWAY] = {"store_away", 503, 10, false, "We cannot register you at the moment",
                         "Our registration is being worked on. Your purchase is safe, and your "
                         "registration has not been used up.",
                         "Please try again in a minute: reload this page, or choose “Set up your "
                         "account” in AWS Marketplace once more."},
    [PAGE_AWS_AWAY] = {"aws_away", 503, 30, false, "AWS Marketplace does not answer at the moment",
                       "We asked AWS Marketplace about your purchase and got no answer. Your "
                       "purchase is safe.",
                       "Please try again in a minute: reload this page, or choose “Set up your "
                       "account” in AWS Marketplace once more."},
    [PAGE_AWS_REFUSED] =
        {"aws_refused", 502, 0, false, "We cannot register you at the moment",
         "AWS Marketplace did not let us look up your purchase. The fault is ours. "
         "Your purchase is safe.",
         "Please tell our support, and try again later."},
    [PAGE_BUSY] = {"busy", 503, 5, false, "Many customers are registering right now",
                   "Your registration has not been used up.",
                   "Please try again in a few seconds: reload this page."},
    [PAGE_TOO_OFTEN] = {"too_often", 429, 10, false, "Too many requests came from your network",
                        "Nothing was done with this one, and your registration has not been used "
                        "up.",
                        "Please wait a moment, then reload this page."},
    [PAGE_SESSION_MISSING] = {"session_missing", 403, 0, false, "Please come in again",
                              "This page was open for too long, or your browser does not keep "
                              "cookies for it. Nothing that you have sent is lost.",
                              "Please " START_AGAIN},
    [PAGE_REFERENCE_BAD] = {"reference_bad", 403, 0, false, "This link is no longer valid",
                            "The link to your registration works once and for a few minutes only.",
                            "Please " START_AGAIN},
    [PAGE_FORM_FORGED] = {"form_forged", 403, 0, false, "The form could not be accepted",
                          "It was not sent from the page that we gave you.",
                          "Please open your registration again and send the form from there."},
    [PAGE_RETURN_BAD] = {"return_bad", 400, 0, false, "Your account could not be linked",
                         "The link from the sign-up is not valid, or it has expired. Your "
                         "subscription is not affected.",
                         "Please go through the sign-up again, or tell our support."},
    [PAGE_LINKED] = {"linked", 200, 0, false, "Your account is ready",
                     "Your AWS Marketplace subscription now belongs to your account.",
                     "You can log in and start."},
    [PAGE_LINK_REFUSED] = {"link_refused", 409, 0, false, "Your account could not be linked",
                           "We do not know this subscription, or it belongs to another account "
                           "already.",
                           "Please tell our support."},
    [PAGE_NOT_FOUND] = {"not_found", 404, 0, true, "There is no such page",
                        "The address that was opened leads nowhere.", "Please " START_AGAIN},
    [PAGE_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405, 0, false, "This cannot be done here",
                                 "The page was asked in a way that it does not answer.",
                                 "Please " START_AGAIN},
    [PAGE_BAD_REQUEST] = {"bad_request", 400, 0, false, "The request could not be read",
                          "What arrived here is not a request that we understand.",
                          "Please " START_AGAIN},
    [PAGE_TOO_LARGE] = {"too_large", 413, 0, false, "This is too much at once",
                        "What was sent is larger than this page takes in.",
                        "Please shorten what you typed and send it again."},
    [PAGE_TIMEOUT] = {"timeout", 408, 0, false, "The request took too long",
                      "Your browser began a request and did not finish it in time.",
                      "Please reload this page."},
};

enum page page_of_status(int status)
{
    static const enum page server_pages[] = {PAGE_NOT_FOUND, PAGE_METHOD_NOT_ALLOWED,
                                             PAGE_TOO_LARGE, PAGE_TIMEOUT};

    for (size_t i = 0; i < sizeof(server_pages) / sizeof(server_pages[0]); i++) {
        if (pages[server_pages[i]].status == status)
            return server_pages[i];
    }
    return PAGE_BAD_REQUEST;
}

static void add_products(const struct site *site, struct values *values)
{
    for (size_t i = 0; i < site->settings->products.count; i++) {
        const struct settings_product *product = settings_product_at(site->settings, i);
        if (!product->subscribe_url[0])
            continue;
        struct values *item = values_add(values, "products");
        values_set_text(values, "has_products", "yes");
        values_set_text(item, "product_name", product->name[0] ? product->name : "AWS Marketplace");
        values_set_text(item, "subscribe_url", product->subscribe_url);
    }
}

void page_render(const struct site *site, enum page page, struct str trace, struct arena *arena,
                 struct buf *out)
{
    const struct page_row *row = &pages[page];
    struct values *values = site_values(site, arena);
    cleanup(mem_freep) char *own = mem_printf("%s.html", row->name);

    values_set_text(values, "title", row->title);
    values_set_text(values, "happened", row->happened);
    values_set_text(values, "advice", row->advice);
    if (page == PAGE_LINKED)
        values_set_text(values, "good", "yes");
    if (row->status >= 400)
        values_set(values, "trace", trace);
    if (row->how_to_subscribe)
        add_products(site, values);
    templates_render(site->templates, templates_has(site->templates, own) ? own : "message.html",
                     values, out);
}

void page_reply(const struct site *site, struct http_exchange *exchange, enum page page,
                struct str trace)
{
    struct arena *arena = http_exchange_arena(exchange);
    cleanup(buf_done) struct buf html = BUF_INIT;

    page_render(site, page, trace, arena, &html);
    if (pages[page].retry_after_s > 0)
        http_exchange_add_header(exchange, "Retry-After",
                                 arena_printf(arena, "%d", pages[page].retry_after_s));
    site_reply(site, exchange, pages[page].status, buf_str(&html));
}
