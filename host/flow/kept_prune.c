/* SPDX-License-Identifier: MIT */
/* Modules and customisations that nothing needs any more; see kept_module.h. */
#include "flow/kept_module.h"
#include "workspace/kept_file.h"

static bool is_needed(void *context, const char *digest, bool *needed, struct error *err)
{
    return store_uses_file(context, digest, needed, err);
}

bool kept_module_prune(const struct workspace *workspace, struct store *store, size_t *deleted,
                       struct error *err)
{
    int64_t oldest_ms;
    *deleted = 0;
    return store_oldest_start(store, &oldest_ms, err) &&
           kept_file_prune(workspace->state_folder, oldest_ms, is_needed, store, deleted, err);
}
