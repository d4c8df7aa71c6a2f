/* SPDX-License-Identifier: MIT */
/* The flows of a workspace: every module of the functions folder with its manifest. Immutable. */
#ifndef FLOW_REGISTRY_H
#define FLOW_REGISTRY_H
#include <stddef.h>

#include "base/error.h"
#include "capability/manifest.h"
#include "engine/module.h"
#include "workspace/workspace.h"

#define REGISTRY_FLOWS_MAX 256

struct flow {
    char *folder_name; /* file name without ".wasm": "customer_sync_ack" */
    char *path;        /* of the module's file */
    struct module *module;
    struct manifest *manifest;
};

struct registry {
    struct flow *flows; /* ordered by identifier */
    size_t count;
};

/* ERROR_NOT_FOUND (no folder, no module), ERROR_INVALID (verifier, manifest, a name used twice). */
MUST_USE bool registry_open(struct registry *out, const struct workspace *workspace,
                            struct error *err);
void registry_close(struct registry *registry); /* zeroed is fine */

/* One module and its manifest, from a file named "<folder name>.wasm". */
MUST_USE bool flow_open(struct flow *out, const struct workspace *workspace, const char *path,
                        struct error *err);
void flow_close(struct flow *flow); /* zeroed is fine */

/* By identifier, alias or folder name; NULL with ERROR_NOT_FOUND that names the nearest. */
struct flow *registry_find(const struct registry *registry, const char *name, struct error *err);
#endif
