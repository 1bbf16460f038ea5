/* Which record a key leads to, and when two records are one (docs/architecture.md, "Identity").
 *
 * The licence names a subscription; on legacy listings the customer identifier does; failing both,
 * the account. A record learnt under one key gains the others. Different licences never merge.
 */
#ifndef SERVICES_STORE_RULES_IDENTITY_H
#define SERVICES_STORE_RULES_IDENTITY_H

#include "services/store/tables/ids.h"
#include "services/store/work/books.h"

/* What AWS gave in one breath; empty: nothing. */
struct keys {
    struct str product_code;
    struct str license_arn; /* as ResolveCustomer or GetEntitlements gave it */
    struct str license_key;
    struct str customer_identifier;
    struct str account_id;
};

/* Of the product (empty: of any); false: unknown. */
bool identity_by_license(struct db *db, struct str product_code, struct str license_key,
                         struct arena *arena, struct subscription *ret);
/* The record that has the licence, by AWS's own answer to a registration or to GetEntitlements, as
 * one of another product. An event may name the wrong product; those answers do not. */
bool identity_of_other_product(struct db *db, const struct keys *keys, struct arena *arena,
                               struct subscription *ret);
/* The unlicensed record that the keys' identifier names; false: there is none. */
bool identity_by_identifier(struct db *db, const struct keys *keys, struct arena *arena,
                            struct subscription *ret);
/* The unlicensed record that the keys' identifier names, else the only one that the account
 * names, and that contradicts none of the keys. */
bool identity_unlicensed(struct db *db, const struct keys *keys, struct arena *arena,
                         struct subscription *ret);
/* The record that a registration is about; false: a new one. */
bool identity_of_registration(struct db *db, const struct keys *keys, struct arena *arena,
                              struct subscription *ret);

/* Takes out what two rows of one subscription do not agree on: it is not known which of it is true.
 */
void identity_agree(struct keys *keys, const struct keys *with);
bool identity_contradicts(const struct subscription *record, const struct keys *keys);
/* Whether each is linked to a tenant, and these are two. */
bool identity_tenants_differ(const struct subscription *a, const struct subscription *b);
/* Fills what the record does not know; with a licence's spelling from AWS's answers, it is
 * corrected too. */
void identity_learn(struct subscription *record, const struct keys *keys);
/* A new record with the keys; not written. */
struct subscription identity_new(const struct keys *keys);

/* `gone` and `survivor` are one: the survivor, changed in place and written, keeps both ids as
 * handles, and whatever only the other had: registration, tenant, contact, overrides, due work. */
void identity_merge(struct change *change, struct subscription *survivor,
                    const struct subscription *gone);

/* AWS's own answer gave the survivor its licence: what an event alone made known of it as another
 * product's goes into the survivor, all but what was announced of it. False: there was nothing. */
bool identity_take_in_unestablished(struct change *change, struct subscription *survivor);

/* Links two records of which the second renews or replaces the first. False: one of them is linked
 * already. Both are changed in place and written. */
bool identity_succeed(struct change *change, struct subscription *predecessor,
                      struct subscription *successor);
/* The same where AWS names the two: what either was linked to by inference is parted from it. Adds
 * the ids of all that changed. */
void identity_succeed_as_announced(struct change *change, struct subscription *predecessor,
                                   struct subscription *successor, struct ids *changed);
/* Nothing renews or replaces it after all: *predecessor is changed in place and not written, what
 * was its successor is written and added. */
void identity_part(struct change *change, struct subscription *predecessor, struct ids *changed);

#endif
