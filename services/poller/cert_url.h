/* From where certificates are taken. Pure. */
#ifndef SERVICES_POLLER_CERT_URL_H
#define SERVICES_POLLER_CERT_URL_H

#include "common/base/str.h"

enum cert_url {
    CERT_URL_REFUSED,
    CERT_URL_SNS,  /* https, at a host of SNS */
    CERT_URL_LOCAL /* plain http to a loopback address: the sandbox's */
};

enum cert_url cert_url_kind(struct str url);
struct str cert_url_host(struct str url); /* of one of SNS */

/* Where the issuer's certificate may be fetched, which SNS's own does not come with: Amazon Trust
 * Services, by plain http as all authorities do it. */
bool cert_url_is_issuers(struct str url);

#endif
