/* The credentials in use: kept, replaced ahead of their expiry, and doubted when AWS refuses them.
 */
#ifndef COMMON_AWS_CREDENTIALS_H
#define COMMON_AWS_CREDENTIALS_H

#include "common/aws/credentials/source.h"

struct credentials {
    struct source *source; /* NULL: none is configured */
    struct keys keys;      /* the last good ones */
    unsigned generation;   /* counts their changes */
    unsigned failures;     /* of the source, in a row */
    struct error error;    /* of the last one */
    /* When to ask: then, INT64_MAX is never. Ahead of an expiry also when the wall clock says so:
     * waits go by the clock that nobody sets. */
    int64_t look_at_mono_ms;
    bool ahead;
    struct loop_timer *timer;
    bool accepted;   /* by AWS, since they are in use or were distrusted */
    bool distrusted; /* ever; the last time: */
    int64_t distrusted_mono_ms;
    unsigned distrusted_generation;
    aws_credentials_fn *on_news;
    void *on_news_arg;
};

/* Begins with the first question. Fails on what is set and cannot be used. */
int credentials_open(struct aws *aws, const struct aws_options *options,
                     const struct shared_files *files, struct error *error);
void credentials_close(struct aws *aws);

bool credentials_usable(const struct aws *aws);
/* Whether they have not expired; an instance's are used even then. */
bool credentials_fresh(const struct aws *aws);
/* Asks for others if it is time. */
void credentials_look(struct aws *aws);

/* AWS refuses what was signed by this generation of keys. */
enum distrust {
    DISTRUST_REPLACED, /* there are others already */
    DISTRUST_ASKED,    /* calls_credentials_settled() will be called */
    DISTRUST_IN_VAIN,  /* there are no others */
};
enum distrust credentials_distrust(struct aws *aws, unsigned generation);
void credentials_accepted(struct aws *aws, unsigned generation);

/* When to ask again; -1: not. Pure, for tests. */
struct refresh {
    bool never_expires;
    int64_t left_ms;
    unsigned failures;
    bool usable;
    bool outlives_expiry;
};
int64_t refresh_delay_ms(const struct refresh *refresh, double random);

#endif
