/* A backup: copied in steps on the loop, proved on a thread of its own, answered at the end. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/store/process/store.h"
#include "services/store/tables/journal.h"
#include "services/store/work/backup.h"

/* Between two steps waiting requests are served. */
enum { PAUSE_MS = 2 };

struct running_backup {
    struct store *store;
    struct backup *copy;
    struct rpc_request *request; /* NULL: the caller no longer waits */
    struct loop_timer *timer;
    char *target, *author;
    int64_t began_mono_ms, least_seq;
    pthread_t thread;
    bool proving;
    int pipe[2]; /* from the thread: it is done */
    int proved;  /* with these */
    struct backup_result result;
    struct error error;
};

/* The outcome, whatever it is, is logged; and told to who waits. */
static void finish(struct running_backup *backup, enum rpc_error code)
{
    struct store *store = backup->store;

    if (code != ERROR_NONE)
        log_warning("no backup was made", LOG_TEXT("directory", backup->target),
                    LOG_TEXT("why", backup->error.text));
    if (backup->request && code != ERROR_NONE)
        rpc_fail(backup->request, code, "%s", backup->error.text);
    else if (backup->request)
        rpc_reply(backup->request, &backup->result);
    loop_cancel(backup->timer);
    backup_end(backup->copy);
    mem_free(backup->target);
    mem_free(backup->author);
    mem_free(backup);
    store->backup = NULL;
}

struct note {
    struct commit_job job; /* first: store_forget_writes() frees it */
    struct arena arena;
    struct str text, author;
    struct nothing result;
};

static enum rpc_error write_note(struct work *work)
{
    const struct note *note = work->params;

    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = note->author;
    journal_note(work->change, AUDIT_BACKUP, note->text);
    return ERROR_NONE;
}

static void on_noted(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct note *note = (struct note *)job;

    if (code != ERROR_NONE)
        log_warning("the backup could not be journalled", LOG_TEXT("why", message));
    arena_done(&note->arena);
    mem_free(note);
}

/* That there is a copy of everything matters to the audit. */
static void journal_backup(struct running_backup *backup)
{
    struct note *note = mem_alloc_zero(sizeof(*note));

    note->author = arena_str(&note->arena, str_of(backup->author));
    note->text = arena_printf(&note->arena, "backup to %s", backup->target);
    note->job = (struct commit_job){.fn = write_note,
                                    .arena = &note->arena,
                                    .params = note,
                                    .result = &note->result,
                                    .result_size = sizeof(note->result),
                                    .done = on_noted};
    store_submit(backup->store, &note->job);
}

static void *prove(void *arg)
{
    struct running_backup *backup = arg;

    backup->proved = backup_prove(backup->copy, backup->least_seq, &backup->result, &backup->error);
    if (write(backup->pipe[1], "", 1) != 1)
        log_error("the thread that proved a backup cannot report it");
    return NULL;
}

static void join(struct running_backup *backup)
{
    loop_unwatch_fd(backup->store->context->loop, backup->pipe[0]);
    pthread_join(backup->thread, NULL);
    close(backup->pipe[0]);
    close(backup->pipe[1]);
    backup->proving = false;
}

static void on_proved(void *arg, int fd, int ready)
{
    struct running_backup *backup = arg;

    (void)fd;
    (void)ready;
    join(backup);
    if (backup->proved < 0 || backup_name(backup->copy, &backup->error) < 0) {
        finish(backup, ERROR_INTERNAL);
        return;
    }
    backup->result.took_ms = clock_mono_ms() - backup->began_mono_ms;
    log_info("a backup is made", LOG_TEXT("directory", backup->target),
             LOG_INT("bytes", backup->result.bytes), LOG_INT("seq", backup->result.seq),
             LOG_INT("took_ms", backup->result.took_ms));
    journal_backup(backup);
    finish(backup, ERROR_NONE);
}

static void start_proving(struct running_backup *backup)
{
    backup->least_seq = backup->store->books.seq;
    if (pipe2(backup->pipe, O_CLOEXEC) < 0) {
        error_set(&backup->error, "no pipe can be opened");
        finish(backup, ERROR_INTERNAL);
        return;
    }
    loop_watch_fd(backup->store->context->loop, backup->pipe[0], LOOP_READ, on_proved, backup);
    backup->proving = true;
    if (pthread_create(&backup->thread, NULL, prove, backup) == 0)
        return;
    backup->proving = false;
    loop_unwatch_fd(backup->store->context->loop, backup->pipe[0]);
    close(backup->pipe[0]);
    close(backup->pipe[1]);
    error_set(&backup->error, "no thread can be started");
    finish(backup, ERROR_INTERNAL);
}

static void on_step(void *arg)
{
    struct running_backup *backup = arg;

    backup->timer = NULL;
    int copied = backup_step(backup->copy, &backup->error);
    if (copied < 0)
        finish(backup, ERROR_INTERNAL);
    else if (copied > 0)
        start_proving(backup);
    else
        backup->timer = loop_after(backup->store->context->loop, PAUSE_MS, on_step, backup);
}

/* A caller that no longer waits does not get it either; what is being proved goes on. */
static void on_expired(void *arg, struct rpc_request *request)
{
    struct running_backup *backup = arg;

    (void)request;
    backup->request = NULL;
    if (backup->proving)
        return;
    error_set(&backup->error, "the caller no longer waits for it");
    finish(backup, ERROR_TIMEOUT);
}

void serve_backup(void *arg, struct rpc_request *request)
{
    struct store *store = arg;
    const struct backup_params *params = rpc_request_params(request);
    struct arena *arena = rpc_request_arena(request);
    struct error error;
    struct backup *copy;

    if (store->backup) {
        rpc_fail(request, ERROR_CONFLICT, "a backup is being made already, to %s",
                 store->backup->target);
        return;
    }
    struct str target = arena_str(arena, params->directory);
    if (backup_begin(&copy, store->books.db, target.len > 0 ? target.ptr : "",
                     store->settings->store.free_space_floor, &error) < 0) {
        rpc_fail(request, ERROR_BAD_REQUEST, "%s", error.text);
        return;
    }
    store->backup = mem_alloc_zero(sizeof(*store->backup));
    *store->backup = (struct running_backup){.store = store,
                                             .copy = copy,
                                             .request = request,
                                             .target = str_dup(params->directory),
                                             .author = str_dup(params->author),
                                             .began_mono_ms = clock_mono_ms()};
    rpc_park(request, on_expired, store->backup);
    store->backup->timer = loop_after(store->context->loop, PAUSE_MS, on_step, store->backup);
}

void store_stop_backup(struct store *store)
{
    struct running_backup *backup = store->backup;

    if (!backup)
        return;
    if (backup->proving)
        join(backup);
    error_set(&backup->error, "the store stops");
    finish(backup, ERROR_UNAVAILABLE);
}
