/* Shared by the files of proto/decide: which records a question is about, and what they add up to.
 */
#ifndef PROTO_DECIDE_INTERNAL_H
#define PROTO_DECIDE_INTERNAL_H

#include "common/base/numbering.h"
#include "proto/decide/decide.h"

struct selection {
    const struct subscription *const *items;
    size_t count;
};

/* What becomes of records that succeed one. */
struct fate {
    bool active; /* one of them is served */
    bool over;   /* one of them was granted something and has ended */
};

struct heir {
    int64_t successor; /* among the facts; -1: none */
    int64_t walk;      /* the last one that came by; 0: none */
    bool settled;
    struct fate after; /* of its successors */
    struct fate from;  /* and of itself */
};

enum { LINEAGE_FEW = 8 };

/* The successions among the facts, found at the first question and once for all. */
struct lineage {
    const struct decide_facts *facts;
    const struct policy *policy;
    int64_t now_s;
    struct arena *arena;
    struct heir *heirs; /* one for each of the facts; NULL: not asked for yet */
    struct heir few[LINEAGE_FEW];
    /* Whom each id leads to, if there are more than a few. */
    struct bearer *bearers;
    struct numbering ids;
};

/* It must stay where it is. */
static inline void lineage_init(struct lineage *lineage, const struct decide_facts *facts,
                                const struct policy *policy, int64_t now_s, struct arena *arena)
{
    lineage->facts = facts;
    lineage->policy = policy;
    lineage->now_s = now_s;
    lineage->arena = arena;
    lineage->heirs = NULL;
}

const struct subscription *lineage_successor(struct lineage *lineage,
                                             const struct subscription *record);
/* The record's state, its successors considered. */
enum state lineage_state(struct lineage *lineage, const struct subscription *record);

bool decide_is_asked_about(const struct subscription *record,
                           const struct decide_question *question);
/* Those of the product and licence that the question names, with all their successors. Of several
 * products, only those that are more than announced, if any is. */
void decide_select(const struct decide_question *question, struct lineage *lineage,
                   struct selection *ret);
bool decide_has_several_products(const struct selection *selection);
/* Sets the sentence that names the products. */
enum rpc_error decide_refuse_several_products(const struct selection *selection,
                                              struct arena *arena, struct error *error);
/* Those that have not ended, successors considered. */
void decide_leave_out_ended(const struct selection *all, struct lineage *lineage,
                            struct selection *ret);
/* The override that answers, or NULL: for the handle, or for one of the records. */
const struct override *decide_override(const struct decide_question *question,
                                       const struct decide_facts *facts,
                                       const struct selection *records, int64_t now_s,
                                       struct arena *arena);

struct counted {
    const struct subscription *record;
    const struct entitlement *entitlement;
    enum counting counting;
};

/* The entitlements of one dimension: what counts, in an order that depends on the values alone, and
 * why the rest does not. */
struct tally {
    struct counted *items; /* in `few` if there is room */
    size_t count;
    struct counted few[2];
    int64_t subscriptions; /* so many records have one of them */
    enum counting worst;   /* of those that count */
    bool mixed;            /* values of different kinds count */
    bool unknown_kind;     /* something would count, but AWS's value was of no known kind */
    bool unverified, expired, pending;
};

void decide_tally(const struct selection *records, struct str dimension,
                  const struct policy *policy, int64_t now_s, struct arena *arena,
                  struct tally *ret);
/* What all those add up to that count at least as well as `worst`. VALUE_NONE: there are none,
 * or they are mixed. */
void decide_total(const struct tally *tally, enum counting worst, struct arena *arena,
                  struct value *ret);
bool decide_covers(const struct value *granted, double quantity);

#endif
