/* What the operations of Amazon SQS share (AWS JSON 1.0, Amazon SQS API reference). The queues'
 * rules are queue.c's. */
#ifndef SERVICES_SANDBOX_SQS_H
#define SERVICES_SANDBOX_SQS_H

#include "services/sandbox/call.h"

#define SQS_INVALID_VALUE "InvalidParameterValueException"
#define SQS_MISSING       "MissingRequiredParameterException"

/* What one entry of a batch, or a call for one message, came to: an error's code, or NULL. Texts
 * are literals or of the call's arena. */
struct sqs_result {
    const char *code, *message;
};

/* The queue that QueueUrl names; NULL: refused. */
struct queue *sqs_queue(struct call *call);
bool sqs_no_such_queue(struct call *call);
/* An optional whole number within bounds; false: refused. */
bool sqs_number(struct call *call, const char *name, int64_t min, int64_t max, int64_t *value);
/* The hexadecimal MD5 of these bytes. */
void sqs_set_md5(struct json *object, const char *name, struct str bytes);
/* Whether a list of names in the request holds this one, or "All". */
bool sqs_asks_for(const struct call *call, const char *list, const char *name);
/* Refuses a list that holds a name which is neither "All" nor one of these. */
bool sqs_names_are_known(struct call *call, const char *list, const char *const *known);

/* Does what one entry asks; item is its place in the answer, to be added to. */
typedef struct sqs_result sqs_entry_fn(struct call *call, struct queue *queue,
                                       const struct json *entry, struct json *item);
/* Both answer the call. */
bool sqs_do_one(struct call *call, sqs_entry_fn *fn);
bool sqs_do_batch(struct call *call, sqs_entry_fn *fn);

operation_fn sqs_receive_message, sqs_send_message, sqs_send_message_batch;
operation_fn sqs_get_queue_attributes;

#endif
