/* A visit: one HTTP request that is answered later, step by step.
 *
 * It ends when it is answered or when the browser goes away, whichever comes first; a call to the
 * store that is under way is given up with it.
 */
#ifndef SERVICES_REGISTRAR_VISIT_H
#define SERVICES_REGISTRAR_VISIT_H

#include "services/registrar/pages.h"
#include "services/registrar/reference.h"
#include "services/registrar/registrar.h"

typedef void visit_next_fn(struct visit *visit);
typedef void visit_done_fn(struct visit *visit, const struct rpc_response *response);

struct visit {
    LIST_ENTRY(visit) entry;
    LIST_ENTRY(visit) waiting; /* in the redemption's list */
    struct registrar *registrar;
    struct http_exchange *exchange;
    struct redemption *redemption;
    struct str trace;
    char trace_text[17];
    struct rpc_call *call;
    visit_done_fn *on_done;
    visit_next_fn *next;

    /* Gathered on the way; all in the exchange's arena. */
    struct str session_text; /* the cookie */
    struct reference session;
    bool keys_are_fresh;
    struct subscription *subscription;
    struct contact_result contact;
    struct form_answer *answers;
};

struct visit *visit_begin(struct registrar *registrar, struct http_exchange *exchange);
void visits_close(struct registrar *registrar);

/* One call to the store at a time. done is not called if the visit ends before. */
void visit_call(struct visit *visit, enum method_id method, const void *params, int64_t timeout_ms,
                visit_done_fn *done);
/* Goes on with next once there are signing keys; answers "store away" if there are none to be had.
 */
void visit_with_keys(struct visit *visit, visit_next_fn *next);
/* Verifies a reference. When it names a key that we do not have, the store may have made it since:
 * the keys are fetched once, next is called again, and false is returned meanwhile. */
bool visit_verify(struct visit *visit, const char *purpose, struct str text, visit_next_fn *next,
                  enum reference_verdict *ret_verdict, struct reference *ret);
/* Reads the session cookie into visit->session; false: it has been answered, or next will be
 * called again. */
bool visit_need_session(struct visit *visit, visit_next_fn *next);
bool visit_has_session(const struct visit *visit); /* of whatever subscription; looks, no more */

/* The answers; the visit is gone afterwards. */
void visit_reply_page(struct visit *visit, enum page page);
void visit_reply_html(struct visit *visit, int status, struct str html);
void visit_reply_framed(struct visit *visit, struct str html);
void visit_redirect(struct visit *visit, struct str url);
/* The page of a store call that failed, logged. */
void visit_reply_failure(struct visit *visit, const struct rpc_response *response);

#endif
