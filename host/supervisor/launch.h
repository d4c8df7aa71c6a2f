/* SPDX-License-Identifier: MIT */
/*
 * Starts a tenant's process: session, cgroup, limits, user, no new privileges, no descriptors but three,
 * and an end with its supervisor's (SIGTERM). Belongs to the main thread.
 */
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H
#include <sys/types.h>

#include "supervisor/account.h"
#include "supervisor/isolation.h"

struct launch {
    const char *program; /* absolute */
    const char *const *arguments; /* with the program's name; NULL at the end */
    char *const *environment;
    const char *folder;  /* it begins in */
    const char *tenant;
    const struct account *account;
    const struct tenant_settings *limits;
    const struct isolation *isolation;
};

struct launched {
    pid_t pid;         /* 0: none; also its session and process group */
    int output, error; /* our ends of its standard streams, non-blocking */
    struct launch_note *note;
};

/* ERROR_INTERNAL. On error nothing is to be released. */
MUST_USE bool launch_start(const struct launch *launch, struct launched *out, struct error *err);

/* Why the program was not started, where it was not: ERROR_INTERNAL, else true. To be asked after its end. */
MUST_USE bool launch_check(const struct launched *launched, struct error *err);

/* Closes our ends; the process must have been waited for. A zeroed one is fine. */
void launched_release(struct launched *launched);
#endif
