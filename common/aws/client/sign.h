/* Signs a request for another time than the local clock's. libcurl cannot: its signer takes a time
 * from an X-Amz-Date header, but 7.88 then sends that header twice, and what is sent twice is not
 * what was signed. */
#ifndef COMMON_AWS_CLIENT_SIGN_H
#define COMMON_AWS_CLIENT_SIGN_H

#include "common/base/arena.h"
#include "common/http/client/http_client.h"

/* Signs the request itself, with headers in the arena, instead of having it signed. */
void sign_with_offset(struct http_request *request, int64_t offset_s, struct arena *arena);

#endif
