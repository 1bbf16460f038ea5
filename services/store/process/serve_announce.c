/* Processes that say that they live; and what follows if a checker knows more than the store. */
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/store/process/store.h"
#include "services/store/work/catch_up.h"

struct announcement {
    struct commit_job job; /* first: store_forget_writes() frees it */
    struct store *store;
    struct rpc_request *request;
    enum catch_up_finding finding;
    struct nothing result;
};

static void answer(struct store *store, struct rpc_request *request)
{
    const struct announce_result result = {
        .peers = store_live_checkers(store, rpc_request_arena(request)), .seq = store->books.seq};

    rpc_reply(request, &result);
}

static void tell(const struct announcement *announcement)
{
    const struct announce_params *params = announcement->job.params;

    struct books *books = &announcement->store->books;

    if (announcement->finding == CATCH_UP_OLDER) {
        books->lost_commits = params->seq - books->start_seq;
        log_error("the store came back older than it was: commits that it had acknowledged are "
                  "lost. It has a new incarnation now and asks AWS about everything; lost "
                  "overrides and tenant ids are in the checkers' logs and in the journal",
                  LOG_STR("checker", params->peer->name), LOG_INT("held_seq", params->seq),
                  LOG_INT("found_seq", books->start_seq));
    } else {
        log_warning("a checker holds more than the store: AWS is asked about everything",
                    LOG_STR("checker", params->peer->name));
    }
}

static void on_begun(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct announcement *announcement = (struct announcement *)job;
    struct store *store = announcement->store;

    if (code == ERROR_NONE) {
        tell(announcement);
        answer(store, announcement->request);
    } else {
        rpc_fail(announcement->request, code, "%s", message);
    }
    mem_free(announcement);
}

static void on_expired(void *arg, struct rpc_request *request)
{
    struct announcement *announcement = arg;

    (void)request;
    commit_cancel(&announcement->store->commit, &announcement->job);
    mem_free(announcement);
}

/* Answered when it is done: only then may the checker believe that the store has caught up. */
static void begin(struct store *store, struct rpc_request *request, enum catch_up_finding finding)
{
    struct announcement *announcement = mem_alloc_zero(sizeof(*announcement));

    *announcement = (struct announcement){.job = {.fn = catch_up_begin,
                                                  .arena = rpc_request_arena(request),
                                                  .params = rpc_request_params(request),
                                                  .result = &announcement->result,
                                                  .result_size = sizeof(announcement->result),
                                                  .done = on_begun},
                                          .store = store,
                                          .request = request,
                                          .finding = finding};
    rpc_park(request, on_expired, announcement);
    store_submit(store, &announcement->job);
}

void serve_announce(void *arg, struct rpc_request *request)
{
    struct store *store = arg;
    const struct announce_params *params = rpc_request_params(request);
    enum catch_up_finding finding = catch_up_compare(&store->books, params);

    presence_announce(store->presence, params, clock_mono_ms());
    if (finding == CATCH_UP_KNOWN)
        answer(store, request);
    else
        begin(store, request, finding);
}

struct end_job {
    struct commit_job job; /* first: store_forget_writes() frees it */
    struct store *store;
    struct arena arena;
    struct nothing result;
};

static void on_ended(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct end_job *end = (struct end_job *)job;
    struct store *store = end->store;

    store->caught_up_is_due = false;
    if (code != ERROR_NONE)
        log_warning("the end of catching up cannot be written", LOG_TEXT("why", message));
    else if (store->books.catching_up_since_s == 0)
        log_info("the store has caught up with AWS");
    arena_done(&end->arena);
    mem_free(end);
}

void store_watch_catch_up(struct store *store)
{
    struct end_job *end;

    if (store->caught_up_is_due || !catch_up_is_done(&store->books))
        return;
    store->caught_up_is_due = true;
    end = mem_alloc_zero(sizeof(*end));
    *end = (struct end_job){.job = {.fn = catch_up_end,
                                    .arena = &end->arena,
                                    .result = &end->result,
                                    .result_size = sizeof(end->result),
                                    .done = on_ended},
                            .store = store};
    store_submit(store, &end->job);
}

void store_start_catching_up(struct store *store)
{
    if (store->books.catching_up_since_s != 0)
        log_warning(
            "the store is new, restored, or had not caught up: every product is swept before "
            "anything else, and checkers that know more answer from their earlier copies meanwhile",
            LOG_INT("seq", store->books.seq));
}
