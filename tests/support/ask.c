/* libentitled on standard input and output, so that one suite can put the same questions to every
 * client: a question is a line of JSON with the names of docs/protocol.md; so is its answer.
 *
 *     ask remote|in-process|file [--checker ENDPOINT]... [--directory PATH] [--file PATH]
 * [--subset]
 *         [--certificate PATH] [--checker-certificate PATH]
 *         [--no-discovery] [--timeout-ms N] [--hedge-ms N] [--age-limit-ms N] [--async]
 *
 * Lines that are no question: {"wait_ms": N} waits until the client is ready, {"many": [...]} asks
 * all at once, {"fork": QUESTION} asks in a child process, {"counts": true} tells entitled_count().
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <entitled.h>

#include "common/base/mem.h"
#include "common/json/json.h"

enum { TEXT_MAX = 4096, MANY_MAX = 5000 };

static bool asynchronous;

static void die(const char *what, const struct entitled_error *error)
{
    fprintf(stderr, "ask: %s: %s\n", what, error ? error->sentence : "");
    exit(2);
}

/* Texts of a question, ended as C wants them. */
struct texts {
    char handle[TEXT_MAX], dimension[TEXT_MAX], product[TEXT_MAX], license[TEXT_MAX],
        trace[TEXT_MAX];
};

static const char *text(const struct json *line, const char *key, char buffer[TEXT_MAX])
{
    const struct json *value = json_get(line, key);

    if (!value)
        return NULL;
    snprintf(buffer, TEXT_MAX, STR_FMT, STR_ARG(json_str(value)));
    return buffer;
}

static struct entitled_question question_of(const struct json *line, struct texts *texts)
{
    struct entitled_question question = ENTITLED_QUESTION_INIT;

    question.handle = text(line, "handle", texts->handle);
    question.dimension = text(line, "dimension", texts->dimension);
    question.product = text(line, "product", texts->product);
    question.license = text(line, "license", texts->license);
    question.trace = text(line, "trace", texts->trace);
    json_number(json_get(line, "quantity"), &question.quantity);
    json_int(json_get(line, "max_age_ms"), &question.max_age_ms);
    json_int(json_get(line, "timeout_ms"), &question.timeout_ms);
    return question;
}

static struct json *value_of(const struct entitled_answer *answer)
{
    switch (entitled_answer_granted_kind(answer)) {
    case ENTITLED_INTEGER:
        return json_new_integer(entitled_answer_granted_integer(answer));
    case ENTITLED_DOUBLE:
        return json_new_number(entitled_answer_granted_double(answer));
    case ENTITLED_BOOLEAN:
        return json_new_bool(entitled_answer_granted_boolean(answer));
    case ENTITLED_STRING:
        return json_new_str(str_of(entitled_answer_granted_string(answer)));
    default:
        return NULL;
    }
}

static void set_time(struct json *object, const char *key, int64_t value)
{
    if (value != 0)
        json_set_integer(object, key, value);
}

static void set_text(struct json *object, const char *key, const char *value)
{
    if (value[0])
        json_set_str(object, key, str_of(value));
}

static struct json *answer_json(const struct entitled_answer *answer)
{
    struct json *object = json_new_object();
    struct json *granted = value_of(answer);

    json_set_bool(object, "allow", entitled_answer_allow(answer));
    json_set_str(object, "reason", str_of(entitled_answer_reason_name(answer)));
    if (granted)
        json_set(object, "granted", granted);
    set_time(object, "expires_at", entitled_answer_expires_at(answer));
    set_time(object, "verified_at", entitled_answer_verified_at(answer));
    set_time(object, "combined", entitled_answer_combined(answer));
    if (entitled_answer_stale(answer))
        json_set_bool(object, "stale", true);
    set_text(object, "subscription", entitled_answer_subscription(answer));
    set_text(object, "subscribe_url", entitled_answer_subscribe_url(answer));
    return object;
}

static struct json *outcome(int code, const char *sentence, const struct entitled_answer *answer)
{
    struct json *object = json_new_object();

