#include "common/daemon/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, SIGNALLED = 128 };

/* True when the daemon is among those that have ended. */
static bool reap(pid_t daemon, int *ret_code)
{
    int status;
    pid_t ended;

    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        if (ended != daemon)
            continue;
        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
        return true;
    }
    return false;
}

static int serve(pid_t daemon, const sigset_t *signals)
{
    int code = EXIT_FAILED;

    for (;;) {
        int number = sigwaitinfo(signals, NULL);

        if (number == SIGCHLD && reap(daemon, &code))
            return code;
        if (number > 0 && number != SIGCHLD)
            kill(daemon, number);
    }
}

bool init_ran(int *ret_code)
{
    sigset_t all, before;

    if (getpid() != 1)
        return false;
    /* The kernel drops what number 1 neither handles nor blocks. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t daemon = fork();
    if (daemon < 0) {
        fprintf(stderr, "cannot start a process: %s\n", strerror(errno));
        *ret_code = EXIT_FAILED;
        return true;
    }
    if (daemon == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return false;
    }
    *ret_code = serve(daemon, &all);
    return true;
}
