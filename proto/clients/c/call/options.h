#ifndef PROTO_CLIENTS_C_CALL_OPTIONS_H
#define PROTO_CLIENTS_C_CALL_OPTIONS_H

#include "common/keys/certificate.h"
#include "proto/clients/c/include/entitled.h"

struct entitled_options {
    int mode;
    char **checkers;
    size_t checker_count;
    char *directory; /* NULL: none set */
    char *file;
    char *certificate, *checker_certificate; /* NULL: none set */
    /* Of these, once options_load_keys() has read them; empty: none. */
    struct curve_keys keys, checker_keys;
    bool discovery, subset;
    int64_t timeout_ms, hedge_ms, age_limit_ms;
};

/* Under guard_call(). from NULL: all defaults. */
struct entitled_options *options_copy(const struct entitled_options *from);

/* Reads the certificates. An error if there is a tcp:// endpoint without them. */
int options_load_keys(struct entitled_options *options, struct entitled_error *error);

#endif
