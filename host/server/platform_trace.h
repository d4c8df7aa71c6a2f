/* SPDX-License-Identifier: MIT */
/*
 * The trace that a platform says a call belongs to, in its own words, as the value of a traceparent
 * header (base/trace.h). Pure, thread-safe.
 */
#ifndef SERVER_PLATFORM_TRACE_H
#define SERVER_PLATFORM_TRACE_H
#include <stdbool.h>

#include "base/trace.h"

/* Lambda-Runtime-Trace-Id (docs.aws.amazon.com: X-Ray developer guide, "Tracing header"):
 * "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1". False: text is NULL, or
 * Root or Parent is missing or of another form. */
bool platform_trace_xray(const char *text, char traceparent[static TRACE_PARENT_SIZE]);

/* Header fields of B3 (openzipkin/b3-propagation), as Fn and OCI send them: x-b3-traceid of 16 or 32
 * digits, x-b3-spanid, x-b3-sampled, x-b3-flags; NULL where there is none. False: no id, or not of that
 * form. */
bool platform_trace_b3(const char *trace, const char *span, const char *sampled, const char *flags,
                       char traceparent[static TRACE_PARENT_SIZE]);
#endif
