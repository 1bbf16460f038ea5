/* The pages: what each says, with which status, and the registration page itself. */
#ifndef SERVICES_REGISTRAR_PAGES_H
#define SERVICES_REGISTRAR_PAGES_H

#include "proto/message.h"
#include "services/registrar/site.h"

enum page {
    PAGE_SUBSCRIBE,
    PAGE_TOKEN_MISSING,
    PAGE_TOKEN_AMBIGUOUS,
    PAGE_TOKEN_DEAD,
    PAGE_TOKEN_UNKNOWN,
    PAGE_FOREIGN_PRODUCT,
    PAGE_STORE_AWAY,
    PAGE_AWS_AWAY,
    PAGE_AWS_REFUSED,
    PAGE_BUSY,
    PAGE_TOO_OFTEN,
    PAGE_SESSION_MISSING,
    PAGE_REFERENCE_BAD,
    PAGE_FORM_FORGED,
    PAGE_RETURN_BAD,
    PAGE_LINKED,
    PAGE_LINK_REFUSED,
    PAGE_NOT_FOUND,
    PAGE_METHOD_NOT_ALLOWED,
    PAGE_BAD_REQUEST,
    PAGE_TOO_LARGE,
    PAGE_TIMEOUT,
    PAGE_COUNT
};

struct page_row {
    const char *name; /* its own template is NAME.html, if there is one */
    int status;
    int retry_after_s; /* 0: asking again does not help */
    bool how_to_subscribe;
    const char *title;
    const char *happened;
    const char *advice;
};

extern const struct page_row pages[PAGE_COUNT];

/* The page of an HTTP status that the server itself answers with. */
enum page page_of_status(int status);

/* Appends the page. trace helps support to find the lines in the log; may be empty. */
void page_render(const struct site *site, enum page page, struct str trace, struct arena *arena,
                 struct buf *out);
void page_reply(const struct site *site, struct http_exchange *exchange, enum page page,
                struct str trace);

/* The registration page. */
struct registration_view {
    const struct subscription *subscription;
    enum state state;
    const struct contact_result *contact; /* what was typed before; never NULL */
    struct str form_word;
    bool show_form;                    /* else the thanks, with what was typed */
    const struct form_answer *answers; /* of site->form, when it was sent and is shown again */
};

void registration_render(const struct site *site, const struct registration_view *view,
                         struct arena *arena, struct buf *out);
/* The small page within the page of a pending subscription, which says how far AWS is. It alone
 * loads itself again: the page around it keeps what is typed, and where the buyer is. */
void registration_status_render(const struct site *site, enum state state, bool beside_form,
                                struct arena *arena, struct buf *out);

/* "23 November 2026", UTC. */
#define PAGE_DATE_SIZE 32
const char *page_format_date(int64_t time_s, char text[PAGE_DATE_SIZE]);

#endif
