/* Deletes messages, or changes how long they stay hidden, ten at a time.
 *
 * What is added is sent when ten are there or after a tenth of a second. What AWS could not do is
 * sent again until the message's visibility has run out anyway; then SQS hands it out once more,
 * and the store knows it as a duplicate.
 */
#ifndef SERVICES_POLLER_BATCH_H
#define SERVICES_POLLER_BATCH_H

#include <stddef.h>

#include "common/aws/client/aws.h"
#include "common/loop/loop.h"

struct batch;

enum batch_operation { BATCH_DELETE, BATCH_CHANGE_VISIBILITY };

struct batch_options {
    struct loop *loop;
    struct aws *aws;
    const char *label; /* of the queue, for the log */
    const char *url;
    enum batch_operation operation;
    /* Told what became of entries; afterwards batch_is_empty() may have become true. */
    void (*on_result)(void *arg, size_t done, size_t failed);
    void *arg;
};

struct batch *batch_new(const struct batch_options *options);
void batch_free(struct batch *batch); /* forgets what is not sent; takes NULL */

/* visibility_s is for BATCH_CHANGE_VISIBILITY. expires_ms: on the monotonic clock. */
void batch_add(struct batch *batch, struct str receipt_handle, int64_t visibility_s,
               int64_t expires_ms);
/* From now on everything is sent at once, and only once. */
void batch_finish(struct batch *batch);
bool batch_is_empty(const struct batch *batch); /* nothing waits and nothing is in flight */

#endif
