/* What the URL of a queue tells about where to send and what to sign for. Pure. */
#ifndef PROTO_SETTINGS_QUEUE_URL_H
#define PROTO_SETTINGS_QUEUE_URL_H

#include "common/base/str.h"

/* "eu-west-1" of https://sqs.eu-west-1.amazonaws.com/444455556666/mp-events, of its FIPS,
 * dual-stack and VPC endpoint forms and of the older https://eu-west-1.queue.amazonaws.com/...; as
 * it is written, in capitals perhaps. Empty if the URL does not say. */
struct str queue_url_region(struct str url);

/* Scheme and host of a queue that is called at an address of its own (a local stand-in, a VPC
 * endpoint, a FIPS or dual-stack host); empty for the one that the region already gives. */
struct str queue_url_origin(struct str url);

#endif
