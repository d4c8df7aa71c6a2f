/* SPDX-License-Identifier: MIT */
/* signalfd(2); see wait.h. */
#include "cli/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int stop_fd = -1;

static sigset_t stop_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

bool wait_open(struct error *err)
{
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    stop_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return stop_fd >= 0 || error_errno(err, ERROR_INTERNAL, errno, "no descriptor for signals");
}

int wait_fd(void)
{
    return stop_fd;
}

static bool is_readable(int timeout_ms)
{
    struct pollfd one = {.fd = stop_fd, .events = POLLIN};
    return poll(&one, 1, timeout_ms) > 0;
}

bool wait_is_asked(void *unused)
{
    (void)unused;
    return stop_fd >= 0 && is_readable(0);
}

void wait_for_stop(void)
{
    while (!is_readable(-1))
        ;
}

void wait_close(void)
{
    const sigset_t signals = stop_signals();
    struct signalfd_siginfo taken;
    if (stop_fd < 0)
        return;
    while (read(stop_fd, &taken, sizeof taken) > 0)
        ; /* those that were counted are not counted again */
    close(stop_fd);
    stop_fd = -1;
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}
