/* The answer: one pure function, shared by checker and client library. No clock, no I/O.
 *
 * The order of the rules is docs/protocol.md's, "How an answer is decided".
 */
#ifndef PROTO_DECIDE_DECIDE_H
#define PROTO_DECIDE_DECIDE_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "proto/record/record.h"

/* What a handle leads to, as a replica finds it. Successors are included whether or not the handle
 * names them itself, so that an old handle leads on. */
struct decide_facts {
    const struct subscription *const *subscriptions;
    size_t subscription_count;
    const struct override *const *overrides; /* for the handle or one of the subscriptions */
    size_t override_count;
};

struct decide_question {
    struct str handle;
    struct str dimension;
    double quantity;
    struct str product; /* empty: any, if the handle has only one */
    struct str license; /* empty: all; any spelling */
    int64_t max_age_ms; /* 0: the policy's stale_after_s */
};

/* ERROR_NONE and the answer, or ERROR_BAD_REQUEST with a sentence. Texts of the answer borrow from
 * the facts, lists of strings are in the arena. subscribe_url is the caller's to fill. */
enum rpc_error decide(const struct decide_question *question, const struct decide_facts *facts,
                      const struct policy *policy, int64_t now_s, struct arena *arena,
                      struct answer *ret_answer, struct error *error);

/* The one entitlement that an answer rests on, where nothing else has a say: it alone is of its
 * dimension in the only record of the handle, of the product asked about, without evidence of an
 * end, failed payment or successor; no override names any of them. */
struct decide_plain_fact {
    struct str subscription;
    int64_t verified_at;
    struct value value;
    int64_t expires_at;
};

/* What decide() answers to that, if it is simply yes: a number or a truth that is enough, before
 * its date. False: see decide(). */
bool decide_plain(const struct decide_question *question, const struct decide_plain_fact *fact,
                  const struct policy *policy, int64_t now_s, struct answer *ret_answer);

/* While a store that is new, restored or older than before catches up with AWS, there may be two
 * answers: by what was kept from before, and by what the store says now. Whether the former
 * counts: a word of an operator before everything, the newer of two; a yes of before; else what AWS
 * said last. */
bool decide_prefers_kept(const struct answer *kept, int64_t kept_word_at, const struct answer *now,
                         int64_t now_word_at);
/* When the latest override of the facts was made; 0: there is none. */
int64_t decide_latest_override_s(const struct decide_facts *facts);
/* Whether an answer stands although the store has been catching up since then: a yes, an operator's
 * word, or a refusal for which AWS was asked since. */
bool decide_is_known(const struct answer *answer, int64_t since_s);

/* Where to subscribe, for the answers that tell it (not_subscribed, ended): the page of the product
 * asked about, or of the only one there is. Empty: none. Borrows from products. */
struct str decide_subscribe_url(const struct answer *answer, const struct decide_question *question,
                                const struct decide_facts *facts,
                                const struct product_page *products, size_t product_count);

/* What stands behind it, for people: every subscription of the handle with its state and how each
 * entitlement counts. */
void decide_holdings(const struct decide_facts *facts, struct str product,
                     const struct policy *policy, int64_t now_s, struct arena *arena,
                     struct holding_list *ret_holdings);
/* Likewise, in the order of ids: no more than so many behind one. *ret_next is the last of them if
 * there are more. */
void decide_holdings_after(const struct decide_facts *facts, struct str product, struct str after,
                           size_t most, const struct policy *policy, int64_t now_s,
                           struct arena *arena, struct holding_list *ret_holdings,
                           struct str *ret_next);

#endif
