/* Amazon SNS as a queue sees it: an envelope around the message, signed with a key whose
 * certificate this server hands out. */
#ifndef SERVICES_SANDBOX_SNS_H
#define SERVICES_SANDBOX_SNS_H

#include "common/base/buf.h"
#include "common/json/json.h"
#include "services/sandbox/world.h"

struct sns {
    struct crypto_key *key;
    struct buf certificate; /* PEM */
    struct buf path;        /* where it is served */
};

void sns_init(struct sns *sns);
void sns_done(struct sns *sns);

/* topic: "entitlement" or "subscription". Appends the queue's message body. */
void sns_envelope(const struct sns *sns, const struct world *world, const struct product *product,
                  const char *topic, struct str message, struct buf *out);

#endif
