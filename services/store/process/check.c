/* After a crash: the indexes are checked against the records, in parts between which the store
 * serves. Berkeley DB's recovery brings back whole transactions, so nothing is expected to differ;
 * this finds what a defect of ours or a damaged file left. */
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/store/methods/handlers.h"
#include "services/store/process/store.h"

/* A pause as long as a part: half of the time is for those who ask. */
enum { PAUSE_MS = 3, RETRY_MS = 60000 };

struct check_job {
    struct commit_job job; /* first: store_forget_writes() frees it */
    struct store *store;
    struct arena arena;
    struct check_indexes_params params;
    struct check_indexes_result result;
};

static void next_part(void *arg);

static void finish(struct store *store)
{
    struct index_check *check = &store->index_check;
    int64_t took_ms = clock_mono_ms() - check->began_mono_ms;

    store->books.indexes_unproven = false;
    arena_done(&check->arena);
    if (check->missing + check->surplus == 0)
        log_info("the indexes agree with the records", LOG_INT("entries", check->entries),
                 LOG_INT("took_ms", took_ms));
    else
        log_warning("the indexes differed from the records and were rebuilt; see the journal",
                    LOG_INT("entries", check->entries), LOG_INT("missing", check->missing),
                    LOG_INT("surplus", check->surplus), LOG_INT("took_ms", took_ms));
}

static void go_on(struct store *store, const struct check_indexes_result *part)
{
    struct index_check *check = &store->index_check;

    check->entries += part->entries;
    check->missing += part->missing;
    check->surplus += part->surplus;
    arena_clear(&check->arena);
    check->position = arena_str(&check->arena, part->next);
    if (part->next.len == 0)
        finish(store);
    else
        check->timer = loop_after(store->context->loop, PAUSE_MS, next_part, store);
}

static void on_done(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct check_job *part = (struct check_job *)job;
    struct store *store = part->store;

    if (code == ERROR_NONE) {
        go_on(store, &part->result);
    } else {
        log_warning("the indexes could not be checked; trying again in a minute",
                    LOG_TEXT("why", message));
        store->index_check.timer = loop_after(store->context->loop, RETRY_MS, next_part, store);
    }
    arena_done(&part->arena);
    mem_free(part);
}

static void next_part(void *arg)
{
    struct store *store = arg;
    struct check_job *part = mem_alloc_zero(sizeof(*part));

    store->index_check.timer = NULL;
    *part = (struct check_job){.job = {.fn = on_check_indexes,
                                       .arena = &part->arena,
                                       .params = &part->params,
                                       .result = &part->result,
                                       .result_size = sizeof(part->result),
                                       .done = on_done},
                               .store = store,
                               .params = {.position = store->index_check.position}};
    store_submit(store, &part->job);
}

void store_start_check(struct store *store)
{
    if (!store->books.indexes_unproven)
        return;
    log_info("the store did not stop in order: it checks its indexes while it serves");
    store->index_check.began_mono_ms = clock_mono_ms();
    store->index_check.timer = loop_after(store->context->loop, PAUSE_MS, next_part, store);
}

void store_stop_check(struct store *store)
{
    loop_cancel(take(store->index_check.timer));
    arena_done(&store->index_check.arena);
}
