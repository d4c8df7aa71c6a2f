/* SPDX-License-Identifier: MIT */
/*
 * The CloudEvent that tells the end of a run, in binary mode: type "sluice.instance.completed",
 * ".failed" or ".aborted", id the instance's, subject the flow's identifier, data as outcome.h has
 * it. Pure.
 */
#ifndef SERVER_END_EVENT_H
#define SERVER_END_EVENT_H
#include "flow/flow.h"

/* Appends the header fields, "name: value\n" each, and the data. source: a URI reference. */
void end_event_write(const struct run_end *end, const char *source, struct buf *fields,
                     struct buf *data);

/* Appends the extension attributes of K_CE_OVERRIDES (knative/specs: specs/eventing/overview.md), a
 * JSON text {"extensions": {"name": "value"}}, as header fields. ERROR_INVALID names what is wrong.
 */
MUST_USE bool end_event_overrides(const char *json, struct buf *fields, struct error *err);
#endif
