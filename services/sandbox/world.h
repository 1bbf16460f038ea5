/* The sandbox's little world: who sells what, who bought it, what AWS would say of it.
 *
 * Data and look-ups only; market.h holds what buyers and sellers do, world_json.h how a world is
 * read and written. Texts live in the world's arena until the world is dropped.
 */
#ifndef SERVICES_SANDBOX_WORLD_H
#define SERVICES_SANDBOX_WORLD_H

#include <sys/queue.h>

#include "common/base/arena.h"
#include "common/base/map.h"
#include "services/sandbox/fields.h"

struct access_key {
    STAILQ_ENTRY(access_key) link;
    struct str id, secret;
    struct str session_token; /* temporary credentials carry one */
    struct str account, arn;
    int64_t expires_at; /* 0: never */
};

struct seller {
    STAILQ_ENTRY(seller) link;
    struct str account, name;
};

struct buyer {
    STAILQ_ENTRY(buyer) link;
    struct str account, name;
};

struct product {
    STAILQ_ENTRY(product) link;
    struct str code, id, title;
    struct str seller;     /* account */
    struct str queue;      /* name of the queue that its notifications reach */
    struct str generation; /* "new" or "legacy" */
    struct names dimensions;
    struct names usage_dimensions; /* metered, for contracts with consumption */
    bool concurrent;               /* a legacy listing opted in to concurrent agreements */
    bool raw_delivery;             /* SNS messages arrive without their envelope */
    bool documented_arn;           /* events spell the licence as AWS's printed samples do */
    bool documented_events;        /* agreement events are like the printed samples in the rest */
    bool empty_identifier;         /* new listings: ResolveCustomer says CustomerIdentifier "" */
    int64_t signature_version;     /* of SNS, 1 or 2 */
};

enum value_kind { VALUE_INTEGER, VALUE_DOUBLE, VALUE_BOOLEAN, VALUE_STRING };

struct value {
    enum value_kind kind;
    int64_t integer;
    double number;
    bool boolean;
    struct str text;
};

struct entitlement {
    struct str dimension;
    struct value value;
    int64_t expires_at; /* 0: the agreement's */
};

/* What GetEntitlements says of an agreement. */
struct grant {
    struct entitlement *list;
    size_t count;
    int64_t ends_at;
    bool listed;
};

struct agreement {
    STAILQ_ENTRY(agreement) link;
    struct product *product;
    struct str id, product_code, account, offer, intent, previous;
    struct str status; /* "ACTIVE", or how it ended */
    struct str license_arn, customer_identifier;
    int64_t accepted_at, starts_at, ended_at;
    int64_t accepted_ms;  /* the part of a second in which it was accepted and began */
    int64_t provision_at; /* when entitlements appear; 0: when calls_before is used up */
    int64_t calls_before; /* that many GetEntitlements are answered before they appear */
    int64_t expiry_lag_s; /* AWS ends it that long after its date; -1: never by itself */
    bool provisioned, free_trial, auto_renew;
    struct names lose; /* notices of this one that get lost on the way */
    struct grant now;
    struct grant before; /* as it was before the change numbered `changed` */
    uint64_t changed;
    struct agreement *same_license; /* an older one, which it renewed and kept the licence of */
};

struct token {
    STAILQ_ENTRY(token) link;
    struct str text;
    struct agreement *agreement;
    int64_t issued_at;
};

/* What BatchMeterUsage took. */
struct usage {
    STAILQ_ENTRY(usage) link;
    struct str id, product, account, license_arn, dimension;
    int64_t timestamp, quantity;
};

struct world {
    struct arena arena;
    struct str region;
    struct str registration_url; /* where a buyer's browser is sent */
    struct str base_url;         /* of this server; not part of a world file */
    int64_t quota_per_second;    /* GetEntitlements per account; 0: no quota */
    int64_t token_lifetime_s;
    int64_t expiry_lag_s;
    int64_t credentials_lifetime_s; /* of temporary credentials nobody gave a duration */
    struct str external_id;         /* that roles ask for; empty: none */
    struct str container_token;     /* Authorization that the container credentials ask for */
    uint64_t change;                /* number of the last change of any agreement */
    uint64_t settled_change;        /* the last that market_settle() has seen, ... */
    int64_t settle_at_s;            /* ... and when there is something for it to do after it */
    STAILQ_HEAD(, seller) sellers;
    STAILQ_HEAD(, access_key) keys;
    STAILQ_HEAD(, buyer) buyers;
    STAILQ_HEAD(, product) products;
    STAILQ_HEAD(, agreement) agreements;
    struct map *licenses; /* the newest agreement of each */
    STAILQ_HEAD(, token) tokens;
    STAILQ_HEAD(, usage) usage;
    STAILQ_HEAD(, metadata_token) metadata_tokens; /* credentials.c's; not part of a world file */
};

void world_init(struct world *world); /* empty, with default settings */
void world_done(struct world *world);

struct seller *world_seller(const struct world *world, struct str account);
struct access_key *world_key(const struct world *world, struct str id);
struct product *world_product(const struct world *world, struct str code);
struct agreement *world_agreement(const struct world *world, struct str id);
void world_add_agreement(struct world *world, struct agreement *agreement);
/* The newest of that licence. */
struct agreement *world_agreement_by_license(const struct world *world, struct str arn);
struct token *world_token(const struct world *world, struct str text);
struct buyer *world_buyer(struct world *world, struct str account); /* made if it is new */

bool product_is_legacy(const struct product *product);
/* Whether rows and ResolveCustomer show a licence. */
bool product_shows_license(const struct product *product);
bool agreement_is_active(const struct agreement *agreement);

/* A change of agreements begins; world_touch() then keeps what each one said before it. */
void world_begin_change(struct world *world);
void world_touch(struct world *world, struct agreement *agreement);

/* New names, in AWS's shapes; made of random characters, in the world's arena. */
struct str world_new_id(struct world *world, const char *prefix, size_t length);
struct str world_new_license(struct world *world);
struct str world_new_uuid(struct arena *arena);
struct str world_new_secret(struct world *world, size_t bytes); /* base64 */
/* Temporary credentials. */
struct access_key *world_new_key(struct world *world, struct str account, struct str arn,
                                 int64_t lifetime_s);
/* Ends all temporary credentials that have been given; how many. */
int64_t world_expire_keys(struct world *world);

#endif
