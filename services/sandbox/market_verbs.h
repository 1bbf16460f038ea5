/* The verbs of buyers: buying, changing, renewing, ending. */
#ifndef SERVICES_SANDBOX_MARKET_VERBS_H
#define SERVICES_SANDBOX_MARKET_VERBS_H

#include "services/sandbox/sandbox.h"

int verb_buy(struct sandbox *sandbox, const struct json *ask, struct json *reply,
             struct error *error);
int verb_token(struct sandbox *sandbox, const struct json *ask, struct json *reply,
               struct error *error);
int verb_change(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                struct error *error);
int verb_renew(struct sandbox *sandbox, const struct json *ask, struct json *reply,
               struct error *error);
int verb_replace(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                 struct error *error);
int verb_cancel(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                struct error *error);
int verb_expire(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                struct error *error);
int verb_subscribe_fail(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                        struct error *error);

#endif
