/* SPDX-License-Identifier: MIT */
/*
 * A flow's view of its own execution: what triggered it, what it was given, whom it calls, what it
 * answers and what it reports on the way. Functions that return int32_t give a negative
 * enum sluice_status on failure (fault_take tells more).
 */
#ifndef SLUICE_FLOW_H
#define SLUICE_FLOW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/abi.h"
#include "sluice/text.h"

/* Exit statuses of a flow. */
#define FLOW_DONE 0
#define FLOW_FAILED 1
#define FLOW_PARTLY_DONE 3

/* The connection over which flows call each other. */
#define FLOW_CONNECTION "OU REST OIC for CCS-DACS"

/* Replaces body by the message that triggered the execution; empty for a schedule. */
int32_t flow_input(struct text *body);

/* Replaces value by a parameter of the run (else by the manifest's default) and returns its size.
 * SLUICE_NOT_FOUND: neither given nor defaulted; value is empty then. */
int32_t flow_parameter(const char *name, struct text *value);

/* Replaces value by a fact about the execution; empty if the host does not know it. Keys:
 * "instance", "flow", "name", "version", "trigger", "invoked_by", "started", "base_url",
 * "file_size_max", "not_understood" (entries of the open listings that the host could not read). */
void flow_about(const char *key, struct text *value);

/* The file that came with the trigger, as a handle for file_close. SLUICE_NOT_FOUND: none came. */
int32_t flow_attachment(void);

/* Runs another flow through FLOW_CONNECTION with a JSON message and perhaps a file (0: none).
 * SLUICE_OK: it answered, whatever the status; answer is replaced by the body. Negative: it could
 * not be run or did not answer (SLUICE_UNKNOWN: it may have done its work). */
int32_t flow_call(const char *flow, const char *message, size_t message_size, int32_t file,
                  int *status, struct text *answer);

/* Answers the trigger with JSON; the last answer counts. */
int32_t flow_respond(int status, const char *json, size_t size);

/* Makes the execution findable by a value, e.g. "file_name". */
void flow_track(const char *name, const char *value);

/* What became of one file; detail may be "". Bytes of the name that cannot be shown become '?'. */
void flow_report_file(const char *name, enum sluice_file_state state, const char *detail);

/* One line for the execution's log, as printf. */
void flow_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TIME_TEXT_SIZE 21 /* "2026-11-24T03:09:10Z" and NUL */

/* RFC 3339 in UTC of seconds since 1970 (0 to the end of the year 9999). Pure. */
void time_format(int64_t seconds, char text[TIME_TEXT_SIZE]);
void time_now(char text[TIME_TEXT_SIZE]);
#endif
