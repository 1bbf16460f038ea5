#include "proto/clients/c/remote/peers.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

enum {
    AVOID_MS = 250,
    AVOID_DOUBLINGS_MAX = 5,
    DESCRIBE_TIMEOUT_MS = 5000,
};

void peers_init(struct peers *peers, struct loop *loop, struct endpoint_context *context,
                struct roster *roster)
{
    *peers = (struct peers){.loop = loop, .context = context, .roster = roster};
    LIST_INIT(&peers->checkers);
    TAILQ_INIT(&peers->waiters);
}

static void close_checker(struct checker *checker)
{
    LIST_REMOVE(checker, entry);
    rpc_client_close(checker->client);
    mem_free(checker->endpoint);
    mem_free(checker->feed);
    mem_free(checker->key);
    mem_free(checker);
}

void peers_done(struct peers *peers)
{
    rpc_call_cancel(peers->describing);
    while (!LIST_EMPTY(&peers->checkers))
        close_checker(LIST_FIRST(&peers->checkers));
    roster_release(peers->view);
}

void peers_wait(struct peers *peers, struct peers_waiter *waiter)
{
    TAILQ_INSERT_TAIL(&peers->waiters, waiter, entry);
    peers->waiter_count++;
}

void peers_unwait(struct peers *peers, struct peers_waiter *waiter)
{
    TAILQ_REMOVE(&peers->waiters, waiter, entry);
    peers->waiter_count--;
}

/* Waiters that wait again have their turn next time. */
static void wake_waiters(struct peers *peers)
{
    struct peers_waiter *waiter;

    for (size_t n = peers->waiter_count; n > 0 && (waiter = TAILQ_FIRST(&peers->waiters)); n--) {
        peers_unwait(peers, waiter);
        waiter->fn(waiter->arg);
    }
}

static void on_connection(void *arg, bool connected)
{
    struct checker *checker = arg;

    if (!connected)
        return;
    checker_answered(checker);
    wake_waiters(checker->peers);
}

/* An endpoint without an expected key, or one that libzmq refuses (its host does not resolve),
 * counts as away. */
static void open_checker(struct peers *peers, const struct roster_entry *entry)
{
    const char *addresses[] = {entry->endpoint};
    const struct config_list list = {addresses, 1};
    struct rpc_client *client;

    if (entry->key)
        endpoint_context_expect(peers->context, entry->endpoint, entry->key);
    if (rpc_client_open(&client, peers->loop, peers->context, &list, NULL) < 0)
        return;
    struct checker *checker = mem_alloc_zero(sizeof(*checker));
    checker->peers = peers;
    checker->client = client;
    checker->endpoint = mem_strdup(entry->endpoint);
    checker->key = mem_strdup(entry->key);
    LIST_INSERT_HEAD(&peers->checkers, checker, entry);
    rpc_client_on_connection(client, on_connection, checker);
}

/* A connection keeps the key that it expects: another key means another checker. */
static struct checker *find_checker(const struct peers *peers, const struct roster_entry *entry)
{
    struct checker *checker;

    LIST_FOREACH (checker, &peers->checkers, entry) {
        if (str_eq_text(str_of(entry->endpoint), checker->endpoint) &&
            str_eq(str_of(entry->key), str_of(checker->key)))
            return checker;
    }
    return NULL;
}

static void take_entry(struct peers *peers, const struct roster_entry *entry)
{
    struct checker *checker = find_checker(peers, entry);

    if (!checker) {
        open_checker(peers, entry);
        checker = find_checker(peers, entry);
    }
    if (!checker)
        return;
    checker->leaving = false;
    mem_free(checker->feed);
    checker->feed = mem_strdup(entry->feed);
    if (entry->key && entry->feed)
        endpoint_context_expect(peers->context, entry->feed, entry->key);
}

static void follow_roster(struct peers *peers)
{
    struct checker *checker, *next;

    if (roster_is_newer(peers->roster, peers->view)) {
        roster_release(take(peers->view));
        peers->view = roster_hold(peers->roster);
        LIST_FOREACH (checker, &peers->checkers, entry)
            checker->leaving = true;
        for (size_t i = 0; i < peers->view->count; i++)
            take_entry(peers, &peers->view->entries[i]);
    }
    for (checker = LIST_FIRST(&peers->checkers); checker; checker = next) {
        next = LIST_NEXT(checker, entry);
        if (checker->leaving && checker->users == 0)
            close_checker(checker);
    }
}

static void on_described(void *arg, const struct rpc_response *response)
{
    struct peers *peers = arg;
    struct checker *checker = peers->described;

    peers->describing = NULL;
    checker->users--;
    if (response->code != ERROR_NONE) {
        checker_failed(checker);
        return;
    }
    checker_answered(checker);
    roster_learn(peers->roster, checker->endpoint, response->result);
}

static void ask_for_checkers(struct peers *peers)
{
    if (peers->describing || !peers_connected(peers) ||
        !roster_take_ask_turn(peers->roster, clock_mono_ms()))
        return;
    struct checker *checker = peers_choose(peers, NULL, NULL);
    checker->users++;
    peers->described = checker;
    peers->describing = rpc_call(checker->client, METHOD_query_describe, NULL, DESCRIBE_TIMEOUT_MS,
                                 STR_NONE, on_described, peers);
}

void peers_refresh(struct peers *peers)
{
    if (!peers_connected(peers) && peers->view &&
        roster_take_look_turn(peers->roster, clock_mono_ms()))
        roster_look(peers->roster);
    follow_roster(peers);
    ask_for_checkers(peers);
}

/* Whether a is asked before b. */
static bool better(const struct checker *a, const struct checker *b, int64_t now)
{
    bool avoid_a = a->avoid_until_mono_ms > now, avoid_b = b->avoid_until_mono_ms > now;

    if (avoid_a != avoid_b)
        return avoid_b;
    if (avoid_a && a->avoid_until_mono_ms != b->avoid_until_mono_ms)
        return a->avoid_until_mono_ms < b->avoid_until_mono_ms;
    return a->chosen < b->chosen;
}

struct checker *peers_choose(struct peers *peers,
                             bool (*fits)(const void *arg, const struct checker *checker),
                             const void *arg)
{
    struct checker *best = NULL, *checker;
    int64_t now = clock_mono_ms();

    LIST_FOREACH (checker, &peers->checkers, entry) {
        if (checker->leaving || !rpc_client_connected(checker->client) ||
            (fits && !fits(arg, checker)))
            continue;
        if (!best || better(checker, best, now))
            best = checker;
    }
    if (best)
        best->chosen = ++peers->choices;
    return best;
}

bool peers_connected(const struct peers *peers)
{
    struct checker *checker;

    LIST_FOREACH (checker, &peers->checkers, entry) {
        if (!checker->leaving && rpc_client_connected(checker->client))
            return true;
    }
    return false;
}

size_t peers_count(const struct peers *peers)
{
    return peers->view ? peers->view->count : 0;
}

void checker_failed(struct checker *checker)
{
    unsigned doublings =
        checker->failures < AVOID_DOUBLINGS_MAX ? checker->failures : AVOID_DOUBLINGS_MAX;

    checker->failures++;
    checker->avoid_until_mono_ms = clock_mono_ms() + ((int64_t)AVOID_MS << doublings);
}

void checker_answered(struct checker *checker)
{
    checker->failures = 0;
    checker->avoid_until_mono_ms = 0;
}
