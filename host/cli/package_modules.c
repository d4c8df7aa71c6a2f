/* SPDX-License-Identifier: MIT */
/*
 * The code of a package: modules of flows, customisations, and what is compiled from them, which all lies in
 * functions/compiled: where the package runs there is no compiler. See package.h.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "capability/filter_cache.h"
#include "cli/package.h"
#include "engine/signature.h"
#include "engine/translate.h"
#include "engine/verifier.h"
#include "flow/registry.h"
#include "workspace/customisation.h"

struct loading {
    struct package_tree *tree;
    const struct package_plan *plan;
    struct error *err;
};

/* The file source as "<prefix><folder>/<its name>". What several need is there once. */
static bool add_once(const struct loading *loading, enum package_part part, const char *folder,
                     const char *source)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s/%s", loading->plan->target->prefix, folder,
             strrchr(source, '/') + 1);
    return package_has(loading->tree, path) ||
           package_add_file(loading->tree, part, path, 0644, source, loading->err);
}

static bool add_compiled(const struct loading *loading, const char *library)
{
    char sum[PATH_MAX];
    snprintf(sum, sizeof sum, "%s" TRANSLATE_SUM_SUFFIX, library);
    return add_once(loading, PART_COMPILED, "functions/compiled", library) &&
           add_once(loading, PART_COMPILED, "functions/compiled", sum);
}

/* ---- flows ---- */

/* A flow of the workspace's own stays one: its signature is looked at where it runs. */
static bool add_flow(const struct loading *loading, size_t flow)
{
    const struct service *service = loading->plan->service;
    const char *path = service_module_path(service, flow);
    const char *below = package_below_workspace(loading->plan, path);
    bool is_own = below && strncmp(below, REGISTRY_OWN_FOLDER "/", sizeof REGISTRY_OWN_FOLDER) == 0;
    return add_once(loading, PART_MODULES, is_own ? "workspace/" REGISTRY_OWN_FOLDER : "functions",
                    path) &&
           add_compiled(loading, service_library(service, flow));
}

/* ---- customisations ---- */

/* The very bytes that were looked at when the plan was made. */
static bool add_checked(const struct loading *loading, const struct package_filter *filter,
                        const char *path)
{
    struct buf bytes;
    char digest[PACKAGE_DIGEST_SIZE];
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    bool ok = file_read(filter->path, &bytes, loading->err);
    if (ok)
        package_digest(bytes.data, bytes.size, digest);
    if (ok && strcmp(digest, filter->digest) != 0)
        ok = error_set(loading->err, ERROR_BROKEN, "'%s' changed while it was packaged", filter->path);
    ok = ok && package_add_bytes(loading->tree, PART_MODULES, path, 0644, bytes.data, bytes.size,
                                 loading->err);
    buf_release(&bytes);
    return ok;
}

static bool add_signature(const struct loading *loading, const char *source, const char *path)
{
    char beside[PATH_MAX], inside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s" SIGNATURE_SUFFIX, source) >= PATH_MAX ||
        snprintf(inside, sizeof inside, "%s" SIGNATURE_SUFFIX, path) >= PATH_MAX)
        return error_set(loading->err, ERROR_LIMIT, "the name '%s' is too long", source);
    return !file_exists(beside) ||
           package_add_file(loading->tree, PART_MODULES, inside, 0644, beside, loading->err);
}

static bool add_mapper(const struct loading *loading)
{
    char *path = file_join(service_workspace(loading->plan->service)->functions_folder,
                           FILTER_MAPPING_MODULE);
    bool ok = path ? add_once(loading, PART_MODULES, "functions", path)
                   : error_set(loading->err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

static bool add_filter(const struct loading *loading, const struct package_filter *filter)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%sworkspace/" CUSTOMISATION_FOLDER "/%s/%s",
             loading->plan->target->prefix, filter->flow, filter->name);
    return add_checked(loading, filter, path) && add_signature(loading, filter->path, path) &&
           (!filter->is_mapping || add_mapper(loading)) && add_compiled(loading, filter->library);
}

bool package_add_modules(struct package_tree *tree, const struct package_plan *plan,
                         struct error *err)
{
    const struct loading loading = {tree, plan, err};
    for (size_t i = 0; i < service_flow_count(plan->service); i++)
        if (plan->is_needed[i] && !add_flow(&loading, i))
            return false;
    for (size_t i = 0; i < plan->filter_count; i++)
        if (!add_filter(&loading, &plan->filters[i]))
            return false;
    return true;
}
