/* libentitled: may this customer use this much of that?
 *
 * One interface over three ways to answer: a checker is asked over its socket (remote), a copy of
 * the records is kept in this process (in process), or a file answers (file: for the tests of an
 * application). Link with -lentitled; `pkg-config entitled` knows the flags.
 *
 *     struct entitled *client;
 *     struct entitled_error error;
 *     struct entitled_answer *answer = entitled_answer_new();
 *     struct entitled_question question = ENTITLED_QUESTION_INIT;
 *
 *     if (entitled_open(&client, NULL, &error) != ENTITLED_OK)
 *         ...error.sentence says why
 *     question.handle = "tenant-7";
 *     question.dimension = "seats";
 *     question.quantity = 10;
 *     if (entitled_check(client, &question, answer, &error) != ENTITLED_OK)
 *         ...no answer: serve or not as your business wants, entitled_retryable(error.code)
 *     else if (entitled_answer_allow(answer))
 *         ...serve
 *
 * The library does not end the process, writes nothing, leaves errno, signals, the locale and the
 * environment alone (its threads block all signals), and returns every failure as a code and a
 * sentence. All texts are UTF-8 and end in NUL; those passed in are copied, those handed out belong
 * to the object they come from. An error pointer may be NULL; others must not, unless stated.
 *
 * Memory: when it runs out (or descriptors, or threads), the function says ENTITLED_NO_MEMORY and
 * the answer refuses. What was under way is lost, and its memory with it. If that was in an
 * asynchronous function, or in the thread that keeps the copy, questions of that kind are answered
 * so until the client is closed, and those outstanding are called back by entitled_close(). errno
 * may be ENOMEM then. What libzmq allocates for itself is not covered: libzmq aborts when it gets
 * none.
 *
 * Threads: entitled_check(), entitled_check_many(), entitled_wait_ready() and entitled_count() may
 * be called from any number of threads at once, each with its own answer. The asynchronous
 * functions of one client belong to one thread at a time; another is told ENTITLED_BUSY. Options
 * and answers belong to one thread at a time. entitled_close() comes last, when no other function
 * runs.
 *
 * fork(): a client goes on working in the child, where it makes its own connections (and, in
 * process, its own copy) at the first call; the parent's are left alone. Asynchronous questions
 * stay with the parent; the child asks entitled_fd() for its own descriptor. Not in a child that
 * forked while another thread was within entitled_open(), and not in a signal handler.
 *
 * Binary interface: a program that was linked with libentitled.so.1 runs with every later one of
 * that name. struct entitled_error keeps its layout; struct entitled_question grows at its end;
 * enumerations gain values, which older programs must expect; everything else is opaque.
 */
#ifndef ENTITLED_H
#define ENTITLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ENTITLED_API __attribute__((visibility("default")))
#else
#define ENTITLED_API
#endif

#define ENTITLED_VERSION_MAJOR 1
#define ENTITLED_VERSION_MINOR 0

/* Of the library that runs: major * 1000 + minor. */
ENTITLED_API int entitled_version(void);

/* What went wrong. Numbers are never reused; treat one you do not know as ENTITLED_INTERNAL. */
enum entitled_code {
    ENTITLED_OK = 0,
    /* A checker's, or as a checker would report it. */
    ENTITLED_BAD_REQUEST = 1,
    ENTITLED_UNKNOWN_METHOD = 2,
    ENTITLED_NOT_FOUND = 3,
    ENTITLED_CONFLICT = 4,
    ENTITLED_NOT_READY = 5, /* the data is not complete yet */
    ENTITLED_UNAVAILABLE = 6,
    ENTITLED_TIMEOUT = 7,
    ENTITLED_THROTTLED = 8,
    ENTITLED_AWS = 9,
    ENTITLED_INTERNAL = 10,
    /* This library's own. */
    ENTITLED_NO_MEMORY = 100, /* or no descriptors, no threads */
    ENTITLED_BUSY = 101,      /* an asynchronous function is running in another thread */
    ENTITLED_CANCELLED = 102, /* the client was closed */
    ENTITLED_BAD_FILE = 103,  /* the file of the file mode, or a certificate, cannot be used */
};

/* "timeout"; "internal" for a number that this version does not know. Never NULL. */
ENTITLED_API const char *entitled_code_name(int code);
/* Whether the same question may be answered later. */
ENTITLED_API bool entitled_retryable(int code);

struct entitled_error {
    int code;
    char sentence[508];
};

/* Options. Every setter returns ENTITLED_OK or the reason; nothing else is changed then. */

enum entitled_mode {
    ENTITLED_REMOTE = 0,     /* ask a checker for each answer; the default */
    ENTITLED_IN_PROCESS = 1, /* keep a copy and answer from it */
    ENTITLED_FILE = 2,       /* answer from a file */
};

struct entitled_options;

ENTITLED_API struct entitled_options *entitled_options_new(void);          /* NULL: no memory */
ENTITLED_API void entitled_options_free(struct entitled_options *options); /* takes NULL */

ENTITLED_API int entitled_options_set_mode(struct entitled_options *options, int mode);

