/* replay: sends kept messages to their queue again. They are read by the settings of now, checked
 * and applied as at first. */
#include <inttypes.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "proto/settings/settings_aws.h"
#include "services/entitlectl/command/batch.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

enum { LIMIT = 100, PAGE = 500, SEND_MS = 10000 };

struct replay {
    struct ctl *ctl;
    struct loop *loop;
    struct aws *aws; /* of `queue` */
    const struct settings_queue *queue;
    struct batch batch; /* the newest first */
    struct buf sent;    /* ids, for the journal */
    struct json *list;
    struct table table;
    bool delivered;        /* the last one */
    struct str message_id; /* SQS's for it */
};

static const struct settings_queue *queue_of(struct ctl *ctl, struct str label)
{
    for (size_t i = 0; i < ctl->settings->queues.count; i++) {
        const struct settings_queue *queue = settings_queue_at(ctl->settings, i);
        if (str_eq_text(label, queue->label))
            return queue;
    }
    ctl_fail(ctl, "the settings have no queue '" STR_FMT "', from which it came", STR_ARG(label));
    return NULL;
}

static int open_queue(struct replay *replay, const struct settings_queue *queue)
{
    struct ctl *ctl = replay->ctl;
    struct aws_options options;
    struct error error;

    if (queue == replay->queue)
        return EXIT_DONE;
    aws_free(take(replay->aws));
    replay->queue = NULL;
    options = settings_aws_queue(ctl->settings, queue, &ctl->arena);
    if (aws_new(&replay->aws, replay->loop, &options, &error) < 0)
        return ctl_fail(ctl, "%s", error.text);
    replay->queue = queue;
    return EXIT_DONE;
}

static void on_sent(void *arg, const struct aws_response *response)
{
    struct replay *replay = arg;
    struct ctl *ctl = replay->ctl;

    replay->delivered = response->outcome == AWS_OK;
    if (replay->delivered)
        replay->message_id = arena_str(&ctl->arena, json_get_str(response->body, "MessageId"));
    else
        ctl_fail(ctl, "SQS refuses it: " STR_FMT "%s" STR_FMT, STR_ARG(response->code),
                 response->code.len > 0 ? ": " : "", STR_ARG(response->message));
    loop_stop(replay->loop);
}

/* Amazon SQS developer guide, "FIFO queues": a message belongs to a group, in which later messages
 * wait for it. For five minutes, another message with its deduplication id (or, without one, its
 * body) is taken for the same. A replay is meant as another message, and delays no group. */
static void set_order(const struct replay *replay, struct json *request)
{
    unsigned char noise[16];
    cleanup(buf_done) struct buf id = BUF_INIT;

    if (!str_ends_with(str_of(replay->queue->url), STR(".fifo")))
        return;
    crypto_random(noise, sizeof(noise));
    buf_append_text(&id, "entitled-replay-");
    crypto_hex(&id, noise, sizeof(noise));
    json_set_str(request, "MessageGroupId", STR("entitled-replay"));
    json_set_str(request, "MessageDeduplicationId", buf_str(&id));
}

static int send(struct replay *replay, struct str body)
{
    struct json *request = json_new_object();
    cleanup(buf_done) struct buf text = BUF_INIT;

    json_set_str(request, "QueueUrl", str_of(replay->queue->url));
    json_set_str(request, "MessageBody", body);
    set_order(replay, request);
    json_write(request, &text);
    json_free(request);
    aws_call(replay->aws,
             &(struct aws_request){.service = AWS_SQS,
                                   .operation = "SendMessage",
                                   .body = buf_str(&text),
                                   .deadline_ms = SEND_MS},
             on_sent, replay);
    loop_run(replay->loop);
    return replay->delivered ? EXIT_DONE : EXIT_FAILED;
}

static void note(struct replay *replay, struct str id)
{
    struct json *item = json_new_object();

    json_set_str(item, "id", id);
    json_set_str(item, "queue", str_of(replay->queue->label));
    json_set_str(item, "message_id", replay->message_id);
    json_add(replay->list, item);
    table_cell(&replay->table, id);
    table_cell(&replay->table, str_of(replay->queue->label));
    table_cell(&replay->table, replay->message_id);
    buf_printf(&replay->sent, " " STR_FMT, STR_ARG(id));
}

static int replay_one(struct replay *replay, struct str id)
{
    struct ctl *ctl = replay->ctl;
    const struct notification_params params = {.id = id};
    const void *result;
    int code = ctl_ask_store(ctl, METHOD_store_notification, &params, &result);

    if (code != EXIT_DONE)
        return code;
    const struct notification *message = ((const struct notification_result *)result)->notification;
    const struct settings_queue *queue = queue_of(ctl, message->queue);
    code = queue ? open_queue(replay, queue) : EXIT_FAILED;
    if (code == EXIT_DONE)
        code = send(replay, message->body);
    if (code == EXIT_DONE)
        note(replay, id);
    else
        error_prefix(&ctl->error, STR_FMT, STR_ARG(id));
    return code;
}

