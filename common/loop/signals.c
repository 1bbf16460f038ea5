#include "common/loop/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/mem.h"

static void on_signal(void *arg, int fd, int events)
{
    struct signalfd_siginfo info;
    (void)events;

    if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        loop_stop(arg);
}

int loop_stop_on_signals(struct loop *loop)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        mem_exhausted();
    loop_watch_fd(loop, fd, LOOP_READ, on_signal, loop);
    return fd;
}
