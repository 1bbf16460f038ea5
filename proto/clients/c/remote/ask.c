#include "proto/clients/c/remote/ask.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

enum {
    ATTEMPTS_MAX = 16,
    /* A checker that has been silent for so long when another answers is asked last from then on.
     */
    SILENCE_MS = 250,
    /* Between two attempts at the same checkers. */
    PAUSE_MS = 50,
    /* For a checker that is known but not connected, when the others have failed: it may be
     * starting. */
    COMING_MS = 200,
};

struct attempt {
    struct ask *ask;
    struct rpc_call *call; /* NULL: over */
    struct checker *checker;
    int64_t began_mono_ms;
};

struct ask {
    struct peers *peers;
    struct ask_options options;
    ask_done_fn *done;
    void *arg;
    int64_t due_mono_ms, hedge_ms;
    struct attempt attempts[ATTEMPTS_MAX];
    size_t count;     /* of attempts; begins anew when all checkers have failed */
    size_t in_flight; /* of them */
    bool tried;       /* at all */
    bool waited;      /* for a checker that is starting */
    struct loop_timer *deadline, *next_try;
    struct peers_waiter waiter;
    bool waiting;
    enum rpc_error code; /* of the last failure */
    char sentence[256];
};

static void try_next(struct ask *ask);

static void stop_waiting(struct ask *ask)
{
    if (ask->waiting)
        peers_unwait(ask->peers, &ask->waiter);
    ask->waiting = false;
    loop_cancel(take(ask->next_try));
}

static void end_attempt(struct attempt *attempt)
{
    attempt->call = NULL;
    attempt->checker->users--;
    attempt->ask->in_flight--;
}

static void ask_free(struct ask *ask)
{
    stop_waiting(ask);
    loop_cancel(ask->deadline);
    for (size_t i = 0; i < ask->count; i++) {
        struct attempt *attempt = &ask->attempts[i];
        if (!attempt->call)
            continue;
        if (clock_mono_ms() - attempt->began_mono_ms >= SILENCE_MS)
            checker_failed(attempt->checker);
        rpc_call_cancel(attempt->call);
        end_attempt(attempt);
    }
    mem_free(ask);
}

void ask_cancel(struct ask *ask)
{
    if (ask)
        ask_free(ask);
}

static void count(struct ask *ask, enum entitled_counter counter, uint64_t more)
{
    tally_add(roster_tally(ask->peers->roster), counter, more);
}

static void finish(struct ask *ask, const struct rpc_response *response)
{
    ask_done_fn *done = ask->done;
    void *arg = ask->arg;

    ask_free(ask);
    done(arg, response);
}

/* The sentence is copied: the response is gone when it is read. */
static void finish_failed(struct ask *ask)
{
    char sentence[sizeof(ask->sentence)];

    snprintf(sentence, sizeof(sentence), "%s", ask->sentence);
    const struct rpc_response response = {.code = ask->code, .message = str_of(sentence)};
    finish(ask, &response);
}

static void remember(struct ask *ask, enum rpc_error code, struct str message)
{
    ask->code = code;
    snprintf(ask->sentence, sizeof(ask->sentence), STR_FMT, STR_ARG(message));
}

static void on_deadline(void *arg)
{
    struct ask *ask = arg;

    ask->deadline = NULL;
    if (ask->in_flight > 0) {
        ask->code = ERROR_TIMEOUT;
        snprintf(ask->sentence, sizeof(ask->sentence), "no checker has answered within %lld ms",
                 (long long)ask->options.timeout_ms);
    } else if (!ask->tried) {
        ask->code = ERROR_UNAVAILABLE;
        snprintf(ask->sentence, sizeof(ask->sentence), "no checker can be reached (%zu known)",
                 peers_count(ask->peers));
    }
    finish_failed(ask);
}

static bool is_untried(const void *arg, const struct checker *checker)
{
    const struct ask *ask = arg;

    for (size_t i = 0; i < ask->count; i++) {
        if (ask->attempts[i].checker == checker)
            return false;
    }
    return true;
}

/* Errors that may be over a moment later. For the others, asking again would not help, or would
 * make things worse. */
static bool is_passing(enum rpc_error code)
{
    return code == ERROR_UNAVAILABLE || code == ERROR_NOT_READY;
}

static void on_time(void *arg)
{
    struct ask *ask = arg;

    ask->next_try = NULL;
    try_next(ask);
}

static void try_in(struct ask *ask, int64_t delay_ms)
{
    loop_cancel(ask->next_try);
    ask->next_try = loop_after(ask->peers->loop, delay_ms, on_time, ask);
}

