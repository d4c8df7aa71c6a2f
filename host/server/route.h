/* SPDX-License-Identifier: MIT */
/*
 * From a request's path to what answers it. Triggers keep OIC's addresses:
 * /ic/api/integration/v1/flows/{oracleutilities|rest}/{ID or alias}/{version}/{path of the flow}.
 * A version is asked for as "1.23" (the newest patch of it) or whole, as "01.23.3000"; "1.0", which
 * the configuration guide prints, means the newest version where there is no 1.0.
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

/* Appends the addresses of all active triggers, separated by ", ". */
void route_list(const struct service *service, struct buf *out);
#endif
