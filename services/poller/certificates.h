/* SNS's signing certificates: each fetched once, judged, and kept for a while.
 *
 * A certificate of SNS counts when it was fetched over https from the host that its URL names
 * (cert_url.h), was issued to SNS, and leads to an authority of the system's or of ca_bundle; SNS
 * serves it without its issuer's, which is fetched from where it says. One that comes from this
 * machine is believed as it is.
 */
#ifndef SERVICES_POLLER_CERTIFICATES_H
#define SERVICES_POLLER_CERTIFICATES_H

#include "common/crypto/crypto.h"
#include "common/loop/loop.h"

struct certificates;
struct certificate_wait;

enum certificate_state {
    CERTIFICATE_UNKNOWN, /* to be asked for */
    CERTIFICATE_GOOD,
    CERTIFICATE_BAD, /* not there, or not to be believed */
    CERTIFICATE_AWAY /* cannot be had just now */
};

/* Borrowed until the next turn of the loop. */
struct certificate_answer {
    enum certificate_state state;
    const struct crypto_certificate *certificate; /* if GOOD */
    struct str why;                               /* if BAD or AWAY */
};

typedef void certificate_fn(void *arg, const struct certificate_answer *answer);

/* ca_bundle: a PEM file; NULL for none. */
int certificates_new(struct certificates **ret, struct loop *loop, const char *ca_bundle,
                     struct error *error);
void certificates_free(struct certificates *certificates); /* nothing is reported; takes NULL */

/* The URL is one that cert_url_kind() does not refuse; now_s by a clock that is right. */
struct certificate_answer certificates_look(struct certificates *certificates, struct str url,
                                            int64_t now_s);
/* Of a URL that is UNKNOWN. fn is called once, later, unless the wait is cancelled. */
struct certificate_wait *certificates_ask(struct certificates *certificates, struct str url,
                                          int64_t now_s, certificate_fn *fn, void *arg);
void certificate_wait_cancel(struct certificate_wait *wait); /* takes NULL */

#endif