/* The query endpoint of a checker, e.g. "ipc:///run/entitled/public/checker-1.query" or
 * "tcp://10.0.0.5:5800"; once for each. One is enough to find the others (set_discovery). */
ENTITLED_API int entitled_options_add_checker(struct entitled_options *options,
                                              const char *endpoint);
/* What tcp:// endpoints need, which are encrypted and authenticated with CURVE: the path of the
 * application's own certificate, whose secret half stands beside it (PATH_secret, mode 0600), as
 * "entitlectl keys make" makes them. Read by entitled_open(). */
ENTITLED_API int entitled_options_set_certificate(struct entitled_options *options,
                                                  const char *path);
/* Likewise, the path of the public certificate that the checkers named by add_checker must show.
 * Checkers reported by other checkers must show the key of the report. */
ENTITLED_API int entitled_options_set_checker_certificate(struct entitled_options *options,
                                                          const char *path);
/* Every checker-*.query socket of this directory. Without any checker or directory:
 * /run/entitled/public. Looked at again when no checker answers. */
ENTITLED_API int entitled_options_set_directory(struct entitled_options *options,
                                                const char *directory);
/* Whether to take up and drop checkers as they come and go, by asking them. Default: true. */
ENTITLED_API int entitled_options_set_discovery(struct entitled_options *options, bool discovery);

/* The time for a question that sets none itself. Default: 2000. */
ENTITLED_API int entitled_options_set_timeout_ms(struct entitled_options *options,
                                                 int64_t timeout_ms);
/* Hedging: how long one checker may think before a second is asked as well; the first answer
 * counts. Default 0: a quarter of the question's time, so that a checker that hangs costs no
 * answer. A value near the slowest usual answer (some milliseconds) cuts the longest waits, for a
 * few questions asked twice; one of the question's time or more turns hedging off.
 * entitled_count() tells how often it happened. */
ENTITLED_API int entitled_options_set_hedge_ms(struct entitled_options *options, int64_t hedge_ms);

/* In process: keep only the records of handles asked about (true), or all (false, the default). A
 * handle's first question goes to a checker then. */
ENTITLED_API int entitled_options_set_subset(struct entitled_options *options, bool subset);
/* In process, while no checker can be heard or what was missed of its feed cannot be had: answers
 * go on from the copy, with their age. Default 0: without limit (the rules themselves end what has
 * a date). Else: answers older than this are refused as ENTITLED_UNAVAILABLE. */
ENTITLED_API int entitled_options_set_age_limit_ms(struct entitled_options *options,
                                                   int64_t age_limit_ms);

/* The file of the file mode; see entitled-fixture(5). */
ENTITLED_API int entitled_options_set_file(struct entitled_options *options, const char *path);

/* A client. */

struct entitled;

/* options may be NULL (all defaults) and are copied. Does not wait for a connection: a checker that
 * is away now may come. The error may be NULL. */
ENTITLED_API int entitled_open(struct entitled **ret_client, const struct entitled_options *options,
                               struct entitled_error *error);
/* Outstanding asynchronous questions end as ENTITLED_CANCELLED. Takes NULL. */
ENTITLED_API void entitled_close(struct entitled *client);
/* Waits until questions can be answered: a checker is connected, or the copy is complete. */
ENTITLED_API int entitled_wait_ready(struct entitled *client, int64_t timeout_ms,
                                     struct entitled_error *error);

/* Counted since this process has had the client; children of fork() begin at 0. */
enum entitled_counter {
    ENTITLED_COUNT_ASKED = 0,       /* requests sent to checkers */
    ENTITLED_COUNT_HEDGED = 1,      /* of them, while another checker was still thinking */
    ENTITLED_COUNT_FAILED_OVER = 2, /* of them, when the checkers before had failed */
    ENTITLED_COUNT_DROPPED = 3,     /* of them, not needed any more: another answered first */
};

/* 0 for a counter that this version does not know. */
ENTITLED_API uint64_t entitled_count(const struct entitled *client, int counter);

struct entitled_question {
    size_t size; /* of this struct, as the program was compiled; ENTITLED_QUESTION_INIT sets it */
    const char *handle; /* tenant id, licence, account id, customer identifier, subscription id */
    const char *dimension;
    double quantity;     /* 0: is the dimension held at all? */
    const char *product; /* product code; NULL: any, if the handle has only one */
    const char *license; /* narrows to one licence; NULL: all */
    int64_t max_age_ms;  /* above 0: wait for data not older than this; asks a checker, and AWS */
    int64_t timeout_ms;  /* 0: that of the options */
    const char *trace;   /* an id that appears in the daemons' logs, at most 64 bytes; NULL: none */
};

#define ENTITLED_QUESTION_INIT                                                                     \
    {                                                                                              \
        sizeof(struct entitled_question), NULL, NULL, 1, NULL, NULL, 0, 0, NULL                    \
    }

struct entitled_answer;

/* ENTITLED_OK and the answer, also if it refuses; or the reason why there is none: then the answer
 * refuses too. */
