/* The verbs by which a test or the page drives the world: POST /_sandbox/<verb>, JSON in and out.
 * docs/sandbox.md describes them. */
#ifndef SERVICES_SANDBOX_VERBS_H
#define SERVICES_SANDBOX_VERBS_H

#include "services/sandbox/sandbox.h"

/* Does the verb; members of the result are put into reply. -1 with the reason. */
int verb_run(struct sandbox *sandbox, struct str verb, const struct json *ask, struct json *reply,
             struct error *error);

void verbs_handle(struct sandbox *sandbox, struct http_exchange *exchange, struct str verb);
void verbs_reply(struct http_exchange *exchange, int status, struct json *body); /* takes body */
void verbs_reply_error(struct http_exchange *exchange, int status, const char *sentence);

#endif
