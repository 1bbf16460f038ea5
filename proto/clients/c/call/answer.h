/* An answer as the application holds it. */
#ifndef PROTO_CLIENTS_C_CALL_ANSWER_H
#define PROTO_CLIENTS_C_CALL_ANSWER_H

#include "common/base/buf.h"
#include "proto/clients/c/include/entitled.h"
#include "proto/message.h"

enum { AGE_UNKNOWN = -1 };

struct entitled_answer {
    struct entitled_error error;
    bool allow, stale;
    int reason;
    struct value granted; /* a string is in the buffer */
    int64_t expires_at, verified_at, combined, age_ms;
    char subscription[65];
    struct buf granted_string, subscribe_url;
};

void answer_clear(struct entitled_answer *answer);
/* Under guard_call(). Returns the code: one answer of several may be an error. */
int answer_fill(struct entitled_answer *answer, const struct answer *from, int64_t age_ms);
/* Fills a refusal with the error; returns the code. */
int answer_fail(struct entitled_answer *answer, const struct entitled_error *error);

#endif
