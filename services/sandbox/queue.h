/* Queues with the rules of Amazon SQS: visibility, receipt handles that go stale, redrive to a
 * dead-letter queue, waiting receivers; of a FIFO queue (its name ends in ".fifo") the order within
 * a group, and deduplication for five minutes.
 *
 * Knows nothing of HTTP or of the wire (on_sqs.c). Waits and visibility use the monotonic clock.
 */
#ifndef SERVICES_SANDBOX_QUEUE_H
#define SERVICES_SANDBOX_QUEUE_H

#include <sys/queue.h>

#include "common/base/arena.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

enum {
    QUEUE_RECEIVE_MAX = 10,
    QUEUE_VISIBILITY_MAX_S = 12 * 3600,
    QUEUE_WAIT_MAX_S = 20,
    QUEUE_BODY_MAX = 1024 * 1024,
};

struct message {
    TAILQ_ENTRY(message) link;
    uint64_t serial;
    char *id;
    char *sender;
    char *trace_header, *group, *deduplication; /* NULL: none */
    struct json *attributes;       /* MessageAttributes as they were sent; NULL: none */
    struct str body;               /* owned */
    struct str dead_letter_source; /* ARN, of a message that was redriven */
    unsigned receive_count;
    int64_t sent_wall_ms, first_received_wall_ms;
    int64_t visible_at_ms; /* monotonic */
    int64_t received_at_ms;
    char *receipt; /* of the last receive; NULL if never received */
};
TAILQ_HEAD(messages, message);

/* Told that a receive may now succeed; stays in line until queue_unwait(). */
struct queue_waiter {
    TAILQ_ENTRY(queue_waiter) link;
    struct queue *queue; /* NULL: not waiting */
    void (*fn)(void *arg);
    void *arg;
};

/* What a FIFO queue took, so that it is not taken again. */
struct queue_memory {
    TAILQ_ENTRY(queue_memory) link;
    char *deduplication, *id;
    uint64_t serial;
    int64_t forget_at_ms; /* monotonic */
};

struct queue {
    STAILQ_ENTRY(queue) link;
    struct queues *queues;
    struct str name, account, dead_letter;
    struct str policy;  /* JSON; empty: none */
    struct str kms_key; /* empty: none */
    int64_t visibility_timeout_s, retention_s, max_receive_count, in_flight_limit, delay_s;
    bool content_based_deduplication;
    int64_t created_at, modified_at;
    TAILQ_HEAD(, queue_memory) taken; /* the oldest first */
    struct messages messages;
    size_t count;
    TAILQ_HEAD(, queue_waiter) waiters;
    bool serving;             /* a waiter that is being served may show a message again */
    struct loop_timer *timer; /* when the next message becomes visible to a waiter */
};

struct queues {
    struct arena arena;
    struct loop *loop;
    struct str region;
    uint64_t serial;
    STAILQ_HEAD(, queue) list;
};

void queues_init(struct queues *queues, struct loop *loop, struct str region);
void queues_done(struct queues *queues); /* waiting is no longer allowed */
int queues_load(struct queues *queues, const struct json *list, struct error *error);
/* Settings of a queue that may change while it is used. */
int queue_configure(struct queue *queue, const struct json *object, struct error *error);
struct json *queues_save(const struct queues *queues);
struct queue *queues_find(const struct queues *queues, struct str account, struct str name);
struct queue *queues_find_by_name(const struct queues *queues, struct str name);

bool queue_is_fifo(const struct queue *queue);

struct outgoing {
    struct str body, sender;
    int64_t delay_ms;
    const struct json *attributes;                 /* kept as a copy; NULL: none */
    struct str trace_header, group, deduplication; /* empty: none */
};

/* Borrowed; of the earlier message if a FIFO queue has taken this one before. */
struct queue_sent {
    struct str id;
    uint64_t serial;
};
struct queue_sent queue_post(struct queue *queue, const struct outgoing *message);
/* Waiting receivers are not served yet. */
struct message *queue_put(struct queue *queue, const struct outgoing *message);
/* What AWS itself puts in: into a FIFO queue in one group, each for itself. */
struct message *queue_send(struct queue *queue, struct str body, struct str sender,
                           int64_t delay_ms);
/* SequenceNumber, of 20 digits. */
struct str queue_sequence(uint64_t serial, struct arena *arena);
/* Fills out[] with at most max messages, hidden from others for visibility_ms. */
size_t queue_receive(struct queue *queue, size_t max, int64_t visibility_ms, struct message **out);
/* Makes a message receivable at once, as SQS does when it delivers one twice. */
void queue_show(struct queue *queue, struct message *message);

enum receipt {
    RECEIPT_CURRENT,
    RECEIPT_STALE, /* of an earlier receive, or the message is gone */
    RECEIPT_INVALID
};
enum receipt queue_find_receipt(const struct queue *queue, struct str handle,
                                struct message **ret_message);
void queue_delete(struct queue *queue, struct message *message);
bool message_in_flight(const struct message *message);
/* -1 if the time since the receive would come to more than SQS allows. */
int queue_change_visibility(struct queue *queue, struct message *message, int64_t visibility_ms);

struct queue_depth {
    size_t visible, in_flight, delayed;
};
struct queue_depth queue_depth(const struct queue *queue);
struct str queue_arn(const struct queue *queue, struct arena *arena);
/* Moves everything in a dead-letter queue back to the queues it came from; how many. */
size_t queue_redrive(struct queue *dead_letter);

void queue_wait(struct queue *queue, struct queue_waiter *waiter);
void queue_unwait(struct queue_waiter *waiter); /* also for one that does not wait */

#endif
