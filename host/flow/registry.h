/* SPDX-License-Identifier: MIT */
/*
 * The flows of a workspace: every module of the functions folder and of its own flows folder with its
 * manifest. Those of its own are held to the rules for signatures of customisations. Several modules may be versions of one flow: same identifier, different version. Immutable.
 */
#ifndef FLOW_REGISTRY_H
#define FLOW_REGISTRY_H
#include <stddef.h>

#include "base/error.h"
#include "base/version.h"
#include "capability/manifest.h"
#include "engine/module.h"
#include "workspace/workspace.h"

#define REGISTRY_FLOWS_MAX 256
#define REGISTRY_OWN_FOLDER "flows" /* of the workspace: flows of its own, as `sluice clone` makes them */

struct flow {
    char *folder_name; /* file name without ".wasm": "customer_sync_ack" */
    char *path;        /* of the module's file */
    struct module *module;
    struct manifest *manifest;
    struct version version; /* of the manifest */
};

struct registry {
    struct flow *flows; /* ordered by identifier, versions of one from the oldest */
    size_t count;
};

/* ERROR_NOT_FOUND (no folder, no module), ERROR_INVALID (verifier, manifest, one version twice, a
 * name that means two flows). */
MUST_USE bool registry_open(struct registry *out, const struct workspace *workspace,
                            struct error *err);
void registry_close(struct registry *registry); /* zeroed is fine */

/* One module and its manifest, from a file named "<folder name>.wasm". */
MUST_USE bool flow_open(struct flow *out, const struct workspace *workspace, const char *path,
                        struct error *err);
void flow_close(struct flow *flow); /* zeroed is fine */

/*
 * By identifier, alias or folder name, alone or as "NAME|VERSION" (OIC's composite id). Without a
 * version, and when "1.23" fits several, it is the newest one; a folder name means that very module.
 * NULL with ERROR_NOT_FOUND that names the nearest, or the versions there are.
 */
struct flow *registry_find(const struct registry *registry, const char *name, struct error *err);
#endif
