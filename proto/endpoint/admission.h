/* Who may connect over TCP: the answering end of ZAP (ZeroMQ RFC 27), by an allow-list of public
 * keys.
 *
 * One for a process, on its loop, before it binds a tcp:// endpoint. With it those are CURVE
 * servers that let in only the keys of the list, as it is at that moment; a connection that stands
 * stays. Without it none is bound. Refusals are counted, logged and reported, at once and then in
 * sums of a minute: a flood cannot fill what is written.
 */
#ifndef PROTO_ENDPOINT_ADMISSION_H
#define PROTO_ENDPOINT_ADMISSION_H

#include "common/base/error.h"
#include "common/base/str.h"
#include "common/loop/loop.h"
#include "proto/endpoint/context.h"

struct admission;

struct admission_options {
    struct loop *loop;
    struct endpoint_context *context; /* has keys already */
    const char *allowed_keys;         /* a directory, common/keys/allow_list.h */
    /* Optional, for the journal, at most once a minute: the last key that is not in the list, and
     * where it came from; how many there were since the last time. */
    void (*on_refused)(void *arg, const char *last, uint64_t count);
    void *arg;
};

/* What the journal calls it. */
#define ADMISSION_REFUSAL "a key that is not allowed"

struct admission_stats {
    uint64_t admitted;       /* connections */
    uint64_t keys_refused;   /* of keys that are not in the list */
    uint64_t not_handshaken; /* that spoke no CURVE, expected another key of us, or went away */
};

int admission_open(struct admission **ret, const struct admission_options *options,
                   struct error *error);
/* After the sockets that were bound under it, before the context. Takes NULL. */
void admission_close(struct admission *admission);
struct admission_stats admission_stats(const struct admission *admission); /* NULL: zeros */

/* Internal to endpoint: the next address that the socket binds is guarded, until unguarded. */
int admission_guard(struct admission *admission, void *socket, const char *address,
                    struct error *error);
void admission_unguard(void *socket);

#endif
