/* A question as the application asked it, checked. */
#ifndef PROTO_CLIENTS_C_CALL_INQUIRY_H
#define PROTO_CLIENTS_C_CALL_INQUIRY_H

#include "common/base/arena.h"
#include "proto/clients/c/call/options.h"
#include "proto/message.h"

struct inquiry {
    struct check_params params; /* its texts are the application's */
    int64_t timeout_ms;
    struct str trace;
};

/* ENTITLED_OK, or ENTITLED_BAD_REQUEST with the sentence. */
int inquiry_read(const struct entitled_question *from, const struct entitled_options *options,
                 struct inquiry *ret, struct entitled_error *error);
/* A copy; all of it lives in the arena. */
void inquiry_copy(const struct inquiry *from, struct arena *arena, struct inquiry *ret);

#endif