ENTITLED_API int entitled_check(struct entitled *client, const struct entitled_question *question,
                                struct entitled_answer *answer, struct entitled_error *error);

/* Many questions in few messages: answers[i] answers questions[i]. All of one product, without
 * licence and max_age_ms; trace, and the time for all together, are those of the first. Returns
 * ENTITLED_OK when all were asked; a bad question has its own entitled_answer_code(). */
ENTITLED_API int entitled_check_many(struct entitled *client,
                                     const struct entitled_question *questions, size_t count,
                                     struct entitled_answer *const *answers,
                                     struct entitled_error *error);

/* Asynchronous: for programs with a loop of their own. */

/* If code is ENTITLED_OK, answer has the answer, else error the reason. Both last until the
 * function returns. It may ask the next question; it must not close the client. */
typedef void entitled_done_fn(void *arg, int code, const struct entitled_answer *answer,
                              const struct entitled_error *error);

/* A descriptor that is readable when entitled_dispatch() has something to do. Watch it (poll,
 * epoll, level-triggered), never read it; it lives as long as the client. */
ENTITLED_API int entitled_fd(struct entitled *client, int *ret_fd, struct entitled_error *error);
/* Does what can be done without waiting, deadlines included, and calls back. */
ENTITLED_API int entitled_dispatch(struct entitled *client, struct entitled_error *error);
/* Never blocks. If ENTITLED_OK: done is called exactly once, from entitled_dispatch() or
 * entitled_close(). Else never. */
ENTITLED_API int entitled_check_async(struct entitled *client,
                                      const struct entitled_question *question,
                                      entitled_done_fn *done, void *arg,
                                      struct entitled_error *error);

/* Answers: made once, used for any number of questions, one at a time. */

enum entitled_reason {
    ENTITLED_REASON_OTHER = 0, /* one that this version does not know */
    ENTITLED_REASON_ENTITLED = 1,
    ENTITLED_REASON_GRACE = 2,
    ENTITLED_REASON_HELD = 3,
    ENTITLED_REASON_OVERRIDE = 4,
    ENTITLED_REASON_INSUFFICIENT_QUANTITY = 5,
    ENTITLED_REASON_UNVERIFIED = 6,
    ENTITLED_REASON_EXPIRED = 7,
    ENTITLED_REASON_PENDING = 8,
    ENTITLED_REASON_NOT_ENTITLED = 9,
    ENTITLED_REASON_ENDED = 10,
    ENTITLED_REASON_NOT_SUBSCRIBED = 11,
    ENTITLED_REASON_BAD_DATA = 12,
};

enum entitled_kind {
    ENTITLED_NOTHING = 0,
    ENTITLED_INTEGER = 1,
    ENTITLED_DOUBLE = 2,
    ENTITLED_BOOLEAN = 3,
    ENTITLED_STRING = 4,
};

ENTITLED_API struct entitled_answer *entitled_answer_new(void);         /* NULL: no memory */
ENTITLED_API void entitled_answer_free(struct entitled_answer *answer); /* takes NULL */

/* ENTITLED_OK, or why this question has no answer. */
ENTITLED_API int entitled_answer_code(const struct entitled_answer *answer);
/* The sentence of that code; "" for ENTITLED_OK. */
ENTITLED_API const char *entitled_answer_sentence(const struct entitled_answer *answer);
/* Whether to serve. False without an answer. */
ENTITLED_API bool entitled_answer_allow(const struct entitled_answer *answer);
ENTITLED_API int entitled_answer_reason(const struct entitled_answer *answer);
ENTITLED_API const char *entitled_answer_reason_name(const struct entitled_answer *answer);
/* What is granted of the dimension in all: its kind, and the value of that kind (else 0 or ""). */
ENTITLED_API int entitled_answer_granted_kind(const struct entitled_answer *answer);
ENTITLED_API int64_t entitled_answer_granted_integer(const struct entitled_answer *answer);
ENTITLED_API double entitled_answer_granted_double(const struct entitled_answer *answer);
ENTITLED_API bool entitled_answer_granted_boolean(const struct entitled_answer *answer);
ENTITLED_API const char *entitled_answer_granted_string(const struct entitled_answer *answer);
/* UTC, seconds since the epoch; 0: none or not known. */
ENTITLED_API int64_t entitled_answer_expires_at(const struct entitled_answer *answer);
ENTITLED_API int64_t entitled_answer_verified_at(const struct entitled_answer *answer);
/* Older than the policy or max_age_ms allows. */
ENTITLED_API bool entitled_answer_stale(const struct entitled_answer *answer);
/* The subscription that answered, or ""; how many were combined. */
ENTITLED_API const char *entitled_answer_subscription(const struct entitled_answer *answer);
ENTITLED_API int64_t entitled_answer_combined(const struct entitled_answer *answer);
/* Where to subscribe, or "". */
ENTITLED_API const char *entitled_answer_subscribe_url(const struct entitled_answer *answer);
/* In process: milliseconds since the copy was last heard to be equal to the original. -1: the
 * answer is a checker's or a file's. */
ENTITLED_API int64_t entitled_answer_age_ms(const struct entitled_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
