/* Credentials from a program of the operator's ("AWS SDKs and Tools Reference Guide: Process
 * credential provider"). It is run without a shell, and the loop goes on meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aws/credentials/command.h"
#include "common/aws/credentials/sources.h"
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

enum { OUTPUT_LIMIT = 65536, COMPLAINT_LIMIT = 200 };

struct stream {
    int fd; /* -1: closed */
    struct buf text;
};

struct process {
    struct source base;
    const struct source_means *means;
    char **words;
    pid_t pid;    /* 0: none is running */
    pid_t killed; /* 0: none that is not known to have ended */
    int pid_fd;
    struct stream out, err;
    struct loop_timer *timer;
};

static void stream_close(struct process *self, struct stream *stream)
{
    if (stream->fd < 0)
        return;
    loop_unwatch_fd(self->means->loop, stream->fd);
    close(stream->fd);
    stream->fd = -1;
}

/* Reads what is there; closes at its end. What goes beyond the limit is counted, not kept. */
static void stream_read(struct process *self, struct stream *stream)
{
    char chunk[4096];

    while (stream->fd >= 0) {
        ssize_t len = read(stream->fd, chunk, sizeof(chunk));
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (len <= 0)
            stream_close(self, stream);
        else if (stream->text.len <= OUTPUT_LIMIT)
            buf_append(&stream->text, chunk, (size_t)len);
    }
}

/* False: it has not ended yet. */
static bool reap(struct process *self)
{
    if (self->killed && waitpid(self->killed, NULL, WNOHANG) == 0)
        return false;
    self->killed = 0;
    return true;
}

/* Also what it started itself: it leads a process group. It ends at once, unless the kernel
 * keeps it (a file system that does not answer); nothing waits for it then. */
static void kill_process(struct process *self)
{
    enum { AT_ONCE_MS = 100 };
    struct pollfd ended = {.fd = self->pid_fd, .events = POLLIN};

    kill(-self->pid, SIGKILL);
    self->killed = self->pid;
    self->pid = 0;
    poll(&ended, 1, AT_ONCE_MS);
    reap(self);
}

static void end_process(struct process *self)
{
    if (self->pid) {
        kill_process(self);
        loop_unwatch_fd(self->means->loop, self->pid_fd);
        close(self->pid_fd);
    }
    stream_close(self, &self->out);
    stream_close(self, &self->err);
    loop_cancel(take(self->timer));
}

static void on_time_out(void *arg)
{
    struct process *self = arg;

    self->timer = NULL;
    end_process(self);
    source_fail(&self->base, "'%s' did not end within %lld ms", self->words[0],
                (long long)self->means->process_limit_ms);
}

/* Its first words on standard error, on one line. */
static struct str complaint(struct process *self)
{
    struct str text = str_trim(buf_str(&self->err.text));
    struct str line = str_split(&text, '\n');

    return line.len > COMPLAINT_LIMIT ? str_from(line.ptr, COMPLAINT_LIMIT) : line;
}

static int read_output(struct str text, struct keys *keys, struct error *error)
{
    cleanup(json_freep) struct json *object = NULL;
    int64_t version = 0;

    if (text.len > OUTPUT_LIMIT)
        return error_set(error, "the output is longer than %d bytes", (int)OUTPUT_LIMIT);
    if (json_parse(&object, text, error) < 0)
        return error_prefix(error, "the output");
    if (!json_int(json_get(object, "Version"), &version) || version != 1)
        return error_set(error, "the output's Version is not 1");
    return keys_from_json(keys, text, "SessionToken", error);
}