    if (code == ENTITLED_OK) {
        json_set(object, "answer", answer_json(answer));
        json_set_integer(object, "age_ms", entitled_answer_age_ms(answer));
        return object;
    }
    if (entitled_answer_allow(answer) || entitled_answer_code(answer) != code)
        abort();
    json_set_str(object, "error", str_of(entitled_code_name(code)));
    json_set_str(object, "message", str_of(sentence));
    json_set_bool(object, "retryable", entitled_retryable(code));
    return object;
}

static void print(struct json *object)
{
    struct buf out = BUF_INIT;

    json_write(object, &out);
    puts(out.data);
    fflush(stdout);
    buf_done(&out);
    json_free(object);
}

struct done {
    bool called;
    struct json *outcome;
};

static void on_done(void *arg, int code, const struct entitled_answer *answer,
                    const struct entitled_error *error)
{
    struct done *done = arg;

    if (done->called)
        abort();
    done->called = true;
    done->outcome = outcome(code, error->sentence, answer);
}

static struct json *ask_asynchronously(struct entitled *client,
                                       const struct entitled_question *question)
{
    struct entitled_error error;
    struct entitled_answer *none = entitled_answer_new();
    struct done done = {0};
    struct pollfd waiting = {.events = POLLIN};

    if (entitled_fd(client, &waiting.fd, &error) != ENTITLED_OK)
        die("entitled_fd", &error);
    int code = entitled_check_async(client, question, on_done, &done, &error);
    if (code == ENTITLED_OK) {
        while (!done.called) {
            if (poll(&waiting, 1, -1) != 1 || entitled_dispatch(client, &error) != ENTITLED_OK)
                die("entitled_dispatch", &error);
        }
    } else {
        done.outcome = json_new_object();
        json_set_str(done.outcome, "error", str_of(entitled_code_name(code)));
        json_set_str(done.outcome, "message", str_of(error.sentence));
    }
    entitled_answer_free(none);
    return done.outcome;
}

static struct json *ask(struct entitled *client, const struct json *line)
{
    static struct texts texts;
    struct entitled_question question = question_of(line, &texts);
    struct entitled_answer *answer;
    struct entitled_error error;

    if (asynchronous)
        return ask_asynchronously(client, &question);
    answer = entitled_answer_new();
    int code = entitled_check(client, &question, answer, &error);
    struct json *object = outcome(code, error.sentence, answer);
    entitled_answer_free(answer);
    return object;
}

static struct json *ask_many(struct entitled *client, const struct json *lines)
{
    static struct texts texts[MANY_MAX];
    static struct entitled_question questions[MANY_MAX];
    static struct entitled_answer *answers[MANY_MAX];
    struct json *array = json_new_array();
    struct entitled_error error;
    size_t count = json_count(lines);

    if (count > MANY_MAX)
        die("too many", NULL);
    for (size_t i = 0; i < count; i++) {
        questions[i] = question_of(json_at(lines, i), &texts[i]);
        /* Used again and again, as applications do. */
        if (!answers[i])
            answers[i] = entitled_answer_new();
    }
    int code = entitled_check_many(client, questions, count, answers, &error);
    for (size_t i = 0; i < count; i++)
        json_add(array, outcome(entitled_answer_code(answers[i]),
                                entitled_answer_sentence(answers[i]), answers[i]));
    struct json *object = json_new_object();
    json_set(object, "answers", array);
    if (code != ENTITLED_OK)
        json_set_str(object, "error", str_of(entitled_code_name(code)));
    return object;
}

static struct json *wait_ready(struct entitled *client, int64_t timeout_ms)
{
    struct json *object = json_new_object();
    struct entitled_error error;
    int code = entitled_wait_ready(client, timeout_ms, &error);

    json_set_bool(object, "ready", code == ENTITLED_OK);
    if (code != ENTITLED_OK) {
        json_set_str(object, "error", str_of(entitled_code_name(code)));
        json_set_str(object, "message", str_of(error.sentence));
    }
    return object;
}

