/* The signature of an SNS envelope ("Verifying the signatures of Amazon SNS messages", SNS
 * developer guide): what it is over, and whether it holds. Pure. */
#ifndef SERVICES_POLLER_SIGNATURE_H
#define SERVICES_POLLER_SIGNATURE_H

#include "common/base/arena.h"
#include "common/crypto/crypto.h"

struct signature {
    struct str certificate_url;
    enum crypto_digest digest;
    struct str text;
    struct str bytes;
};

/* The envelope of a notification. -1 with the reason if it cannot have been signed by SNS, whatever
 * the certificate says. Texts live in the arena. */
int signature_read(struct str body, struct arena *arena, struct signature *ret,
                   struct error *error);
bool signature_holds(const struct signature *signature,
                     const struct crypto_certificate *certificate);

#endif
