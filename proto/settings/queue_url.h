/* What the URL of a queue tells about where to send and what to sign for. Pure. */
#ifndef PROTO_SETTINGS_QUEUE_URL_H
#define PROTO_SETTINGS_QUEUE_URL_H

#include "common/base/str.h"

/* "eu-west-1" of https://sqs.eu-west-1.amazonaws.com/444455556666/mp-events and of the older
 * https://eu-west-1.queue.amazonaws.com/...; empty if the URL does not say. */
struct str queue_url_region(struct str url);

/* Scheme and host of a queue that is not at an address of AWS's own (a local stand-in, a private
 * endpoint); empty for AWS's, which the region already gives. */
struct str queue_url_origin(struct str url);

#endif
