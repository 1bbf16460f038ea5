/* The canonical forms of AWS Signature Version 4: what a signature is computed over.
 *
 * Requests of ours are signed by libcurl, unless the local clock is wrong; this is for requests
 * that are not, and for checking signatures.
 */
#ifndef COMMON_AWS_SIGV4_H
#define COMMON_AWS_SIGV4_H

#include "common/base/buf.h"
#include "common/base/str.h"

struct sigv4_header {
    struct str name; /* lower case */
    struct str value;
};

/* headers: those that are signed, sorted by name. query: already canonical. */
void sigv4_canonical_request(struct buf *out, struct str method, struct str path, struct str query,
                             const struct sigv4_header *headers, size_t header_count,
                             struct str body);
void sigv4_string_to_sign(struct buf *out, struct str amz_date, struct str scope,
                          struct str canonical_request);
void sigv4_signature(struct buf *out_hex, struct str secret_key, struct str date, struct str region,
                     struct str service, struct str string_to_sign);

#endif
