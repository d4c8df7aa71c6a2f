/* SPDX-License-Identifier: MIT */
/*
 * SIGINT and SIGTERM as a descriptor, for processes that sleep until a call comes or they are asked
 * to stop, and wake up for nothing else. wait_is_asked is thread-safe, the rest is the main
 * thread's.
 */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H
#include <stdbool.h>

#include "base/error.h"

/* From here on both signals only make the descriptor readable; before any thread is started. */
MUST_USE bool wait_open(struct error *err);
int wait_fd(void); /* -1: not open */
bool wait_is_asked(void *unused);
void wait_for_stop(void);
/* Gives the signals their handlers back: another one ends the process. */
void wait_close(void);
#endif
