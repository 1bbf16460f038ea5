/* One connection of a client: a DEALER with a single address, and whether it stands. Internal to
 * endpoint.
 *
 * A socket for each address, not one for all: so it is known which calls went where when one of
 * several connections is lost.
 */
#ifndef PROTO_ENDPOINT_LINK_H
#define PROTO_ENDPOINT_LINK_H

#include "common/base/error.h"
#include "common/base/str.h"
#include "common/loop/loop.h"
#include "proto/endpoint/context.h"

struct link;

struct link_events {
    void (*on_connection)(void *arg, struct link *link, bool connected);
    void (*on_message)(void *arg, struct str payload);
    void (*on_writable)(void *arg); /* after link_send() returned false */
    void *arg;
};

/* events must outlive the link. None of them may close it. */
int link_open(struct link **ret, struct loop *loop, struct endpoint_context *context,
              const char *address, const struct link_events *events, struct error *error);
void link_close(struct link *link); /* takes NULL */
bool link_connected(const struct link *link);
/* The other end was there last, and let our key not in. */
bool link_refused(const struct link *link);
/* False: it is not connected or its queue is full. */
bool link_send(struct link *link, struct str payload);

#endif
