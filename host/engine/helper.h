/* SPDX-License-Identifier: MIT */
/*
 * A process that translates modules for one that may not start programs any more. It is forked before
 * the system-call filter (server/lockdown.h) is put on, takes requests over a socket, and runs
 * translate_run_tools for each in a process of its own; it ends with the process that started it.
 *
 * It believes nothing: a request is the name of a work folder that translate() made, and the tools,
 * their arguments and their limits are those of translate.c. Whoever has taken over the asking process
 * can have C compiled into a file, which gives it nothing that it has not, and can start nothing else.
 */
#ifndef ENGINE_HELPER_H
#define ENGINE_HELPER_H
#include <stdbool.h>

#include "base/error.h"

#define HELPER_JOBS_MAX 4 /* translations at a time; more wait */

/* Forks it; from here on translate() uses it. To be called once, before there are threads.
 * ERROR_INTERNAL. */
MUST_USE bool helper_start(struct error *err);

/* False in a process without one: translate() runs the tools itself. */
bool helper_is_started(void);

/* As translate_run_tools (translate.h). Thread-safe; waits until it is done. ERROR_INTERNAL also where
 * the helper has ended. */
MUST_USE bool helper_run_tools(const char *folder, bool is_large, struct error *err);
#endif
