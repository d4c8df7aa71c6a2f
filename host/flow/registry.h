/* SPDX-License-Identifier: MIT */
/*
 * The flows of a workspace: every module of the functions folder with its manifest. Several modules
 * may be versions of one flow: same identifier, different version.
 *
 * A running server may take in more: a new flow or a newer version stands behind those that are there,
 * and other bytes for a version stand in its place. So an index means one version for good, versions of
 * a flow come from the oldest, and what was replaced is kept for whoever uses it until the registry is
 * closed. Reading is thread-safe while one thread changes.
 */
#ifndef FLOW_REGISTRY_H
#define FLOW_REGISTRY_H
#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "base/version.h"
#include "capability/manifest.h"
#include "engine/module.h"
#include "workspace/workspace.h"

#define REGISTRY_FLOWS_MAX 256
#define REGISTRY_RETIRED_MAX 256 /* replaced until the process ends */

struct flow {
    char *folder_name; /* file name without ".wasm": "customer_sync_ack" */
    char *path;        /* of the module's file */
    struct module *module;
    struct manifest *manifest;
    struct version version; /* of the manifest */
};

struct registry {
    /* First those of the folder, by identifier, versions of one from the oldest; then those taken in. */
    struct flow *_Atomic flows[REGISTRY_FLOWS_MAX];
    atomic_size_t count;
    struct flow *retired[REGISTRY_RETIRED_MAX];
    size_t retired_count;
};

/* ERROR_NOT_FOUND (no folder, no module), ERROR_INVALID (verifier, manifest, one version twice, a
 * name that means two flows). */
MUST_USE bool registry_open(struct registry *out, const struct workspace *workspace,
                            struct error *err);
void registry_close(struct registry *registry); /* zeroed is fine */

/* One module and its manifest, from a file named "<folder name>.wasm". ERROR_INVALID: verifier, manifest. */
MUST_USE bool flow_open(struct flow *out, const struct workspace *workspace, const char *path,
                        struct error *err);
void flow_close(struct flow *flow); /* zeroed is fine */

/* index below count. Borrowed until the registry is closed. */
struct flow *registry_flow(const struct registry *registry, size_t index);

/*
 * By identifier, alias or folder name, alone or as "NAME|VERSION" (OIC's composite id). Without a
 * version, and when "1.23" fits several, it is the newest one; a folder name means that very module.
 * False with ERROR_NOT_FOUND that names the nearest, or the versions there are.
 */
MUST_USE bool registry_find(const struct registry *registry, const char *name, size_t *index,
                            struct error *err);

/* ---- taking in more; one thread at a time ---- */

/* The same on the heap, for registry_add and registry_replace; NULL: as flow_open. */
struct flow *flow_new(const struct workspace *workspace, const char *path, struct error *err);
void flow_free(struct flow *flow); /* NULL is fine */

/* The index of the very version that flow is of; false: there is none. */
bool registry_find_version(const struct registry *registry, const struct flow *flow, size_t *index);
/* Whether registry_add would take flow: ERROR_INVALID: one of its names means another flow;
 * ERROR_REFUSED: a newer version is there already; ERROR_LIMIT. */
MUST_USE bool registry_check(const struct registry *registry, const struct flow *flow,
                             struct error *err);
/* The same for registry_replace by another module of a version that is there. */
MUST_USE bool registry_check_replacement(const struct registry *registry, const struct flow *flow,
                                         struct error *err);
/* Both take ownership of flow, which has passed its check. */
size_t registry_add(struct registry *registry, struct flow *flow);
void registry_replace(struct registry *registry, size_t index, struct flow *flow);
#endif
