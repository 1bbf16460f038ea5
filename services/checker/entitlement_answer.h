/* What GetEntitlements is asked and what it answers, as JSON: pure functions, no I/O.
 *
 * Cites AWS's GetEntitlements API reference. Every member of a row may be missing; unknown members
 * are ignored; a value of an unknown kind makes a row without value, because the dimension is still
 * listed. A row that cannot be read is marked as such, and the others count. What contradicts the
 * form of the answer itself makes the whole call fail: half an answer must not pass for one.
 */
#ifndef SERVICES_CHECKER_ENTITLEMENT_ANSWER_H
#define SERVICES_CHECKER_ENTITLEMENT_ANSWER_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/json/json.h"
#include "proto/message.h"

/* GetEntitlements API reference: MaxResults is 25 at most. */
enum { ENTITLEMENT_PAGE_ROWS = 25 };

struct entitlement_question {
    struct str product_code;
    enum scope scope;       /* scope_none: the whole product */
    const struct str *keys; /* what it is filtered by: rows of any of them */
    size_t key_count;
    int64_t max_results;
    struct str next_token; /* empty: the first page */
};

void entitlement_question_write(const struct entitlement_question *question, struct buf *out);

/* All rows of the pages read so far; texts live in the arena. */
struct entitlement_rows {
    struct aws_entitlement *items;
    size_t count, capacity;
    size_t unreadable; /* of them */
    struct error why;  /* the first of those */
};

/* Adds a page's rows. *ret_next_token is empty after the last page. A row of another product than
 * asked for is unreadable too. */
int entitlement_page_read(const struct json *body, struct str product_code, struct arena *arena,
                          struct entitlement_rows *rows, struct str *ret_next_token,
                          struct error *error);

#endif
