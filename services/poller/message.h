/* What a message of the queue says: pure, from the bytes of an SQS Body to the store's shape.
 *
 * Recognises EventBridge events, SNS envelopes (around either kind) and bodies that SNS delivers
 * raw. Nothing is dropped: what cannot be understood, or is of a foreign account or topic, comes
 * back with the reason in `problem` and is kept, not acted on. Which products are ours the store
 * knows.
 */
#ifndef SERVICES_POLLER_MESSAGE_H
#define SERVICES_POLLER_MESSAGE_H

#include "common/base/arena.h"
#include "common/config/config.h"
#include "proto/message.h"

/* Whose messages these should be; an empty list accepts any. Without topic_arns SNS's topics must
 * have names as AWS Marketplace gives them. */
struct message_owner {
    struct config_list seller_accounts;
    struct config_list topic_arns;
};

/* Fills source, kind, type, event_id, event_time, what the message names, problem and body; what
 * the queue knows (queue, message_id, trace) is left to the caller. Every text keeps within the
 * limits of messages.def. Texts live in the arena, body borrows. */
void message_read(struct str body, const struct message_owner *owner, struct arena *arena,
                  struct notification *ret);

/* The same message as one that is not to be acted on: its bytes with the reason, and none of what
 * it claims. */
void message_refuse(const struct notification *from, struct str problem, struct arena *arena,
                    struct notification *ret);
/* The same message as one that the store refused to take: its bytes with the reason only. */
void message_strip(const struct notification *from, struct str problem, struct arena *arena,
                   struct notification *ret);

#endif
