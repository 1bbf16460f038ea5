/* Where credentials come from: one file per source behind one small table of functions.
 *
 * A source is asked for keys and answers once, perhaps before source_fetch() returns. It keeps no
 * keys: credentials.c does, and decides when to ask again. Whatever a source reads (a token's file,
 * the shared files) it reads anew each time. A failure is one sentence that begins with the
 * source's name.
 */
#ifndef COMMON_AWS_CREDENTIALS_SOURCE_H
#define COMMON_AWS_CREDENTIALS_SOURCE_H

#include "common/aws/credentials/keys.h"

struct source;

/* keys: NULL if there are none, and error says why. Both live until it returns. */
typedef void source_done_fn(void *arg, const struct keys *keys, const struct error *error);

struct source_type {
    void (*fetch)(struct source *source); /* ends in source_succeed() or source_fail() */
    void (*cancel)(struct source *source);
    void (*done)(struct source *source); /* frees what is its own; nothing is in flight */
    bool outlives_expiry;                /* keys past their time are used until there are others */
};

/* What every source's own struct begins with. */
struct source {
    const struct source_type *type;
    char *name; /* for logs and people */
    bool fetching;
    source_done_fn *on_done;
    void *arg;
};

void source_init(struct source *source, const struct source_type *type, char *name /* taken */);
void source_free(struct source *source); /* cancels; takes NULL */
void source_freep(struct source **source);
void source_fetch(struct source *source, source_done_fn *done, void *arg);
void source_cancel(struct source *source);
void source_succeed(struct source *source, const struct keys *keys);
void source_fail(struct source *source, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void source_pass_on(struct source *source, const struct error *error); /* of the source below */

#endif
