/* SPDX-License-Identifier: MIT */
/*
 * From a request's path to what answers it. Triggers keep OIC's addresses:
 * /ic/api/integration/v1/flows/{oracleutilities|rest}/{ID or alias}/{version}/{path of the flow}.
 * Pure functions, thread-safe.
 */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H
#include "base/buf.h"
#include "flow/flow.h"

enum route_kind {
    ROUTE_NONE,    /* nothing of ours */
    ROUTE_LIVE,    /* /health/live */
    ROUTE_READY,   /* /health/ready */
    ROUTE_METRICS, /* /metrics */
    ROUTE_TRIGGER, /* a flow; index is set */
    ROUTE_UNKNOWN, /* below the triggers' address, but no active flow, version or path */
};

struct route {
    enum route_kind kind;
    size_t flow; /* index for service_manifest */
    char reason[256]; /* of ROUTE_UNKNOWN: a sentence */
};

/* path: as sent, without query; percent signs are not decoded (no address of ours needs them). */
void route_find(const struct service *service, const char *path, struct route *route);

/* Whether the segment asks for that version of a manifest: "01.23.3000" is asked for as itself, as
 * 1.23, and as 1.0, which the configuration guide prints. Leading zeros do not count. */
bool route_version_matches(const char *version, const char *segment, size_t size);

/* Appends the addresses of all triggers, separated by ", ". */
void route_list(const struct service *service, struct buf *out);
#endif
