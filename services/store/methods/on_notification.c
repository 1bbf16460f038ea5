/* Methods about what AWS announced, and the journal: notify, notifications, notification,
 * journal. */
#include "proto/codec/codec.h"
#include "services/store/methods/handlers.h"
#include "services/store/rules/receive.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/notifications.h"
#include "services/store/tables/records.h"

enum rpc_error on_notify(struct work *work)
{
    const struct notify_params *params = work->params;
    struct notify_result *result = work->result;
    struct notification taken;

    receive_notification(work->books, work->change, params->notification, &taken);
    struct notify_result borrowed = {.outcome = taken.outcome,
                                     .subscriptions = taken.subscriptions};
    codec_copy(&shape_notify_result, &borrowed, work->arena, result);
    return ERROR_NONE;
}

/* History is kept under the id that a record has now. */
static struct history_params resolved(struct work *work)
{
    struct history_params params = *(const struct history_params *)work->params;
    struct subscription record;

    if (params.subscription.len > 0 &&
        records_resolve(work->books->db, params.subscription, work->arena, &record))
        params.subscription = record.id;
    return params;
}

enum rpc_error on_notifications(struct work *work)
{
    struct history_params params = resolved(work);

    return notifications_list(work->books->db, &params, work->arena, work->result, work->error) < 0
               ? ERROR_BAD_REQUEST
               : ERROR_NONE;
}

enum rpc_error on_notification(struct work *work)
{
    const struct notification_params *params = work->params;
    struct notification_result *result = work->result;
    struct notification *message = arena_alloc(work->arena, sizeof(*message));

    if (!notifications_get(work->books->db, params->id, work->arena, message)) {
        error_set(work->error, "there is no message '" STR_FMT "'", STR_ARG(params->id));
        return ERROR_NOT_FOUND;
    }
    result->notification = message;
    return ERROR_NONE;
}

enum rpc_error on_journal(struct work *work)
{
    struct history_params params = resolved(work);

    return journal_list(work->books->db, &params, work->arena, work->result, work->error) < 0
               ? ERROR_BAD_REQUEST
               : ERROR_NONE;
}