static void choose_page(struct replay *replay, const struct notification_list *page,
                        enum outcome outcome, size_t limit)
{
    for (size_t i = 0; i < page->count && replay->batch.ids.count < limit; i++) {
        const struct notification *message = &page->items[i];
        if (message->outcome == outcome)
            batch_add(replay->ctl, &replay->batch, message->id,
                      arena_printf(&replay->ctl->arena, STR_FMT " (" STR_FMT ")",
                                   STR_ARG(message->id), STR_ARG(message->problem)));
    }
}

static int choose_by_outcome(struct replay *replay, enum outcome outcome)
{
    struct ctl *ctl = replay->ctl;
    struct history_params params = {.limit = PAGE};
    int64_t limit;
    const void *result;
    int code = ctl_option_count(ctl, "limit", LIMIT, &limit);

    if (code != EXIT_DONE)
        return code;
    do {
        code = ctl_ask_store(ctl, METHOD_store_notifications, &params, &result);
        if (code != EXIT_DONE)
            return code;
        const struct notifications_result *page = result;
        choose_page(replay, &page->notifications, outcome, (size_t)limit);
        params.before = page->next;
    } while (!str_is_empty(params.before) && replay->batch.ids.count < (size_t)limit);
    return EXIT_DONE;
}

/* The journal has the messages that were sent, even if the next one failed. */
static int journal(struct replay *replay)
{
    enum { TEXT_MAX_BYTES = 900 };
    struct ctl *ctl = replay->ctl;
    struct str ids = buf_str(&replay->sent);
    struct record_event_params params = {.event = AUDIT_OPERATOR, .author = ctl_author(ctl)};
    const void *result;

    if (ids.len == 0)
        return EXIT_DONE;
    params.text = arena_printf(&ctl->arena, "sent to the queue again:" STR_FMT "%s",
                               (int)(ids.len < TEXT_MAX_BYTES ? ids.len : TEXT_MAX_BYTES), ids.ptr,
                               ids.len < TEXT_MAX_BYTES ? "" : " ...");
    return ctl_ask_store(ctl, METHOD_store_record_event, &params, &result);
}

static void print(struct replay *replay)
{
    struct json *root = json_new_object();

    json_set(root, "sent", take(replay->list));
    if (replay->ctl->json)
        json_write_pretty(root, &replay->ctl->out);
    else
        table_write(&replay->table, &replay->ctl->out);
    json_free(root);
}

/* The oldest first, as they came. */
static int replay_all(struct replay *replay)
{
    struct ctl *ctl = replay->ctl;
    int code = EXIT_DONE;

    for (size_t i = replay->batch.ids.count; code == EXIT_DONE && i > 0; i--)
        code = replay_one(replay, replay->batch.ids.items[i - 1]);
    struct error why = ctl->error;
    enum rpc_error refusal = ctl->code;
    int journalled = journal(replay);
    if (code != EXIT_DONE) {
        ctl->error = why;
        ctl->code = refusal;
    }
    if (code == EXIT_DONE || replay->sent.len > 0)
        print(replay);
    return code == EXIT_DONE ? journalled : code;
}

static int choose_named(struct replay *replay)
{
    struct str id = arguments_at(&replay->ctl->arguments, 0);

    replay->batch.named = true;
    batch_add(replay->ctl, &replay->batch, id, id);
    return EXIT_DONE;
}

static int choose_not_understood(struct replay *replay)
{
    return choose_by_outcome(replay, OUTCOME_NOT_UNDERSTOOD);
}

static int choose_not_ours(struct replay *replay)
{
    return choose_by_outcome(replay, OUTCOME_NOT_OURS);
}

static int run(struct ctl *ctl, int (*choose)(struct replay *replay))
{
    struct replay replay = {.ctl = ctl,
                            .batch = {.verb = "send", .thing = "message"},
                            .loop = loop_new(),
                            .list = json_new_array()};
    bool go = false;

    table_init(&replay.table, "ID,QUEUE,SQS MESSAGE");
    int code = choose(&replay);
    if (code == EXIT_DONE)
        code = batch_confirm(ctl, &replay.batch, &go);
    if (go)
        code = replay_all(&replay);
    aws_free(replay.aws);
    loop_free(replay.loop);
    json_free(replay.list);
    table_done(&replay.table);
    buf_done(&replay.sent);
    return code;
}

int verb_replay(struct ctl *ctl)
{
    return run(ctl, choose_named);
}

int verb_replay_not_understood(struct ctl *ctl)
{
    return run(ctl, choose_not_understood);
}

int verb_replay_not_ours(struct ctl *ctl)
{
    return run(ctl, choose_not_ours);
}