static void wait_for_connection(struct ask *ask)
{
    peers_wait(ask->peers, &ask->waiter);
    ask->waiting = true;
}

/* Asking the same checker again would not help. */
static void others_or_nothing(struct ask *ask)
{
    if (ask->waited || ask->count >= peers_count(ask->peers)) {
        finish_failed(ask);
        return;
    }
    ask->waited = true;
    try_in(ask, COMING_MS);
    wait_for_connection(ask);
}

/* Every checker that is connected has been asked. */
static void nobody_left(struct ask *ask)
{
    if (ask->in_flight > 0) {
        wait_for_connection(ask);
        return;
    }
    if (ask->tried && !is_passing(ask->code)) {
        others_or_nothing(ask);
        return;
    }
    ask->count = 0;
    if (peers_connected(ask->peers))
        try_in(ask, PAUSE_MS);
    wait_for_connection(ask);
}

static void on_done(void *arg, const struct rpc_response *response)
{
    struct attempt *attempt = arg;
    struct ask *ask = attempt->ask;

    end_attempt(attempt);
    if (response->code == ERROR_NONE || !rpc_errors[response->code].retryable) {
        checker_answered(attempt->checker);
        count(ask, ENTITLED_COUNT_DROPPED, ask->in_flight);
        finish(ask, response);
        return;
    }
    checker_failed(attempt->checker);
    remember(ask, response->code, response->message);
    try_next(ask);
}

/* The server has a little less time than the question, so that its last answer still arrives. */
static int64_t time_for_server(const struct ask *ask)
{
    int64_t left = ask->due_mono_ms - clock_mono_ms();

    left -= left / 10;
    return left > 0 ? left : 1;
}

static void send_to(struct ask *ask, struct checker *checker)
{
    struct attempt *attempt = &ask->attempts[ask->count++];
    const struct ask_options *options = &ask->options;

    *attempt = (struct attempt){.ask = ask, .checker = checker, .began_mono_ms = clock_mono_ms()};
    attempt->call = rpc_call(checker->client, options->method, options->params,
                             time_for_server(ask), options->trace, on_done, attempt);
    checker->users++;
    count(ask, ENTITLED_COUNT_ASKED, 1);
    if (ask->in_flight > 0)
        count(ask, ENTITLED_COUNT_HEDGED, 1);
    else if (ask->tried)
        count(ask, ENTITLED_COUNT_FAILED_OVER, 1);
    ask->in_flight++;
    ask->tried = true;
    if (!options->never_hedge)
        try_in(ask, ask->hedge_ms);
}

static void try_next(struct ask *ask)
{
    struct checker *checker = NULL;

    stop_waiting(ask);
    if (ask->count < ATTEMPTS_MAX)
        checker = peers_choose(ask->peers, is_untried, ask);
    if (checker)
        send_to(ask, checker);
    else
        nobody_left(ask);
}

static void on_connection(void *arg)
{
    struct ask *ask = arg;

    ask->waiting = false;
    try_next(ask);
}

struct ask *ask_start(struct peers *peers, const struct ask_options *options, ask_done_fn *done,
                      void *arg)
{
    struct ask *ask = mem_alloc(sizeof(*ask));

    /* The attempts are set as they are made. */
    ask->peers = peers;
    ask->options = *options;
    ask->done = done;
    ask->arg = arg;
    ask->due_mono_ms = clock_mono_ms() + options->timeout_ms;
    ask->hedge_ms = options->hedge_ms > 0 ? options->hedge_ms : options->timeout_ms / 4;
    ask->count = ask->in_flight = 0;
    ask->tried = ask->waited = false;
    ask->next_try = NULL;
    ask->waiter = (struct peers_waiter){.fn = on_connection, .arg = ask};
    ask->waiting = false;
    ask->code = ERROR_NONE;
    ask->sentence[0] = '\0';
    ask->deadline = loop_after(peers->loop, options->timeout_ms, on_deadline, ask);
    try_next(ask);
    return ask;
}

struct ask_options ask_options_of(const struct inquiry *question,
                                  const struct entitled_options *options)
{
    return (struct ask_options){
        .method = METHOD_query_check,
        .params = &question->params,
        .trace = question->trace,
        .timeout_ms = question->timeout_ms,
        .hedge_ms = options->hedge_ms,
        /* A checker that asks AWS takes long; a second one would only ask AWS again. */
        .never_hedge = question->params.max_age_ms > 0,
    };
}
