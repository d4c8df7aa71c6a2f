/* SPDX-License-Identifier: MIT */
/* What a guest writes to stdout and stderr, line by line into its activity stream. */
#ifndef CAPABILITY_LOG_H
#define CAPABILITY_LOG_H
#include <stddef.h>

struct execution;

/*
 * Takes size bytes of output. Complete lines become activity rows (import "log"); a line longer than
 * EXECUTION_LINE_MAX is cut; after the manifest's log_lines the rest is dropped with one row that
 * says so. Control bytes and invalid UTF-8 are replaced.
 */
void log_guest_output(struct execution *execution, const char *bytes, size_t size);
#endif
