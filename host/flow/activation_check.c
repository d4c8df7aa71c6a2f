/* SPDX-License-Identifier: MIT */
/* The connections that a flow needs, each looked at once; see activation.h. */
#include <string.h>

#include "flow/activation.h"

#define FOLDER_SIZE_MAX 4096

struct inspection {
    struct transfer *transfer;
    struct snapshot *snapshot; /* held */
    activation_problem_fn *fn;
    void *context;
    size_t count;
    struct error first;
};

static void complain(struct inspection *inspection, const char *connection, const struct error *why)
{
    if (inspection->count++ == 0)
        inspection->first = *why;
    if (inspection->fn)
        inspection->fn(inspection->context, connection, why);
}

static void inspect(struct inspection *inspection, const char *name)
{
    struct connection_report report;
    struct error why = {0};
    const struct connection *connection = snapshot_connection(inspection->snapshot, name, &why);
    if (!connection) {
        complain(inspection, name, &why);
        return;
    }
    if (connection->type == CONNECTION_LOCAL)
        return;
    struct buf folder;
    buf_init(&folder, FOLDER_SIZE_MAX);
    bool known = snapshot_folder_of(inspection->snapshot, connection, &folder);
    if (!connection_test(inspection->transfer, connection, known ? buf_text(&folder) : NULL, &report,
                         &why))
        complain(inspection, name, &why);
    buf_release(&folder);
}

static bool is_named_before(const struct manifest *manifest, size_t grant)
{
    for (size_t i = 0; i < grant; i++)
        if (strcmp(manifest->grants[i].connection, manifest->grants[grant].connection) == 0)
            return true;
    return false;
}

bool activation_check(const struct service *service, size_t index, activation_problem_fn *fn,
                      void *context, struct error *err)
{
    const struct manifest *manifest = service_manifest(service, index);
    struct inspection inspection = {.transfer = service_transfer(service), .fn = fn,
                                    .snapshot = workspace_snapshot(service_workspace(service)),
                                    .context = context};
    for (size_t i = 0; i < manifest->grant_count; i++)
        if (!is_named_before(manifest, i))
            inspect(&inspection, manifest->grants[i].connection);
    snapshot_release(inspection.snapshot);
    if (inspection.count == 0)
        return true;
    if (inspection.count == 1)
        return error_set(err, ERROR_REFUSED, "flow '%s' cannot be activated: %s",
                         manifest->identifier, inspection.first.message);
    return error_set(err, ERROR_REFUSED,
                     "flow '%s' cannot be activated: %zu of its connections are not usable, the first: "
                     "%s", manifest->identifier, inspection.count, inspection.first.message);
}
