/* How queues are read from a world and written to one. */
#include "common/base/clock.h"
#include "services/sandbox/fields.h"
#include "services/sandbox/queue.h"

#define QUEUE(member, kind, required)                                                              \
    {                                                                                              \
#member, kind, offsetof(struct queue, member), required                                    \
    }
#define QUEUE_SETTINGS                                                                             \
    QUEUE(dead_letter, FIELD_STR, false), QUEUE(policy, FIELD_STR, false),                         \
        QUEUE(kms_key, FIELD_STR, false), QUEUE(visibility_timeout_s, FIELD_INTEGER, false),       \
        QUEUE(retention_s, FIELD_INTEGER, false), QUEUE(max_receive_count, FIELD_INTEGER, false),  \
        QUEUE(in_flight_limit, FIELD_INTEGER, false), QUEUE(delay_s, FIELD_INTEGER, false),        \
        QUEUE(content_based_deduplication, FIELD_BOOL, false)

static const struct field queue_fields[] = {
    QUEUE(name, FIELD_STR, true),
    QUEUE(account, FIELD_STR, true),
    QUEUE_SETTINGS,
    FIELD_END,
};

static const struct field queue_setting_fields[] = {
    QUEUE_SETTINGS,
    FIELD_END,
};

struct message_file {
    struct str body, sender, group;
    const struct json *attributes;
};

static const struct field message_fields[] = {
    {"body", FIELD_STR, offsetof(struct message_file, body), true},
    {"sender", FIELD_STR, offsetof(struct message_file, sender), false},
    {"group", FIELD_STR, offsetof(struct message_file, group), false},
    {"attributes", FIELD_JSON, offsetof(struct message_file, attributes), false},
    FIELD_END,
};

static int load_message(void *arg, const struct json *object, struct error *error)
{
    struct queue *queue = arg;
    struct message_file file = {0};

    if (fields_load(&queue->queues->arena, message_fields, &file, object, error) < 0)
        return -1;
    queue_put(queue, &(struct outgoing){.body = file.body,
                                        .sender = file.sender,
                                        .group = file.group,
                                        .attributes = file.attributes});
    return 0;
}

static int load_queue(void *arg, const struct json *object, struct error *error)
{
    enum { VISIBILITY_S = 30, RETENTION_S = 4 * 24 * 3600, IN_FLIGHT = 120000 };
    struct queues *queues = arg;
    struct queue *queue = arena_alloc(&queues->arena, sizeof(*queue));
    struct json *settings = json_clone(object);

    json_remove(settings, "messages");
    /* SQS's own defaults ("Amazon SQS queue parameters", developer guide). */
    *queue = (struct queue){.queues = queues,
                            .visibility_timeout_s = VISIBILITY_S,
                            .retention_s = RETENTION_S,
                            .in_flight_limit = IN_FLIGHT,
                            .created_at = clock_wall_s(),
                            .modified_at = clock_wall_s()};
    TAILQ_INIT(&queue->messages);
    TAILQ_INIT(&queue->waiters);
    TAILQ_INIT(&queue->taken);
    int result = fields_load(&queues->arena, queue_fields, queue, settings, error);
    json_free(settings);
    if (result < 0)
        return -1;
    STAILQ_INSERT_TAIL(&queues->list, queue, link);
    return fields_load_list("messages", json_get(object, "messages"), load_message, queue, error);
}

static int check_dead_letters(const struct queues *queues, struct error *error)
{
    const struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        const struct queue *dead = queues_find(queues, queue->account, queue->dead_letter);
        if (!str_is_empty(queue->dead_letter) && !dead)
            return error_set(error, "queue " STR_FMT " names a dead-letter queue that is not there",
                             STR_ARG(queue->name));
        if (dead && queue_is_fifo(dead) != queue_is_fifo(queue))
            return error_set(error,
                             "the dead-letter queue of " STR_FMT " must be a FIFO queue if it is "
                             "one, and none if not",
                             STR_ARG(queue->name));
    }
    return 0;
}

int queues_load(struct queues *queues, const struct json *list, struct error *error)
{
    if (fields_load_list("queues", list, load_queue, queues, error) < 0)
        return -1;
    return check_dead_letters(queues, error);
}

int queue_configure(struct queue *queue, const struct json *object, struct error *error)
{
    struct queue changed = *queue;

    if (fields_load(&queue->queues->arena, queue_setting_fields, &changed, object, error) < 0)
        return -1;
    fields_copy(queue_setting_fields, queue, &changed);
    queue->modified_at = clock_wall_s();
    return check_dead_letters(queue->queues, error);
}

static struct json *save_messages(const struct queue *queue)
{
    struct json *list = json_new_array();
    const struct message *message;

    TAILQ_FOREACH (message, &queue->messages, link) {
        struct json *item = json_new_object();
        json_set_str(item, "body", message->body);
        json_set_str(item, "sender", str_of(message->sender));
        if (message->group)
            json_set_str(item, "group", str_of(message->group));
        if (message->attributes)
            json_set(item, "attributes", json_clone(message->attributes));
        json_add(list, item);
    }
    return list;
}

struct json *queues_save(const struct queues *queues)
{
    struct json *list = json_new_array();
    const struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        struct json *item = fields_json(queue_fields, queue);
        json_set(item, "messages", save_messages(queue));
        json_add(list, item);
    }
    return list;
}
