/* Signed references: what we give to a browser and believe when it comes back.
 *
 * A reference names a subscription for one purpose until a time. It is signed with a key of the
 * store's, so that every registrar believes what any of them gave out, also after a restart. It
 * holds nothing secret, and nothing of AWS's registration token.
 */
#ifndef SERVICES_REGISTRAR_REFERENCE_H
#define SERVICES_REGISTRAR_REFERENCE_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "proto/message.h"

#define REFERENCE_PAGE    "page"    /* in the URL after the registration, for one use */
#define REFERENCE_SESSION "session" /* the cookie that the first GET trades it for */

enum reference_verdict {
    REFERENCE_GOOD,
    REFERENCE_BAD,     /* not ours, changed, or for another purpose */
    REFERENCE_EXPIRED, /* ours, but too old */
    REFERENCE_NO_KEY   /* names a key that we do not have (yet) */
};

struct reference {
    struct str subscription;
    struct str nonce; /* differs in every reference */
    int64_t expires_s;
};

/* Appends a new reference, signed with the first of the keys; there must be one. */
void reference_sign(struct buf *out, const struct signing_key_list *keys, const char *purpose,
                    struct str subscription, int64_t expires_s);

/* *ret borrows from text and arena; set only when the verdict is good. */
enum reference_verdict reference_verify(const struct signing_key_list *keys, const char *purpose,
                                        struct str text, int64_t now_s, struct arena *arena,
                                        struct reference *ret);

/* A word that only the browser which got the page under this session can send back with the form.
 */
void reference_form_word(struct buf *out, const struct signing_key_list *keys, struct str session);
bool reference_form_word_holds(const struct signing_key_list *keys, struct str session,
                               struct str word);

#endif
