/* SPDX-License-Identifier: MIT */
/*
 * The program: streams, signals, then cli_main. A first SIGINT or SIGTERM asks what is running to
 * stop at the next safe point, a second one ends the process at once.
 */
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

static volatile sig_atomic_t stop_signals;

static void on_stop(int number)
{
    if (stop_signals++ > 0)
        _exit(128 + number);
}

static bool should_stop(void)
{
    return stop_signals > 0;
}

int main(int argc, char **argv)
{
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct cli cli = {.out = stdout, .err = stderr, .should_stop = should_stop};
    signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is an error of its write */
    signal(SIGPIPE, SIG_IGN); /* a closed pipe or connection is an error of its write */
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    log_configure(LOG_WARNING, LOG_PLAIN, STDERR_FILENO);
    return cli_main(&cli, argc, argv);
}
