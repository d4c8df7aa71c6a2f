/* SPDX-License-Identifier: MIT */
/* Opens all modules of a folder; see registry.h. */
#include "flow/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "engine/import_rules.h"

#define PAGES_PER_MIB 16u

static int is_module(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".wasm") == 0;
}

bool flow_open(struct flow *flow, const struct workspace *workspace, const char *path,
               struct error *err)
{
    size_t rule_count;
    const struct import_rule *rules = import_rules_flow(&rule_count);
    const struct module_policy policy = {
        .imports = rules,
        .import_count = rule_count,
        .memory_pages_max = workspace->memory_mib_max * PAGES_PER_MIB,
    };
    const char *slash = strrchr(path, '/'), *file_name = slash ? slash + 1 : path;
    *flow = (struct flow){.path = strdup(path),
                          .folder_name = strndup(file_name, strlen(file_name) - 5)};
    if (!flow->path || !flow->folder_name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    size_t size = 0;
    bool ok = module_open(&flow->module, path, workspace->cache_folder, &policy, err);
    const char *json = ok ? module_manifest(flow->module, &size) : NULL;
    if (ok && !json)
        ok = error_set(err, ERROR_INVALID, "'%s' carries no manifest", path);
    return ok && manifest_parse(&flow->manifest, json, size, file_name, err);
}

void flow_close(struct flow *flow)
{
    manifest_free(flow->manifest);
    module_close(flow->module);
    free(flow->folder_name);
    free(flow->path);
    *flow = (struct flow){.path = NULL};
}

static bool open_in(struct flow *flow, const struct workspace *workspace, const char *file_name,
                    struct error *err)
{
    char *path = file_join(workspace->functions_folder, file_name);
    bool ok = path ? flow_open(flow, workspace, path, err)
                   : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

static int by_identifier(const void *a, const void *b)
{
    const struct flow *left = a, *right = b;
    return strcmp(left->manifest->identifier, right->manifest->identifier);
}

static bool is_called(const struct flow *flow, const char *name)
{
    return manifest_is_called(flow->manifest, name) || strcmp(flow->folder_name, name) == 0;
}

static bool check_name(const struct registry *registry, size_t owner, const char *name,
                       struct error *err)
{
    for (size_t i = 0; i < registry->count; i++)
        if (i != owner && is_called(&registry->flows[i], name))
            return error_set(err, ERROR_INVALID, "'%s.wasm' and '%s.wasm' are both called '%s'",
                             registry->flows[owner].folder_name, registry->flows[i].folder_name,
                             name);
    return true;
}

/* No name means two flows: else a module could take the calls that are granted to another one. */
static bool check_unique(const struct registry *registry, struct error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct flow *flow = &registry->flows[i];
        if (!check_name(registry, i, flow->manifest->identifier, err) ||
            !check_name(registry, i, flow->folder_name, err))
            return false;
        for (size_t j = 0; j < flow->manifest->alias_count; j++)
            if (!check_name(registry, i, flow->manifest->aliases[j], err))
                return false;
    }
    return true;
}

static bool open_all(struct registry *out, const struct workspace *workspace,
                     struct dirent *const *entries, int count, struct error *err)
{
    out->flows = calloc((size_t)count + 1, sizeof *out->flows);
    if (!out->flows)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (int i = 0; i < count; i++)
        if (!open_in(&out->flows[out->count++], workspace, entries[i]->d_name, err))
            return false;
    qsort(out->flows, out->count, sizeof *out->flows, by_identifier);
    return check_unique(out, err);
}

bool registry_open(struct registry *out, const struct workspace *workspace, struct error *err)
{
    *out = (struct registry){0};
    struct dirent **entries = NULL;
    int count = scandir(workspace->functions_folder, &entries, is_module, alphasort);
    if (count < 0)
        return error_errno(err, ERROR_NOT_FOUND, errno, "functions folder '%s'",
                           workspace->functions_folder);
    bool ok = false;
    if (count == 0)
        error_set(err, ERROR_NOT_FOUND, "no flow (*.wasm) in '%s'", workspace->functions_folder);
    else if (count > REGISTRY_FLOWS_MAX)
        error_set(err, ERROR_LIMIT, "more than %d flows in '%s'", REGISTRY_FLOWS_MAX,
                  workspace->functions_folder);
    else
        ok = open_all(out, workspace, entries, count, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (!ok)
        registry_close(out);
    return ok;
}

void registry_close(struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        flow_close(&registry->flows[i]);
    free(registry->flows);
    *registry = (struct registry){0};
}

static void name_nearest(const struct registry *registry, const char *name, struct error *err)
{
    if (!err)
        return;
    const char *names[REGISTRY_FLOWS_MAX * 2];
    size_t count = 0;
    for (size_t i = 0; i < registry->count; i++) {
        names[count++] = registry->flows[i].manifest->identifier;
        names[count++] = registry->flows[i].folder_name;
    }
    const char *nearest = text_nearest(name, names, count);
    if (nearest)
        error_set(err, ERROR_NOT_FOUND, "no flow '%s'; did you mean '%s'?", name, nearest);
    else
        error_set(err, ERROR_NOT_FOUND, "no flow '%s'; 'sluice flows' lists those there are", name);
}

struct flow *registry_find(const struct registry *registry, const char *name, struct error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        struct flow *flow = &registry->flows[i];
        if (is_called(flow, name))
            return flow;
    }
    name_nearest(registry, name, err);
    return NULL;
}
