/* What a store does that knows less than AWS or than its followers: it is new, restored, or came
 * back older than it was. Every product is swept before anything else but buyers who wait; until
 * that is done, and AWS was asked about everything that the sweeps marked, the store says that it
 * is catching up, and followers that know more go on answering (proto/replica/follow.h).
 */
#ifndef SERVICES_STORE_WORK_CATCH_UP_H
#define SERVICES_STORE_WORK_CATCH_UP_H

#include "services/store/work/books.h"

/* Within the start's transaction: a new store catches up if it sweeps by itself, a restored one
 * always; one that did not finish begins anew. */
void catch_up_enter(const struct books *books, struct change *change, bool is_new,
                    bool is_restored);
/* Once due work can be marked. */
int catch_up_start(struct books *books, struct error *error);

/* What a checker says that it holds, compared with the books. */
enum catch_up_finding {
    CATCH_UP_KNOWN, /* nothing follows from it */
    CATCH_UP_OLDER, /* commits of this incarnation are not there any more */
    CATCH_UP_LESS,  /* it kept what it had of another incarnation */
};
enum catch_up_finding catch_up_compare(struct books *books,
                                       const struct announce_params *announced);
/* Begins what follows; its params are the announcement. An older store takes a new incarnation. */
work_fn catch_up_begin;

/* Of a sweep: AWS is to be asked about it before all is caught up. */
void catch_up_await(const struct books *books, struct change *change, struct str id);
/* After a commit. */
void catch_up_settle(struct books *books, const struct change *change);
/* Whether all is done; then catch_up_end() says so. */
bool catch_up_is_done(const struct books *books);
work_fn catch_up_end;

#endif
