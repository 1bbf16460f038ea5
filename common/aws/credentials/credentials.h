/* The credentials in use: kept, replaced ahead of their expiry, and doubted when AWS refuses them.
 *
 * One question at a time, and what is in use stays so while it lives: if a source fails for a
 * while, only the log notices. Expiry is AWS's word, so it is compared with AWS's clock as far as
 * that is known.
 */
#ifndef COMMON_AWS_CREDENTIALS_CREDENTIALS_H
#define COMMON_AWS_CREDENTIALS_CREDENTIALS_H

#include "common/aws/credentials/chain.h"
#include "common/aws/credentials/event.h"
#include "common/aws/environment/clock.h"
#include "common/loop/loop.h"

/* Set by the owner, and left alone from then on. */
struct credentials_options {
    struct source_means means;
    const struct aws_clock *clock;
    double (*random)(void);       /* from 0 to 1; tests replace it */
    aws_credentials_fn *on_event; /* NULL: not reported */
    void *on_event_arg;
    /* After each answer of the source, good or bad: all that waits for keys looks again. */
    void (*on_settled)(void *arg, bool changed);
    void *on_settled_arg;
};

struct credentials {
    struct credentials_options options;
    struct source *source; /* NULL: none is configured */
    struct keys keys;      /* the last good ones */
    unsigned generation;   /* counts their changes */
    unsigned failures;     /* of the source, in a row */
    struct error error;    /* of the last one */
    /* When to ask: then, INT64_MAX is never. Ahead of an expiry also when the wall clock says
     * so: waits go by the monotonic clock. */
    int64_t look_at_mono_ms;
    bool ahead;
    struct loop_timer *timer;
    bool accepted;   /* by AWS, since they are in use or were distrusted */
    bool distrusted; /* ever; the last time: */
    int64_t distrusted_mono_ms;
    unsigned distrusted_generation;
};

/* The options are set. Begins with the first question. Fails on what is set and cannot be used. */
int credentials_open(struct credentials *credentials, const struct credentials_settings *settings,
                     const struct configured *configured, struct error *error);
void credentials_close(struct credentials *credentials);

bool credentials_usable(const struct credentials *credentials);
/* Whether they have not expired; an instance's are used even then. */
bool credentials_fresh(const struct credentials *credentials);
/* Asks for others if it is time. */
void credentials_look(struct credentials *credentials);
struct str credentials_source_name(const struct credentials *credentials); /* "none" without one */

/* AWS refuses what was signed by this generation of keys. */
enum distrust {
    DISTRUST_REPLACED, /* there are others already */
    DISTRUST_ASKED,    /* on_settled will be called */
    DISTRUST_IN_VAIN,  /* there are no others */
};
enum distrust credentials_distrust(struct credentials *credentials, unsigned generation);
void credentials_accepted(struct credentials *credentials, unsigned generation);

#endif
