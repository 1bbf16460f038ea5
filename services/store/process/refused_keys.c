/* Over TCP only the keys of a list are let in; the store itself journals that others tried. */
#include <inttypes.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/store/methods/handlers.h"
#include "services/store/process/store.h"

struct event_job {
    struct commit_job job; /* first: store_forget_writes() frees it */
    struct arena arena;
    struct record_event_params params;
    struct nothing result;
};

static void on_recorded(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct event_job *event = (struct event_job *)job;

    if (code != ERROR_NONE)
        log_warning("a refused key could not be journalled", LOG_TEXT("why", message));
    arena_done(&event->arena);
    mem_free(event);
}

void store_journal_refused_keys(void *arg, const char *last, uint64_t count)
{
    struct store *store = arg;
    struct event_job *event = mem_alloc_zero(sizeof(*event));

    event->params = (struct record_event_params){
        .event = AUDIT_REFUSED,
        .text = arena_printf(&event->arena, "store: " ADMISSION_REFUSAL ", %s (%" PRIu64 " times)",
                             last, count)};
    event->job = (struct commit_job){.fn = on_record_event,
                                     .arena = &event->arena,
                                     .params = &event->params,
                                     .result = &event->result,
                                     .result_size = sizeof(event->result),
                                     .done = on_recorded};
    store_submit(store, &event->job);
}
