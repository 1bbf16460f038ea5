/* CURVE key pairs in files, which CZMQ's zcert reads and writes too (ZPL, ZeroMQ RFC 4): NAME.cert
 * is the public half, for those that must recognise its owner; NAME.cert_secret beside it has both
 * halves, for the owner alone. Keys are text: 40 characters of Z85 (ZeroMQ RFC 32).
 */
#ifndef COMMON_KEYS_CERTIFICATE_H
#define COMMON_KEYS_CERTIFICATE_H

#include <stdbool.h>

#include "common/base/error.h"
#include "common/base/str.h"

enum { CURVE_KEY_SIZE = 41 };

struct curve_keys {
    char public_key[CURVE_KEY_SIZE];
    char secret_key[CURVE_KEY_SIZE]; /* "": only the public half is known */
};

/* What the file says of itself; "" if it does not say. */
struct certificate_note {
    char name[128];
    char host[128];
    char made[32];
};

bool curve_key_is_valid(struct str key);

/* -1: it is no certificate. */
int certificate_parse(struct str text, struct curve_keys *ret, struct certificate_note *ret_note);

/* The public half of PATH. ret_note may be NULL. */
int certificate_load(const char *path, struct curve_keys *ret, struct certificate_note *ret_note,
                     struct error *error);
/* Both halves, from PATH_secret, which only its owner may read. That they are a pair is not
 * looked at here. */
int certificate_load_secret(const char *path, struct curve_keys *ret, struct error *error);

/* Writes a pair into the directory: NAME (mode 0644) and NAME_secret (0600), of the directory's
 * owner if the process may give files away. Overwrites neither, whatever happens meanwhile. */
int certificate_make(const char *directory, const char *name, const struct certificate_note *note,
                     const struct curve_keys *keys, struct error *error);

#endif
