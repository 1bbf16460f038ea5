/* What libentitled leaves as it was: side_effects remote|in-process|file PATH. PATH is the
 * directory of a checker's socket, or the file; "acme" has seats. Asks in every way, while signals
 * interrupt, and looks whether anything of the process has changed. Prints what was wrong and ends
 * with 1. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <entitled.h>

enum { WAIT_MS = 60000, STRANGE_ERRNO = 4711, SIGNALS = 65 };

static void die(const char *what, const struct entitled_error *error)
{
    fprintf(stderr, "side_effects: %s: %s\n", what, error ? error->sentence : "");
    _exit(1);
}

static struct entitled_error error;

/* Makes the call, which must return `code` and leave errno alone. */
#define MUST(code, call)                                                                           \
    do {                                                                                           \
        errno = STRANGE_ERRNO;                                                                     \
        if ((call) != (code))                                                                      \
            die(#call, &error);                                                                    \
        if (errno != STRANGE_ERRNO)                                                                \
            die("errno after " #call, NULL);                                                       \
    } while (0)

/* What the process has. */

struct belongings {
    void (*handlers[SIGNALS])(int);
    int flags[SIGNALS];
    sigset_t blocked;
    mode_t mask;
    char directory[4096], locale[256];
    size_t descriptors;
};

static void each_entry(const char *path, void (*fn)(void *arg, const char *name), void *arg)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;

    if (!directory)
        die(path, NULL);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.')
            fn(arg, entry->d_name);
    }
    closedir(directory);
}

static void count_entry(void *arg, const char *name)
{
    size_t *count = arg;
    (void)name;

    ++*count;
}

static size_t entries_of(const char *path)
{
    size_t count = 0;

    each_entry(path, count_entry, &count);
    return count;
}

static void look(struct belongings *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (int signal = 1; signal < SIGNALS; signal++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, NULL, &action);
        ret->handlers[signal] = action.sa_handler;
        ret->flags[signal] = action.sa_flags;
    }
    pthread_sigmask(SIG_SETMASK, NULL, &ret->blocked);
    ret->mask = umask(022);
    umask(ret->mask);
    if (!getcwd(ret->directory, sizeof(ret->directory)))
        die("getcwd", NULL);
    snprintf(ret->locale, sizeof(ret->locale), "%s", setlocale(LC_ALL, NULL));
}

static void mark(void *arg, const char *name)
{
    (void)arg;
    fcntl(atoi(name), F_SETFD, FD_CLOEXEC);
}

static void must_not_live_through_exec(void *arg, const char *name)
{
    int fd = atoi(name), flags = fcntl(fd, F_GETFD);
    (void)arg;

    if (fd > 2 && flags >= 0 && !(flags & FD_CLOEXEC))
        die("a descriptor that a program started by exec() inherits", NULL);
}

static void must_block_signals(void *arg, const char *name)
{
    char path[256], line[256];
    unsigned long long blocked = 0, wanted = ~0ULL;
    (void)arg;

    if (atoi(name) == getpid())
        return;
    /* Those that cannot be blocked, and the two that the C library keeps for itself. */
    const int others[] = {SIGKILL, SIGSTOP, 32, 33};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        wanted &= ~(1ULL << (others[i] - 1));
    snprintf(path, sizeof(path), "/proc/self/task/%s/status", name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "SigBlk: %llx", &blocked);
    if (file)
        fclose(file);
    if ((blocked & wanted) != wanted)
        die("a thread that would take the application's signals", NULL);
}

/* Signals that come all the while. */

static volatile sig_atomic_t interruptions;

static void on_signal(int signal)
{
    (void)signal;
    interruptions = 1;
}

static void set_timer(long interval_us)
{
    const struct itimerval when = {{0, interval_us}, {0, interval_us}};

    setitimer(ITIMER_REAL, &when, NULL);
}

/* Questions. */

static struct entitled_question question_about(const char *handle)
{
    struct entitled_question question = ENTITLED_QUESTION_INIT;

    question.handle = handle;
    question.dimension = "seats";
    return question;
}

static void ask_blocking(struct entitled *client)
{
    const struct entitled_question question = question_about("acme");
    struct entitled_answer *answer = entitled_answer_new();

    MUST(ENTITLED_OK, entitled_check(client, &question, answer, &error));
    if (!entitled_answer_allow(answer))
        die("refused", NULL);
    MUST(ENTITLED_OK, entitled_check_many(client, &question, 1, &answer, &error));
    entitled_answer_free(answer);
}

/* As a later header might declare it. */
struct later_question {
    struct entitled_question now;
    const char *narrower;
};

static void ask_as_a_later_program(struct entitled *client)
{
    struct later_question later[2] = {{question_about("acme"), NULL},
                                      {question_about("acme"), NULL}};
    struct entitled_answer *answers[] = {entitled_answer_new(), entitled_answer_new()};

    later[0].now.size = later[1].now.size = sizeof(later[0]);
    MUST(ENTITLED_OK, entitled_check(client, &later[0].now, answers[0], &error));
    MUST(ENTITLED_OK, entitled_check_many(client, &later[0].now, 2, answers, &error));
    later[1].narrower = "unknown";
    MUST(ENTITLED_BAD_REQUEST, entitled_check(client, &later[1].now, answers[1], &error));
    MUST(ENTITLED_BAD_REQUEST, entitled_check_many(client, &later[0].now, 2, answers, &error));
    later[0].now.size = 0;
    MUST(ENTITLED_BAD_REQUEST, entitled_check(client, &later[0].now, answers[0], &error));
    later[0].now.size = sizeof(struct entitled_question);
    MUST(ENTITLED_BAD_REQUEST, entitled_check_many(client, &later[0].now, 2, answers, &error));
    if (entitled_answer_allow(answers[0]) || entitled_answer_allow(answers[1]))
        die("allowed without an answer", NULL);
    entitled_answer_free(answers[0]);
    entitled_answer_free(answers[1]);
}

