/* Over TCP only the keys of a list are let in; that others tried is an event for the journal. */
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/checker/checker.h"

enum { RECORD_TIMEOUT_MS = 10000 };

/* While the store is away the log has it. */
static void on_recorded(void *arg, const struct rpc_response *response)
{
    struct checker *checker = arg;

    checker->event = NULL;
    if (response->code != ERROR_NONE)
        log_warning("a refused key could not be journalled", LOG_STR("why", response->message));
}

static void on_refused(void *arg, struct str sentence)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct checker *checker = arg;
    const struct record_event_params params = {.event = AUDIT_REFUSED,
                                               .text = arena_printf(&arena, "checker %s: " STR_FMT,
                                                                    checker->daemon->instance,
                                                                    STR_ARG(sentence))};

    if (!checker->event)
        checker->event = rpc_call(checker->store, METHOD_store_record_event, &params,
                                  RECORD_TIMEOUT_MS, STR_NONE, on_recorded, checker);
}

int checker_guard(struct checker *checker, const struct config_list *addresses, struct error *error)
{
    const struct admission_options options = {
        .loop = checker->daemon->loop,
        .context = checker->sockets,
        .allowed_keys = settings_allowed_keys(checker->settings, "checker", &checker->arena),
        .on_refused = on_refused,
        .arg = checker};

    return curve_before_bind(&checker->admission, addresses,
                             settings_certificate(checker->settings, "checker", &checker->arena),
                             &options, error);
}
