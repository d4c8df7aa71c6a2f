/* SPDX-License-Identifier: MIT */
/*
 * An own flow made from a base flow, as Oracle Integration's "clone" does: the same code under an identifier
 * and with a manifest of its own, in the workspace's flows folder, which `sluice` runs beside the base flows.
 */
#ifndef FLOW_CLONE_H
#define FLOW_CLONE_H
#include <limits.h>

#include "base/error.h"
#include "workspace/workspace.h"

struct clone_request {
    const char *flow, *identifier; /* of the base flow; of the new one */
    const char *folder;            /* NULL: the workspace's flows folder */
    const char *manifest;          /* path of the manifest to use; NULL: the base flow's, with a new name */
    bool replaces;                 /* one made earlier */
};

struct clone_result {
    char module[PATH_MAX], manifest[PATH_MAX]; /* the files that were written */
};

/* ERROR_EXISTS: a flow is called so, or the files are there; ERROR_INVALID: the manifest. */
MUST_USE bool clone_flow(const struct workspace *workspace, const struct clone_request *request,
                         struct clone_result *result, struct error *err);
#endif
