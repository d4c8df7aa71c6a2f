/* SPDX-License-Identifier: MIT */
/*
 * Runs a server for each workspace below a folder until it is told to stop; see docs/tenants.md. One
 * thread that waits for signals, changes of the folder, what the servers write, and the time.
 *
 * SIGTERM, SIGINT: stops all, a second one at once. SIGHUP: reads supervise.json again (on a mistake the
 * old one stays), passes the signal on, and tries again what does not run.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H
#include "supervisor/tenant.h"

struct supervisor_options {
    const char *folder;           /* absolute */
    const char *functions_folder; /* absolute, or NULL */
    /* Once it runs, before the first tenant does. */
    void (*ready)(void *context, const struct isolation *isolation);
    void *context;
};

/* Before there is a second thread, that of the log above all: signals are for supervisor_run then. */
void supervisor_hold_signals(void);

/* Returns when all have stopped; *in_order: none had to be killed. To be called by the main thread. The
 * log must have been started. ERROR_INVALID, ERROR_NOT_FOUND, ERROR_DENIED, ERROR_EXISTS: nothing was begun. */
MUST_USE bool supervisor_run(const struct supervisor_options *options, bool *in_order,
                             struct error *err);
#endif
