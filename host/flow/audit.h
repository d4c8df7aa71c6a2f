/* SPDX-License-Identifier: MIT */
/* The trail of what people changed about flows, or were not allowed to. */
#ifndef FLOW_AUDIT_H
#define FLOW_AUDIT_H
#include "flow/flow.h"

/*
 * Records that actor did action ("activate", "schedule.stop", ...) to the index-th flow, with detail (may
 * be NULL), or that it failed because of why. Gives ok, and why in err (may be NULL) if it is false.
 */
bool audit_change(const struct service *service, const struct actor *actor, const char *action,
                  size_t index, const char *detail, bool ok, const struct error *why,
                  struct error *err);
#endif
