/* The hand-off to the vendor's own sign-up, and its return.
 *
 * Both are JSON Web Signatures (RFC 7515, compact form) with HS256 under a secret that vendor and
 * registrar share. The hand-off names the buyer; the return says which tenant of the vendor's that
 * became. Only HS256 and only our key id are ever accepted: what a header says about its own
 * verification is not believed.
 */
#ifndef SERVICES_REGISTRAR_HANDOFF_H
#define SERVICES_REGISTRAR_HANDOFF_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "proto/message.h"

enum { HANDOFF_LIFETIME_S = 300, HANDOFF_SKEW_S = 60 };

struct handoff_key {
    struct str id;
    struct str secret;
};

struct handoff {
    const struct subscription *subscription;
    enum state state;
    struct str issuer;     /* our public URL */
    struct str audience;   /* the vendor's sign-up URL */
    struct str return_url; /* where the signed return goes */
    int64_t now_s;
};

void handoff_sign(struct buf *out, const struct handoff_key *key, const struct handoff *handoff);

struct handoff_return {
    struct str subscription;
    struct str tenant;
};

/* 0, or -1 with why it is not believed. audience is our public URL. *ret lives in the arena. */
int handoff_return_verify(const struct handoff_key *key, struct str token, struct str audience,
                          int64_t now_s, struct arena *arena, struct handoff_return *ret,
                          struct error *error);

#endif
