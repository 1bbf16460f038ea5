/* libentitled from many threads: ask_threads DIRECTORY. Some ask in process, some begin and end
 * with one question, one asks asynchronously, and one opens and closes clients of its own, until
 * each has done so for a while; then the client is closed with questions outstanding. Prints how
 * often each answered.
 *
 * The answers must allow at least one seat: the feed may change how many, never that. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "entitled.h"

enum { ASKERS = 2, ASYNCHRONOUS = 200, BRIEF = 200, OPENED = 8, OUTSTANDING = 4, WAIT_MS = 60000 };

struct town {
    const char *directory;
    struct entitled *client;
    atomic_bool ended;
    atomic_long asked, brief, asynchronous, opened, cancelled;
};

static void must(int code, const struct entitled_error *error)
{
    if (code == ENTITLED_OK)
        return;
    fprintf(stderr, "ask_threads: %s: %s\n", entitled_code_name(code), error->sentence);
    _exit(1);
}

static struct entitled *open_client(const struct town *town)
{
    struct entitled_options *options = entitled_options_new();
    struct entitled_error error;
    struct entitled *client;

    entitled_options_set_mode(options, ENTITLED_IN_PROCESS);
    entitled_options_set_directory(options, town->directory);
    entitled_options_set_timeout_ms(options, WAIT_MS);
    must(entitled_open(&client, options, &error), &error);
    entitled_options_free(options);
    must(entitled_wait_ready(client, WAIT_MS, &error), &error);
    return client;
}

static struct entitled_question question(void)
{
    struct entitled_question question = ENTITLED_QUESTION_INIT;

    question.handle = "acme";
    question.dimension = "seats";
    return question;
}

static void ask(struct entitled *client, struct entitled_answer *answer)
{
    const struct entitled_question asked = question();
    struct entitled_error error;

    must(entitled_check(client, &asked, answer, &error), &error);
    if (entitled_answer_allow(answer) && entitled_answer_granted_integer(answer) >= 1)
        return;
    fprintf(stderr, "ask_threads: refused: %s\n", entitled_answer_reason_name(answer));
    _exit(1);
}

static void *ask_all_the_while(void *arg)
{
    struct town *town = arg;
    struct entitled_answer *answer = entitled_answer_new();

    for (; !atomic_load(&town->ended); atomic_fetch_add(&town->asked, 1))
        ask(town->client, answer);
    entitled_answer_free(answer);
    return NULL;
}

static void on_done(void *arg, int code, const struct entitled_answer *answer,
                    const struct entitled_error *error)
{
    struct town *town = arg;

    if (code == ENTITLED_CANCELLED) {
        atomic_fetch_add(&town->cancelled, 1);
        return;
    }
    must(code, error);
    if (!entitled_answer_allow(answer))
        _exit(1);
    atomic_fetch_add(&town->asynchronous, 1);
}

static void ask_one_more(struct town *town)
{
    struct entitled_question asked = question();
    struct entitled_error error;

    /* That fresh it is a checker's to say, so that it takes a while. */
    asked.max_age_ms = 1;
    must(entitled_check_async(town->client, &asked, on_done, town, &error), &error);
}

static void *ask_asynchronously(void *arg)
{
    struct town *town = arg;
    struct entitled_error error;
    struct pollfd ready = {.events = POLLIN};

    must(entitled_fd(town->client, &ready.fd, &error), &error);
    while (!atomic_load(&town->ended)) {
        long before = atomic_load(&town->asynchronous);
        ask_one_more(town);
        while (atomic_load(&town->asynchronous) == before) {
            poll(&ready, 1, WAIT_MS);
            must(entitled_dispatch(town->client, &error), &error);
        }
    }
    for (int i = 0; i < OUTSTANDING; i++)
        ask_one_more(town);
    return NULL;
}

static void *come_and_go(void *arg)
{
    struct town *town = arg;
    struct entitled_answer *answer = entitled_answer_new();

    do {
        struct entitled *client = open_client(town);
        ask(client, answer);
        entitled_close(client);
        atomic_fetch_add(&town->opened, 1);
    } while (!atomic_load(&town->ended));
    entitled_answer_free(answer);
    return NULL;
}

static void *ask_once(void *arg)
{
    struct town *town = arg;
    struct entitled_answer *answer = entitled_answer_new();

    ask(town->client, answer);
    entitled_answer_free(answer);
    return NULL;
}

/* A thread that begins and ends joins and leaves the readers of the copy. */
static void ask_briefly_until_all_is_done(struct town *town)
{
    while (atomic_load(&town->brief) < BRIEF || atomic_load(&town->opened) < OPENED ||
           atomic_load(&town->asynchronous) < ASYNCHRONOUS) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, ask_once, town) != 0)
            abort();
        pthread_join(thread, NULL);
        atomic_fetch_add(&town->brief, 1);
    }
}

int main(int argc, char **argv)
{
    struct town town = {.directory = argc == 2 ? argv[1] : "."};
    pthread_t threads[ASKERS + 2];
    size_t count = 0;

    town.client = open_client(&town);
    while (count < ASKERS)
        pthread_create(&threads[count++], NULL, ask_all_the_while, &town);
    pthread_create(&threads[count++], NULL, ask_asynchronously, &town);
    pthread_create(&threads[count++], NULL, come_and_go, &town);
    ask_briefly_until_all_is_done(&town);
    atomic_store(&town.ended, true);
    while (count > 0)
        pthread_join(threads[--count], NULL);
    entitled_close(town.client);
    printf("asked %ld brief %ld asynchronous %ld opened %ld cancelled %ld\n",
           atomic_load(&town.asked), atomic_load(&town.brief), atomic_load(&town.asynchronous),
           atomic_load(&town.opened), atomic_load(&town.cancelled));
    return 0;
}
