/* libentitled where memory, descriptors and threads run out: ask_memory once|for-good
 * in-process|remote|file PATH. PATH is the directory of the checkers' sockets, or the file.
 *
 * Opens a client, asks in every way and closes it, again and again: the first time the library's
 * first allocation fails, then the second and so on, alone or with all that follow,
 * until a round needs no more. Prints the rounds, and how often a function said that it had no
 * memory. The functions are replaced when this program is linked, for the library's own calls:
 * those of libzmq and msgpack-c do not fail. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/clients/c/include/entitled.h"

enum { WAIT_MS = 20000 };

static atomic_long calls, failing_call;
static bool for_good;

/* Whether the call that is just made fails. */
static bool fails(void)
{
    long call = atomic_fetch_add(&calls, 1) + 1, failing = atomic_load(&failing_call);

    return failing != 0 && (call == failing || (for_good && call > failing));
}

/* The linker's names: `malloc` in the library is __wrap_malloc, __real_malloc is malloc. */
#define WRAP(type, name, declared, given, failure)                                                 \
    type __real_##name declared;                                                                   \
    type __wrap_##name declared;                                                                   \
    type __wrap_##name declared                                                                    \
    {                                                                                              \
        if (!fails())                                                                              \
            return __real_##name given;                                                            \
        errno = ENOMEM;                                                                            \
        return failure;                                                                            \
    }

/* NOLINTBEGIN(bugprone-reserved-identifier) */
WRAP(void *, malloc, (size_t size), (size), NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), NULL)
WRAP(char *, strdup, (const char *text), (text), NULL)
WRAP(int, vasprintf, (char **text, const char *format, va_list args), (text, format, args), -1)
WRAP(int, epoll_create1, (int flags), (flags), -1)
WRAP(int, eventfd, (unsigned count, int flags), (count, flags), -1)
WRAP(int, timerfd_create, (int clock, int flags), (clock, flags), -1)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg),
     (thread, attributes, fn, arg), EAGAIN)
WRAP(void *, zmq_ctx_new, (void), (), NULL)
WRAP(void *, zmq_socket, (void *context, int type), (context, type), NULL)
/* NOLINTEND(bugprone-reserved-identifier) */

static long refused;

static void die(const char *what)
{
    fprintf(stderr, "ask_memory: call %ld fails: %s\n", atomic_load(&failing_call), what);
    _exit(1);
}

/* Nothing but success or the want of memory; a copy that is no longer kept is as good. */
static bool went_well(int code, const struct entitled_error *error)
{
    if (code == ENTITLED_OK)
        return true;
    if (code != ENTITLED_NO_MEMORY)
        die(error ? error->sentence : entitled_code_name(code));
    refused++;
    return false;
}

static struct entitled_options *make_options(int mode, const char *path)
{
    struct entitled_options *options = entitled_options_new();

    if (!options) {
        refused++;
        return NULL;
    }
    if (went_well(entitled_options_set_mode(options, mode), NULL) &&
        went_well(entitled_options_set_timeout_ms(options, WAIT_MS), NULL) &&
        went_well(mode == ENTITLED_FILE ? entitled_options_set_file(options, path)
                                        : entitled_options_set_directory(options, path),
                  NULL))
        return options;
    entitled_options_free(options);
    return NULL;
}

static const struct entitled_question asked[] = {
    {sizeof(asked[0]), "acme", "seats", 1, NULL, NULL, 0, 0, NULL},
    {sizeof(asked[0]), "nobody", "seats", 1, NULL, NULL, 0, 0, NULL},
};

static void must_be_right(const struct entitled_answer *answer, bool allow)
{
    if (entitled_answer_allow(answer) != allow)
        die("a wrong answer");
}

static void ask_blocking(struct entitled *client)
{
    struct entitled_answer *answers[] = {entitled_answer_new(), entitled_answer_new()};
    struct entitled_error error;

    if (answers[0] && answers[1]) {
        if (went_well(entitled_check(client, &asked[0], answers[0], &error), &error))
            must_be_right(answers[0], true);
        else
            must_be_right(answers[0], false);
        bool all = went_well(entitled_check_many(client, asked, 2, answers, &error), &error);
        must_be_right(answers[0], all);
        must_be_right(answers[1], false);
    } else {
        refused++;
    }
    entitled_answer_free(answers[0]);
    entitled_answer_free(answers[1]);
}

struct done {
    int called;
};

static void on_done(void *arg, int code, const struct entitled_answer *answer,
                    const struct entitled_error *error)
{
    struct done *done = arg;

    done->called++;
    must_be_right(answer, code == ENTITLED_OK);
    if (code != ENTITLED_CANCELLED)
        went_well(code, error);
}

/* Whether `done` must have been called when the client is closed. */
static bool ask_asynchronously(struct entitled *client, struct done *done)
{
    struct entitled_error error;
    struct pollfd ready = {.events = POLLIN};

    if (!went_well(entitled_fd(client, &ready.fd, &error), &error) ||
        !went_well(entitled_check_async(client, &asked[0], on_done, done, &error), &error))
        return false;
    while (done->called == 0) {
        if (poll(&ready, 1, WAIT_MS) != 1)
            die("nothing became readable");
        if (!went_well(entitled_dispatch(client, &error), &error))
            break;
    }
    return true;
}

static void ask_in_every_way(int mode, const char *path)
{
    struct entitled_options *options = make_options(mode, path);
    struct entitled_error error;
    struct entitled *client;
    struct done done = {0};

    if (!options)
        return;
    bool opened = went_well(entitled_open(&client, options, &error), &error);
    entitled_options_free(options);
    if (!opened)
        return;
    went_well(entitled_wait_ready(client, WAIT_MS, &error), &error);
    ask_blocking(client);
    bool expected = ask_asynchronously(client, &done);
    entitled_close(client);
    if (done.called != expected)
        die("called back not once");
}

int main(int argc, char **argv)
{
    int mode = ENTITLED_REMOTE;
    long failing = 0;

    if (argc != 4)
        return 2;
    for_good = strcmp(argv[1], "for-good") == 0;
    if (strcmp(argv[2], "remote") != 0)
        mode = strcmp(argv[2], "file") == 0 ? ENTITLED_FILE : ENTITLED_IN_PROCESS;
    do {
        atomic_store(&calls, 0);
        atomic_store(&failing_call, ++failing);
        ask_in_every_way(mode, argv[3]);
    } while (atomic_load(&calls) >= failing);
    printf("rounds %ld refused %ld\n", failing, refused);
    return 0;
}
