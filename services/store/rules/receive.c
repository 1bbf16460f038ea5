#include "services/store/rules/receive.h"

#include "services/store/rules/events.h"
#include "services/store/tables/notifications.h"

/* As the journal names it. */
static struct str author_of(struct change *change, const struct notification *message)
{
    enum { NAME_MAX_BYTES = 200 };
    struct str replay = message->replay;

    if (replay.len == 0 || replay.len > NAME_MAX_BYTES)
        return message->id;
    return arena_printf(&change->arena, STR_FMT " (replay " STR_FMT ")", STR_ARG(message->id),
                        STR_ARG(replay));
}

void receive_notification(struct books *books, struct change *change,
                          const struct notification *message, struct notification *ret)
{
    enum { SUBSCRIPTIONS_MAX = 1000 };
    struct ids subscriptions = {.arena = &change->arena};
    bool seen = notifications_have(change->db, message, &change->arena);

    *ret = *message;
    ret->id = notifications_new_id(change);
    ret->received_at = change_now_s(change);
    ret->outcome = outcome_none;
    if (ret->event_time == 0 || ret->event_time > ret->received_at)
        ret->event_time = ret->received_at;
    change->origin =
        (struct origin){CAUSE_NOTIFICATION, author_of(change, ret), change->origin.trace};
    if (ret->trace.len == 0)
        ret->trace = change->origin.trace;
    events_apply(books, change, ret, &subscriptions);
    if (seen)
        ret->outcome = OUTCOME_DUPLICATE;
    ret->subscriptions = subscriptions.list;
    if (ret->subscriptions.count > SUBSCRIPTIONS_MAX)
        ret->subscriptions.count = SUBSCRIPTIONS_MAX;
    notifications_put(change, ret);
}
