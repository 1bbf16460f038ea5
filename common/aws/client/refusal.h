/* AWS refuses a call: what it says, and whose fault that may be. */
#ifndef COMMON_AWS_CLIENT_REFUSAL_H
#define COMMON_AWS_CLIENT_REFUSAL_H

#include "common/aws/client/aws.h"
#include "common/aws/credentials/credentials.h"
#include "common/base/arena.h"
#include "common/http/client/http_client.h"

/* What AWS said instead of an answer. Texts live in the arena and in *ret_body, which the caller
 * frees (NULL: the answer is XML, or no JSON). */
void refusal_read(const struct http_response *answer, bool is_xml, struct arena *arena,
                  struct json **ret_body, struct aws_response *ret);
/* True if our keys may be what AWS refuses, so that others are worth a try. */
bool refusal_concerns_keys(const struct aws_response *refusal,
                           const struct credentials *credentials);

#endif
