/* SPDX-License-Identifier: MIT */
/* sigsuspend, so that a signal between the question and the sleep is not lost; see wait.h. */
#include "cli/wait.h"

void wait_block(sigset_t *before)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, before);
}

void wait_for_stop(const struct cli *cli, const sigset_t *before)
{
    while (!cli->should_stop())
        sigsuspend(before);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
