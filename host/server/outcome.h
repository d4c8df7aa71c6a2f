/* SPDX-License-Identifier: MIT */
/* How a run ended, as a JSON object: what functions answer for flows that answer nothing
 * themselves, and the data of events. Thread-safe. */
#ifndef SERVER_OUTCOME_H
#define SERVER_OUTCOME_H
#include "base/document.h"
#include "flow/flow.h"

/* {"instance", "flow", "version", "state", "exit_status", "duration_ms", "files": {...}, "fault"} */
void outcome_write(struct document *document, const struct manifest *manifest,
                   const struct run_outcome *outcome);

/* "found", "transferred", "not_transferred", "postponed": members of an object that is open. */
void outcome_write_counts(struct document *document, const struct run_outcome *outcome);

/* "fault": null, or an object with "code", "title" and "detail" that is left open: then true. */
bool outcome_begin_fault(struct document *document, const struct run_outcome *outcome);

/* The HTTP status of a run whose flow answers nothing: 200, 504 past its deadline, else 500. */
int outcome_status(const struct run_outcome *outcome);
#endif