static void finish(struct process *self, int status)
{
    struct keys keys = {0};
    struct error error;
    struct str said = complaint(self);

    if (WIFSIGNALED(status))
        source_fail(&self->base, "'%s' was ended by signal %d", self->words[0], WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        source_fail(&self->base, "'%s' ended with status %d%s" STR_FMT, self->words[0],
                    WEXITSTATUS(status), said.len ? ": " : "", STR_ARG(said));
    else if (read_output(buf_str(&self->out.text), &keys, &error) < 0)
        source_fail(&self->base, "'%s': %s", self->words[0], error.text);
    else
        source_succeed(&self->base, &keys);
    keys_done(&keys);
}

static void on_exit_of_process(void *arg, int fd, int events)
{
    struct process *self = arg;
    int status = 0;
    (void)fd;
    (void)events;

    if (waitpid(self->pid, &status, WNOHANG) == 0)
        return;
    /* The ends may stay open in what it left running. */
    stream_read(self, &self->out);
    stream_read(self, &self->err);
    self->pid = 0;
    loop_unwatch_fd(self->means->loop, self->pid_fd);
    close(self->pid_fd);
    end_process(self);
    finish(self, status);
}

static void on_output(void *arg, int fd, int events)
{
    struct process *self = arg;
    (void)events;

    stream_read(self, fd == self->out.fd ? &self->out : &self->err);
}

/* 0 or an errno. out and err are the ends for writing. */
static int spawn(struct process *self, int out, int err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    /* The daemon's own signals are blocked; the program's are its own affair. */
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int failure =
        posix_spawnp(&self->pid, self->words[0], &actions, &attributes, self->words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0)
        self->pid = 0;
    return failure;
}

static void watch(struct process *self)
{
    struct loop *loop = self->means->loop;

    loop_watch_fd(loop, self->pid_fd, LOOP_READ, on_exit_of_process, self);
    loop_watch_fd(loop, self->out.fd, LOOP_READ, on_output, self);
    loop_watch_fd(loop, self->err.fd, LOOP_READ, on_output, self);
    self->timer = loop_after(loop, self->means->process_limit_ms, on_time_out, self);
}

/* 0 or an errno; then nothing is open or running. */
static int start(struct process *self)
{
    int out[2], err[2], failure;

    if (pipe2(out, O_CLOEXEC) < 0)
        return errno;
    if (pipe2(err, O_CLOEXEC) < 0) {
        failure = errno;
        close(out[0]);
        close(out[1]);
        return failure;
    }
    failure = spawn(self, out[1], err[1]);
    if (failure == 0 && (self->pid_fd = pidfd_open(self->pid, 0)) < 0) {
        failure = errno;
        kill_process(self);
    }
    close(out[1]);
    close(err[1]);
    if (failure != 0) {
        close(out[0]);
        close(err[0]);
        return failure;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    self->out.fd = out[0];
    self->err.fd = err[0];
    return 0;
}

static void fetch(struct source *source)
{
    struct process *self = (struct process *)source;

    buf_clear(&self->out.text);
    buf_clear(&self->err.text);
    if (!reap(self)) {
        source_fail(source, "'%s' was killed, and has not ended yet", self->words[0]);
        return;
    }
    int failure = start(self);
    if (failure != 0)
        source_fail(source, "cannot run '%s': %s", self->words[0], strerror(failure));
    else
        watch(self);
}

static void cancel(struct source *source)
{
    end_process((struct process *)source);
}

static void done(struct source *source)
{
    struct process *self = (struct process *)source;

    buf_done(&self->out.text);
    buf_done(&self->err.text);
    mem_free(self->words[0]);
    mem_free(self->words);
}

int source_process_new(struct source **ret, const struct source_means *means, const char *profile,
                       const char *command, struct error *error)
{
    static const struct source_type type = {.fetch = fetch, .cancel = cancel, .done = done};
    size_t count;
    char **words = split_command(command, &count);

    if (!words)
        return error_set(error, "credential_process of the AWS profile '%s' is not a command: '%s'",
                         profile, command);
    struct process *self = mem_alloc_zero(sizeof(*self));
    source_init(&self->base, &type, mem_printf("credential_process (profile %s)", profile));
    self->means = means;
    self->words = words;
    self->out.fd = self->err.fd = -1;
    *ret = &self->base;
    return 0;
}
