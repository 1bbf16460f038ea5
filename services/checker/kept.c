/* What the checker knew more than a store that came back: the store is told, and the operator of
 * what only people can bring back. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/checker/checker.h"

enum { NAMED_MAX = 20, NOTE_TIMEOUT_MS = 10000, ID_SIZE = 65, TEXT_SIZE = 1001 };

void checker_holds(void *arg, struct announce_params *params, struct arena *arena)
{
    struct checker *checker = arg;
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    checker->kept.announced = now.kept;
    params->kept = now.kept;
    params->incarnation = arena_str(arena, now.kept ? now.kept_incarnation : now.incarnation);
    params->seq = now.kept ? now.kept_seq : now.seq;
    if (!now.kept && !now.complete)
        params->incarnation = STR_NONE;
}

void checker_told(void *arg, const struct announce_result *result)
{
    const struct checker *checker = arg;

    if (checker->kept.announced)
        replica_follow_reported(checker->follow, result->seq);
}

typedef const struct override *next_override_fn(const struct replica *replica, struct str after_id,
                                                struct arena *arena);

/* By id; they live in the arena. */
static struct map *overrides_by_id(const struct replica *replica, next_override_fn *next,
                                   struct arena *arena)
{
    struct map *by_id = map_new();
    struct str after = STR_NONE;
    const struct override *override;

    while ((override = next(replica, after, arena))) {
        map_put(by_id, override->id, (void *)(uintptr_t) override);
        after = override->id;
    }
    return by_id;
}

static bool is_over(const struct override *override)
{
    return override->expires_at != 0 && override->expires_at <= clock_wall_s();
}

static void on_noted(void *arg, const struct rpc_response *response)
{
    (void)arg;
    if (response->code != ERROR_NONE)
        log_warning("the journal did not record a lost override",
                    LOG_STR("why", response->message));
}

/* Whom it is about is personal: the journal says so in full, where it can be erased. */
static void note(struct checker *checker, const char *what, const struct override *override,
                 uint64_t count)
{
    const char *action = choice_text(&enumeration_override_action, override->action);
    struct record_event_params params = {.event = AUDIT_OVERRIDE};
    char text[TEXT_SIZE];

    log_error(what, LOG_STR("override", override->id), LOG_TEXT("action", action),
              LOG_MASKED("handle", override->handle), LOG_INT("created_at", override->created_at));
    if (count > NAMED_MAX)
        return;
    snprintf(text, sizeof(text), "%s: " STR_FMT ", %s, %s" STR_FMT ", by " STR_FMT " (" STR_FMT ")",
             what, STR_ARG(override->handle), action,
             override->dimension.len > 0 ? "dimension " : "all dimensions",
             STR_ARG(override->dimension), STR_ARG(override->author), STR_ARG(override->reason));
    str_mend_utf8(text);
    params.text = str_of(text);
    rpc_call(checker->suite.store, METHOD_store_record_event, &params, NOTE_TIMEOUT_MS, STR_NONE,
             on_noted, NULL);
}

static void report_lost_override(struct checker *checker, const struct override *override)
{
    note(checker, "an override is lost to the store: set it again if you still want it", override,
         ++checker->kept.overrides_lost);
}

static void tell_back(struct checker *checker, const struct override *override)
{
    note(checker,
         "an override that had been removed is back: remove it again if you do not want it",
         override, ++checker->kept.overrides_back);
}

static void compare_overrides(struct checker *checker)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(map_freep) struct map *kept =
        overrides_by_id(checker->replica, replica_next_kept_override, &arena);
    cleanup(map_freep) struct map *now =
        overrides_by_id(checker->replica, replica_next_override, &arena);
    const struct override *one = NULL;

    while ((one = replica_next_kept_override(checker->replica, one ? one->id : STR_NONE, &arena))) {
        const struct override *same = map_get(now, one->id);
        if (!is_over(one) && (!same || same->created_at < one->created_at))
            report_lost_override(checker, one);
    }
    while ((one = replica_next_override(checker->replica, one ? one->id : STR_NONE, &arena))) {
        if (!is_over(one) && !map_get(kept, one->id))
            tell_back(checker, one);
    }
}

typedef const struct subscription *next_record_fn(const struct replica *replica,
                                                  struct str after_id, struct arena *arena);

static void each_tenant(const struct checker *checker, next_record_fn *next,
                        void (*visit)(void *arg, struct str tenant), void *arg)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    const struct subscription *record;
    char after[ID_SIZE] = "";

    while ((record = next(checker->replica, str_of(after), &arena))) {
        if (record->tenant.len > 0)
            visit(arg, record->tenant);
        snprintf(after, sizeof(after), STR_FMT, STR_ARG(record->id));
        arena_clear(&arena);
    }
}

struct tenants {
    struct checker *checker;
    struct map *now;
};

static void note_tenant(void *arg, struct str tenant)
{
    struct tenants *tenants = arg;

    map_put(tenants->now, tenant, tenants);
}

static void tell_tenant(void *arg, struct str tenant)
{
    struct tenants *tenants = arg;
    struct kept_watch *watch = &tenants->checker->kept;

    if (map_get(tenants->now, tenant))
        return;
    if (++watch->tenants_lost <= NAMED_MAX)
        log_warning("the store no longer knows a tenant id", LOG_MASKED("tenant", tenant));
}

static void compare_tenants(struct checker *checker)
{
    struct tenants tenants = {checker, map_new()};
    uint64_t before = checker->kept.tenants_lost;

    each_tenant(checker, replica_next, note_tenant, &tenants);
    each_tenant(checker, replica_next_kept, tell_tenant, &tenants);
    map_free(tenants.now);
    if (checker->kept.tenants_lost > before)
        log_error("tenant ids are lost to the store, and will lead nowhere once it has caught up: "
                  "link them again with 'entitlectl link'",
                  LOG_INT("tenants", checker->kept.tenants_lost - before));
}

static void begin(struct checker *checker, const struct replica_follow_state *now)
{
    log_warning("the store is not the one from before: answers also use the earlier copy, marked "
                "stale, until the store has caught up with AWS",
                LOG_STR("incarnation", now->kept_incarnation), LOG_INT("seq", now->kept_seq));
    suite_announce_again(&checker->suite);
}

void checker_watch_kept(struct checker *checker, const struct replica_follow_state *now)
{
    struct kept_watch *watch = &checker->kept;

    if (now->older_starts > watch->older_starts)
        log_error("the store came back older: it lacks commits that it had acknowledged",
                  LOG_INT("commits", now->lost_commits));
    watch->older_starts = now->older_starts;
    if (now->kept && !watch->kept)
        begin(checker, now);
    if (now->kept && now->complete && !watch->compared) {
        compare_overrides(checker);
        compare_tenants(checker);
        watch->compared = true;
    }
    if (!now->kept && watch->kept) {
        log_info("the store has caught up: answers use its records alone again");
        watch->compared = false;
    }
    watch->kept = now->kept;
}