struct course {
    struct entitled *client;
    int called, last_code, others_code;
    bool again; /* asks the next question when it is called back */
};

static void *dispatch_elsewhere(void *arg)
{
    struct course *course = arg;

    course->others_code = entitled_dispatch(course->client, NULL);
    return NULL;
}

static void on_done(void *arg, int code, const struct entitled_answer *answer,
                    const struct entitled_error *why)
{
    struct course *course = arg;
    const struct entitled_question question = question_about("acme");
    pthread_t thread;

    course->called++;
    course->last_code = code;
    if (code == ENTITLED_CANCELLED) {
        if (course->again)
            MUST(ENTITLED_CANCELLED,
                 entitled_check_async(course->client, &question, on_done, course, &error));
        return;
    }
    if (code != ENTITLED_OK || !entitled_answer_allow(answer))
        die("called back", why);
    pthread_create(&thread, NULL, dispatch_elsewhere, course);
    pthread_join(thread, NULL);
}

static void start(struct course *course)
{
    const struct entitled_question question = question_about("acme");

    MUST(ENTITLED_OK, entitled_check_async(course->client, &question, on_done, course, &error));
    if (course->called != 0)
        die("called back before entitled_dispatch()", NULL);
}

static void finish(struct course *course)
{
    struct pollfd ready = {.events = POLLIN};

    MUST(ENTITLED_OK, entitled_fd(course->client, &ready.fd, &error));
    while (course->called == 0) {
        if (poll(&ready, 1, WAIT_MS) == 0)
            die("nothing became readable", NULL);
        MUST(ENTITLED_OK, entitled_dispatch(course->client, &error));
    }
    if (course->called != 1 || course->others_code != ENTITLED_BUSY)
        die("called back more than once, or by two threads", NULL);
}

/* The child has nothing of the parent's question, and a client that works. */
static void fork_between(struct entitled *client)
{
    struct course course = {.client = client};
    int status;

    start(&course);
    pid_t child = fork();
    if (child == 0) {
        set_timer(0);
        if (entitled_count(client, ENTITLED_COUNT_ASKED) != 0)
            die("the child counts what its parent asked", NULL);
        MUST(ENTITLED_OK, entitled_dispatch(client, &error));
        MUST(ENTITLED_OK, entitled_wait_ready(client, WAIT_MS, &error));
        ask_blocking(client);
        MUST(ENTITLED_OK, entitled_dispatch(client, &error));
        errno = STRANGE_ERRNO;
        entitled_close(client);
        _exit(course.called != 0 || errno != STRANGE_ERRNO);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the child", NULL);
    finish(&course);
}

static struct entitled *open_client(int mode, const char *path)
{
    struct entitled_options *options = entitled_options_new();
    struct entitled *client;

    MUST(ENTITLED_OK, entitled_options_set_mode(options, mode));
    MUST(ENTITLED_OK, entitled_options_set_timeout_ms(options, WAIT_MS));
    MUST(ENTITLED_OK, mode == ENTITLED_FILE ? entitled_options_set_file(options, path)
                                            : entitled_options_set_directory(options, path));
    MUST(ENTITLED_OK, entitled_open(&client, options, &error));
    entitled_options_free(options);
    MUST(ENTITLED_OK, entitled_wait_ready(client, WAIT_MS, &error));
    return client;
}

static void close_with_a_question(struct entitled *client)
{
    struct course course = {.client = client, .again = true};

    start(&course);
    errno = STRANGE_ERRNO;
    entitled_close(client);
    if (course.called != 1 || course.last_code != ENTITLED_CANCELLED || errno != STRANGE_ERRNO)
        die("entitled_close", NULL);
}

static void stay(int mode, const char *path)
{
    struct entitled *client = open_client(mode, path);

    set_timer(2000);
    ask_blocking(client);
    ask_as_a_later_program(client);
    for (int i = 0; i < 20; i++) {
        struct course course = {.client = client};
        start(&course);
        finish(&course);
    }
    fork_between(client);
    while (!interruptions)
        ask_blocking(client);
    set_timer(0);
    each_entry("/proc/self/task", must_block_signals, NULL);
    each_entry("/proc/self/fd", must_not_live_through_exec, NULL);
    close_with_a_question(client);
}

int main(int argc, char **argv)
{
    static struct belongings before, after;
    struct sigaction action = {.sa_handler = on_signal};
    int mode = ENTITLED_REMOTE;

    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "remote") != 0)
        mode = strcmp(argv[1], "file") == 0 ? ENTITLED_FILE : ENTITLED_IN_PROCESS;
    sigaction(SIGALRM, &action, NULL);
    each_entry("/proc/self/fd", mark, NULL);
    look(&before);
    size_t descriptors = entries_of("/proc/self/fd");
    stay(mode, argv[2]);
    look(&after);
    if (memcmp(&before, &after, sizeof(before)) != 0)
        die("signals, umask, directory or locale have changed", NULL);
    if (entries_of("/proc/self/fd") != descriptors)
        die("descriptors are left", NULL);
    /* A thread that has been joined may be listed for a moment. */
    while (entries_of("/proc/self/task") != 1)
        sched_yield();
    return 0;
}
