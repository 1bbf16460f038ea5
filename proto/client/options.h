#ifndef PROTO_CLIENT_OPTIONS_H
#define PROTO_CLIENT_OPTIONS_H

#include "proto/client/include/entitled.h"

struct entitled_options {
    int mode;
    char **checkers;
    size_t checker_count;
    char *directory; /* NULL: none set */
    char *file;
    bool discovery, subset;
    int64_t timeout_ms, hedge_ms, age_limit_ms;
};

/* Under guard_call(). from NULL: all defaults. */
struct entitled_options *options_copy(const struct entitled_options *from);

#endif
