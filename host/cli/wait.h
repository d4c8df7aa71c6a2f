/* SPDX-License-Identifier: MIT */
/* Waiting for SIGINT or SIGTERM without waking up before. On the main thread. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H
#include <signal.h>

#include "cli/cli.h"

/* Keeps both signals for the main thread: threads that start from here on never see them. before: what
 * wait_for_stop needs. */
void wait_block(sigset_t *before);
/* Returns once cli->should_stop; both signals may come again then, as a second one ends the process. */
void wait_for_stop(const struct cli *cli, const sigset_t *before);
#endif
