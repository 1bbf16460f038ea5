/* What an operator asks of the store about itself. */
#include <inttypes.h>

#include "services/store/methods/handlers.h"
#include "services/store/tables/chain.h"
#include "services/store/tables/index_rules.h"
#include "services/store/tables/journal.h"

static void note_rebuilt(struct change *change, const struct index_part *found, struct arena *arena)
{
    if (found->missing + found->surplus == 0)
        return;
    journal_note(change, AUDIT_INDEX_REBUILT,
                 arena_printf(arena,
                              "index %s rebuilt: %" PRId64 " entries were missing, %" PRId64
                              " were too many",
                              found->rule->name, found->missing, found->surplus));
}

enum rpc_error on_check_indexes(struct work *work)
{
    const struct check_indexes_params *params = work->params;
    struct check_indexes_result *result = work->result;
    struct index_part part;

    work->change->origin.cause = params->author.len > 0 ? CAUSE_OPERATOR : CAUSE_STORE;
    work->change->origin.author = params->author;
    struct change *mending = params->report_only ? NULL : work->change;
    if (indexes_check(work->change->db, &index_rules, mending, params->position, work->arena,
                      &part) < 0) {
        error_set(work->error, "'position' must be the 'next' of a part before");
        return ERROR_BAD_REQUEST;
    }
    if (mending)
        note_rebuilt(mending, &part, work->arena);
    *result = (struct check_indexes_result){.index = str_of(part.rule->name),
                                            .entries = part.entries,
                                            .missing = part.missing,
                                            .surplus = part.surplus,
                                            .next = part.next};
    return ERROR_NONE;
}

enum rpc_error on_journal_verify(struct work *work)
{
    return chain_verify(work->books->db, work->params, work->arena, work->result, work->error) < 0
               ? ERROR_BAD_REQUEST
               : ERROR_NONE;
}

enum rpc_error on_journal_erase(struct work *work)
{
    const struct journal_erase_params *params = work->params;
    struct journal_erase_result *result = work->result;
    struct change *change = work->change;

    if (params->subscription.len + params->override.len + params->name.len == 0) {
        error_set(work->error, "give one of subscription, override and name");
        return ERROR_BAD_REQUEST;
    }
    if (journal_erase(change, params, result, work->error) < 0)
        return ERROR_BAD_REQUEST;
    result->at = arena_str(work->arena, result->at);
    change->origin.cause = CAUSE_OPERATOR;
    change->origin.author = params->author;
    if (result->entries > 0)
        journal_note(
            change, AUDIT_WORDS_ERASED,
            arena_printf(work->arena, "words of %" PRId64 " entries erased", result->entries));
    return ERROR_NONE;
}

/* A refused peer may come again at once: the journal keeps enough to show it, not each time. */
enum rpc_error on_record_event(struct work *work)
{
    enum { EVENTS_PER_MINUTE = 60 };
    const struct record_event_params *params = work->params;
    struct event_ration *ration = &work->books->event_ration;
    int64_t minute = change_now_s(work->change) / 60;

    if (ration->minute != minute)
        *ration = (struct event_ration){.minute = minute};
    if (ration->count >= EVENTS_PER_MINUTE) {
        error_set(work->error, "more than %d events in a minute are not recorded",
                  EVENTS_PER_MINUTE);
        return ERROR_THROTTLED;
    }
    ration->count++;
    work->change->origin.cause = params->author.len > 0 ? CAUSE_OPERATOR : CAUSE_STORE;
    work->change->origin.author = params->author;
    journal_note(work->change, params->event, params->text);
    return ERROR_NONE;
}
