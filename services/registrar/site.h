/* What every page of this registrar shares, worked out once from the settings: addresses, headers,
 * name and colours, templates, the form. */
#ifndef SERVICES_REGISTRAR_SITE_H
#define SERVICES_REGISTRAR_SITE_H

#include "common/http/server/http_server.h"
#include "proto/settings/settings.h"
#include "services/registrar/form_fields.h"
#include "services/registrar/templates.h"

struct site {
    struct arena arena;
    const struct settings *settings;
    struct templates *templates;
    struct form form;
    struct str public_url;    /* as set */
    struct str path;          /* of public_url, where AWS Marketplace posts to: "/", "/aws" */
    struct str base;          /* what our other paths begin with: "", "/aws" */
    struct str page_url;      /* absolute: the registration page */
    struct str return_url;    /* absolute: where the vendor's sign-up sends the buyer back to */
    struct str policy;        /* Content-Security-Policy */
    struct str framed_policy; /* of what one of our pages shows in a frame */
    struct str stylesheet;
    const char *cookie_name;
    bool secure; /* buyers come by https */
};

/* listening_url stands in for public_url where none is set. -1 names what is wrong. */
int site_open(struct site *site, const struct settings *settings, const char *listening_url,
              struct error *error);
void site_close(struct site *site);

/* Everything that --check-config can tell without opening anything. */
int site_check(const struct settings *settings, struct error *error);

/* Values that every template may use. */
struct values *site_values(const struct site *site, struct arena *arena);

/* The path below base, "/registration", or empty if it is not below it. */
struct str site_path_below(const struct site *site, struct str path);

/* Answers with a page and the headers that every page of ours has: nothing is kept, framed, sniffed
 * or told to the next site, and nothing but our own stylesheet and logo is loaded. */
void site_reply(const struct site *site, struct http_exchange *exchange, int status,
                struct str html);
void site_reply_framed(const struct site *site, struct http_exchange *exchange, struct str html);
void site_redirect(const struct site *site, struct http_exchange *exchange, struct str url);
void site_reply_stylesheet(const struct site *site, struct http_exchange *exchange);
void site_set_cookie(const struct site *site, struct http_exchange *exchange, struct str value,
                     int64_t lifetime_s);

#endif
