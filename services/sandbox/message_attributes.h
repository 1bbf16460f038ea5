/* What a sender says beside the body, and the digest that proves that SQS kept it ("Amazon SQS
 * message metadata", developer guide, with "Calculating the MD5 message digest for message
 * attributes"). */
#ifndef SERVICES_SANDBOX_MESSAGE_ATTRIBUTES_H
#define SERVICES_SANDBOX_MESSAGE_ATTRIBUTES_H

#include "services/sandbox/sqs.h"

struct message_attribute {
    struct str name, type;
    struct str value; /* the bytes themselves */
    bool binary;
};

struct message_attributes {
    struct message_attribute *list; /* in the order of their names */
    size_t count;
    size_t bytes; /* that count towards the size of the message */
};

/* Reads MessageAttributes or MessageSystemAttributes, refusing what SQS refuses. */
struct sqs_result message_attributes_read(const struct json *object, struct arena *arena,
                                          struct message_attributes *ret);
/* Nothing if there are none. */
void message_attributes_set_md5(const struct message_attributes *attributes, struct json *object,
                                const char *name);
/* Whether MessageAttributeNames asks for it: by name, "All", ".*", or a beginning before ".*". */
bool message_attribute_is_wanted(const struct json *names, struct str name);
/* The characters that SQS takes in a body and in texts: those of XML 1.0. */
bool sqs_text_is_valid(struct str text);

#endif