static struct json *counts_of(const struct entitled *client)
{
    static const char *const names[] = {"asked", "hedged", "failed_over", "dropped"};
    struct json *object = json_new_object();

    for (int i = 0; i < 4; i++)
        json_set_integer(object, names[i], (int64_t)entitled_count(client, i));
    if (entitled_count(client, 4) != 0 || entitled_count(client, -1) != 0)
        die("entitled_count", NULL);
    return object;
}

/* The child answers, then the parent goes on. */
static void ask_in_child(struct entitled *client, const struct json *line)
{
    int status;
    pid_t child = fork();

    if (child < 0)
        die("fork", NULL);
    if (child == 0) {
        entitled_wait_ready(client, 10000, NULL);
        print(ask(client, line));
        entitled_close(client);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the child failed", NULL);
}

static void run_line(struct entitled *client, struct str bytes)
{
    struct error error;
    struct json *line;
    int64_t timeout_ms;

    if (json_parse(&line, bytes, &error) < 0) {
        fprintf(stderr, "ask: %s\n", error.text);
        exit(2);
    }
    if (json_int(json_get(line, "wait_ms"), &timeout_ms))
        print(wait_ready(client, timeout_ms));
    else if (json_get(line, "counts"))
        print(counts_of(client));
    else if (json_get(line, "many"))
        print(ask_many(client, json_get(line, "many")));
    else if (json_get(line, "fork"))
        ask_in_child(client, json_get(line, "fork"));
    else
        print(ask(client, line));
    json_free(line);
}

static int mode_of(const char *name)
{
    if (strcmp(name, "remote") == 0)
        return ENTITLED_REMOTE;
    return strcmp(name, "file") == 0 ? ENTITLED_FILE : ENTITLED_IN_PROCESS;
}

static int set_option(struct entitled_options *options, int option, const char *value)
{
    switch (option) {
    case 'c':
        return entitled_options_add_checker(options, value);
    case 'd':
        return entitled_options_set_directory(options, value);
    case 'f':
        return entitled_options_set_file(options, value);
    case 'k':
        return entitled_options_set_certificate(options, value);
    case 'K':
        return entitled_options_set_checker_certificate(options, value);
    case 's':
        return entitled_options_set_subset(options, true);
    case 'n':
        return entitled_options_set_discovery(options, false);
    case 't':
        return entitled_options_set_timeout_ms(options, atoll(value));
    case 'h':
        return entitled_options_set_hedge_ms(options, atoll(value));
    case 'l':
        return entitled_options_set_age_limit_ms(options, atoll(value));
    case 'a':
        asynchronous = true;
        return ENTITLED_OK;
    default:
        return ENTITLED_BAD_REQUEST;
    }
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"checker", required_argument, NULL, 'c'},
        {"directory", required_argument, NULL, 'd'},
        {"file", required_argument, NULL, 'f'},
        {"subset", no_argument, NULL, 's'},
        {"no-discovery", no_argument, NULL, 'n'},
        {"timeout-ms", required_argument, NULL, 't'},
        {"hedge-ms", required_argument, NULL, 'h'},
        {"age-limit-ms", required_argument, NULL, 'l'},
        {"certificate", required_argument, NULL, 'k'},
        {"checker-certificate", required_argument, NULL, 'K'},
        {"async", no_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    struct entitled_options *options = entitled_options_new();
    struct entitled_error error;
    struct entitled *client;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int option;

    if (argc < 2 || entitled_options_set_mode(options, mode_of(argv[1])) != ENTITLED_OK)
        die("no mode", NULL);
    while ((option = getopt_long(argc - 1, argv + 1, "", known, NULL)) >= 0) {
        if (set_option(options, option, optarg) != ENTITLED_OK)
            die("bad option", NULL);
    }
    if (entitled_open(&client, options, &error) != ENTITLED_OK)
        die(entitled_code_name(error.code), &error);
    entitled_options_free(options);
    while ((len = getline(&line, &size, stdin)) > 0)
        run_line(client, str_from(line, (size_t)len));
    free(line);
    entitled_close(client);
    return 0;
}
