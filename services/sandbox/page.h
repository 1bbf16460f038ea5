/* The page at GET /: a person buys, changes, renews, replaces, cancels and lets expire, and sets up
 * the account at the seller as a buyer's browser does. Plain forms, no script. */
#ifndef SERVICES_SANDBOX_PAGE_H
#define SERVICES_SANDBOX_PAGE_H

#include "services/sandbox/sandbox.h"

/* Appends the page of the world; said is shown above it (empty: nothing). */
void page_write_world(const struct sandbox *sandbox, const char *title, struct str said,
                      struct buf *out);
/* Appends the page from which the buyer's browser goes to the seller. */
void page_write_registration(const struct sandbox *sandbox, const struct agreement *agreement,
                             const struct token *token, struct buf *out);

/* Answers "/" and "/_sandbox/page/..."; false if the path is somebody else's. */
bool page_handle(struct sandbox *sandbox, struct http_exchange *exchange);

#endif
