/* A failure as the application sees it: code and sentence. */
#ifndef PROTO_CLIENTS_C_CALL_FAILURE_H
#define PROTO_CLIENTS_C_CALL_FAILURE_H

#include "common/base/str.h"
#include "proto/clients/c/include/entitled.h"
#include "proto/message.h"

/* Sets *error, which may be NULL, and returns the code, so that `return failure_set(...)` reads
 * well. */
int failure_set(struct entitled_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int failure_of_memory(struct entitled_error *error);
void failure_none(struct entitled_error *error);

/* The code that stands for a checker's error. */
int failure_code(enum rpc_error code);

#endif
