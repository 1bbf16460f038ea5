#include "proto/suite/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"

enum { INTERVAL_MS = 60 * 1000, STORE_TIMEOUT_MS = 5000, WHO_SIZE = 160 };

struct kind {
    struct kind *next;
    struct audit *audit;
    const char *what;
    char who[WHO_SIZE]; /* the last one; "": nobody is named */
    uint64_t count;     /* not yet in the journal */
    uint64_t telling;
    int64_t since_mono_ms; /* of the first of them */
    struct loop_timer *timer;
    struct rpc_call *call;
};

struct audit {
    struct audit_options options;
    struct kind *kinds;
};

struct audit *audit_new(const struct audit_options *options)
{
    struct audit *audit = mem_alloc_zero(sizeof(*audit));

    audit->options = *options;
    if (audit->options.interval_ms == 0)
        audit->options.interval_ms = INTERVAL_MS;
    return audit;
}

void audit_free(struct audit *audit)
{
    if (!audit)
        return;
    while (audit->kinds) {
        struct kind *kind = audit->kinds;
        audit->kinds = kind->next;
        loop_cancel(kind->timer);
        rpc_call_cancel(kind->call);
        mem_free(kind);
    }
    mem_free(audit);
}

static void tell(struct kind *kind);

static void on_interval(void *arg)
{
    struct kind *kind = arg;

    kind->timer = NULL;
    if (kind->count > 0 && !kind->call)
        tell(kind);
}

/* What was not taken is told with what comes until the next time. */
static void on_told(void *arg, const struct rpc_response *response)
{
    struct kind *kind = arg;

    kind->call = NULL;
    if (response->code == ERROR_NONE) {
        kind->count -= kind->telling;
        kind->since_mono_ms = clock_mono_ms();
    } else {
        log_debug("the journal did not record an event; trying again later",
                  LOG_TEXT("what", kind->what), LOG_STR("why", response->message));
    }
    if (kind->count > 0 && !kind->timer)
        kind->timer = loop_after(kind->audit->options.loop, kind->audit->options.interval_ms,
                                 on_interval, kind);
}

static void tell(struct kind *kind)
{
    const struct audit_options *options = &kind->audit->options;
    int64_t seconds = (clock_mono_ms() - kind->since_mono_ms + 999) / 1000;
    struct arena arena = ARENA_INIT;
    struct record_event_params params = {.event = AUDIT_REFUSED};

    params.text = arena_printf(&arena, "%s: %s%s%s", options->process, kind->what,
                               *kind->who ? ", " : "", kind->who);
    if (kind->count > 1)
        params.text = arena_printf(&arena, STR_FMT " (%" PRIu64 " times in %" PRId64 " s)",
                                   STR_ARG(params.text), kind->count, seconds);
    kind->telling = kind->count;
    kind->call = rpc_call(options->store, METHOD_store_record_event, &params, STORE_TIMEOUT_MS,
                          STR_NONE, on_told, kind);
    kind->timer = loop_after(options->loop, options->interval_ms, on_interval, kind);
    arena_done(&arena);
}

static struct kind *kind_of(struct audit *audit, const char *what)
{
    struct kind *kind;

    for (kind = audit->kinds; kind; kind = kind->next) {
        if (strcmp(kind->what, what) == 0)
            return kind;
    }
    kind = mem_alloc_zero(sizeof(*kind));
    kind->audit = audit;
    kind->what = what;
    kind->next = audit->kinds;
    audit->kinds = kind;
    return kind;
}

void audit_refused(struct audit *audit, const char *what)
{
    audit_refused_by(audit, what, "", 1);
}

void audit_refused_by(struct audit *audit, const char *what, const char *who, uint64_t count)
{
    struct kind *kind = kind_of(audit, what);

    snprintf(kind->who, sizeof(kind->who), "%s", who);
    if (kind->count == 0)
        kind->since_mono_ms = clock_mono_ms();
    kind->count += count;
    if (!kind->timer && !kind->call)
        tell(kind);
}
