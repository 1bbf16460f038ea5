/* Keys that requests are signed with. */
#ifndef COMMON_AWS_CREDENTIALS_KEYS_H
#define COMMON_AWS_CREDENTIALS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/str.h"

struct keys {
    char *access_key_id; /* NULL: there are none */
    char *secret_access_key;
    char *session_token;  /* NULL: long-lived keys */
    int64_t expires_at_s; /* 0: never, as far as is known */
};

void keys_done(struct keys *keys);
void keys_copy(struct keys *to, const struct keys *from); /* frees what was there */
bool keys_equal(const struct keys *a, const struct keys *b);
/* 1: taken; 0: nothing is set; -1: half a key. */
int keys_take(struct keys *keys, const char *id, const char *secret, const char *token,
              const char *from, struct error *error);
/* AccessKeyId, SecretAccessKey, Expiration (absent: never) and the token's member, as all of AWS's
 * JSON forms have them. */
int keys_from_json(struct keys *keys, struct str text, const char *token_member,
                   struct error *error);
int keys_expiration(struct str text, int64_t *ret_time_s, struct error *error);

#endif
