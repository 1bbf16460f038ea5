/* The answer of SQS ReceiveMessage, read into plain messages. Pure. */
#ifndef SERVICES_POLLER_RECEIVED_H
#define SERVICES_POLLER_RECEIVED_H

#include "common/base/arena.h"
#include "common/json/json.h"

struct received {
    struct str message_id;
    struct str receipt_handle;
    struct str body;
    int64_t receive_count;         /* ApproximateReceiveCount; at least 1 */
    int64_t sent_at_s;             /* SentTimestamp; 0: not given */
    struct str dead_letter_source; /* DeadLetterQueueSourceArn: it failed there before */
    bool intact;                   /* the body has the MD5 that SQS gave for it */
};

struct received_list {
    struct received *items;
    size_t count;
    size_t unusable; /* without a receipt handle: can be neither deleted nor handed back */
};

/* Texts borrow from the response; the list is in the arena. */
void received_read(const struct json *response, struct arena *arena, struct received_list *ret);

#endif
