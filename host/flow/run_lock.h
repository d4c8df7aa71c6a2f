/* SPDX-License-Identifier: MIT */
/*
 * One run of a scheduled flow at a time, across processes: an advisory lock on a file in the
 * workspace's state folder. The kernel lets go of it when the process dies, however it dies.
 */
#ifndef FLOW_RUN_LOCK_H
#define FLOW_RUN_LOCK_H
#include "base/error.h"

/* The lock's descriptor in *fd. ERROR_EXISTS names the process that holds it. */
MUST_USE bool run_lock_take(const char *state_folder, const char *flow, int *fd, struct error *err);
void run_lock_release(int fd); /* -1 is fine */
#endif
