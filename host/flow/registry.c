/* SPDX-License-Identifier: MIT */
/* Opens all modules of a folder; see registry.h. */
#include "flow/registry.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "capability/filter_cache.h"
#include "capability/trust.h"
#include "engine/import_rules.h"
#include "engine/verifier.h"

#define PAGES_PER_MIB 16u
#define VERSIONS_SIZE_MAX 4096 /* of a list of versions in an error */

static int is_module(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".wasm") == 0 &&
           strcmp(entry->d_name, FILTER_MAPPING_MODULE) != 0; /* no flow: it applies mappings */
}

/* The workspace's own flows come from its flows folder: signed like customisations, compiled in its state. */
static bool is_own(const struct workspace *workspace, const char *path)
{
    size_t size = strlen(workspace->folder);
    return strncmp(path, workspace->folder, size) == 0 &&
           strncmp(path + size, "/" REGISTRY_OWN_FOLDER "/", sizeof REGISTRY_OWN_FOLDER + 1) == 0;
}

static bool check_own(const struct workspace *workspace, const char *path, struct error *err)
{
    struct buf bytes;
    char signer[TRUST_SIGNER_SIZE];
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    bool ok = file_read(path, &bytes, err) &&
              (trust_check(workspace, path, &bytes, signer, err) ||
               error_context(err, "flow '%s'", path));
    buf_release(&bytes);
    return ok;
}

static bool open_module(struct flow *flow, const struct workspace *workspace, const char *path,
                        const struct module_policy *policy, struct error *err)
{
    if (!is_own(workspace, path))
        return module_open(&flow->module, path, workspace->cache_folder, policy, err);
    char *cache = file_join(workspace->state_folder, "compiled");
    bool ok = (cache || error_set(err, ERROR_LIMIT, "out of memory")) &&
              check_own(workspace, path, err) &&
              module_open(&flow->module, path, cache, policy, err);
    free(cache);
    return ok;
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
    bool ok = open_module(flow, workspace, path, &policy, err);
    const char *json = ok ? module_manifest(flow->module, &size) : NULL;
    if (ok && !json)
        ok = error_set(err, ERROR_INVALID, "'%s' carries no manifest", path);
    return ok && manifest_parse(&flow->manifest, json, size, file_name, err) &&
           version_parse(flow->manifest->version, strlen(flow->manifest->version), &flow->version);
}

void flow_close(struct flow *flow)
{
    manifest_free(flow->manifest);
    module_close(flow->module);
    free(flow->folder_name);
    free(flow->path);
    *flow = (struct flow){.path = NULL};
}

static int by_identifier(const void *a, const void *b)
{
    const struct flow *left = a, *right = b;
    int order = strcmp(left->manifest->identifier, right->manifest->identifier);
    return order ? order : version_compare(&left->version, &right->version);
}

static bool is_same_flow(const struct flow *a, const struct flow *b)
{
    return strcmp(a->manifest->identifier, b->manifest->identifier) == 0;
}

static bool is_called(const struct flow *flow, const char *name)
{
    return manifest_is_called(flow->manifest, name) || strcmp(flow->folder_name, name) == 0;
}

static bool check_name(const struct registry *registry, size_t owner, const char *name,
                       struct error *err)
{
    const struct flow *flow = &registry->flows[owner];
    for (size_t i = 0; i < registry->count; i++)
        if (!is_same_flow(flow, &registry->flows[i]) && is_called(&registry->flows[i], name))
            return error_set(err, ERROR_INVALID,
                             "'%s.wasm' and '%s.wasm' are different flows and both called '%s'",
                             flow->folder_name, registry->flows[i].folder_name, name);
    return true;
}

/* Versions of one flow are neighbours. */
static bool check_version(const struct registry *registry, size_t index, struct error *err)
{
    const struct flow *flow = &registry->flows[index];
    if (index == 0 || by_identifier(flow - 1, flow) != 0)
        return true;
    return error_set(err, ERROR_INVALID, "'%s.wasm' and '%s.wasm' are both version %s of flow '%s'",
                     flow[-1].folder_name, flow->folder_name, flow->manifest->version,
                     flow->manifest->identifier);
}

/* No name means two flows: else a module could take the calls that are granted to another one. */
static bool check_unique(const struct registry *registry, struct error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct flow *flow = &registry->flows[i];
        if (!check_version(registry, i, err) ||
            !check_name(registry, i, flow->manifest->identifier, err) ||
            !check_name(registry, i, flow->folder_name, err))
            return false;
        for (size_t j = 0; j < flow->manifest->alias_count; j++)
            if (!check_name(registry, i, flow->manifest->aliases[j], err))
                return false;
    }
    return true;
}

static bool open_entries(struct registry *out, const struct workspace *workspace,
                         const char *folder, struct dirent *const *entries, int count,
                         struct error *err)
{
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entries[i]->d_name);
        bool ok = path ? flow_open(&out->flows[out->count++], workspace, path, err)
                       : error_set(err, ERROR_LIMIT, "out of memory");
        free(path);
        if (!ok)
            return false;
    }
    return true;
}

static bool open_folder(struct registry *out, const struct workspace *workspace, const char *folder,
                        bool must_exist, struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_module, alphasort);
    if (count < 0 && !must_exist && errno == ENOENT)
        return true;
    if (count < 0)
        return error_errno(err, ERROR_NOT_FOUND, errno, "functions folder '%s'", folder);
    bool ok = false;
    if (count == 0 && must_exist)
        error_set(err, ERROR_NOT_FOUND, "no flow (*.wasm) in '%s'", folder);
    else if ((size_t)count > REGISTRY_FLOWS_MAX - out->count)
        error_set(err, ERROR_LIMIT, "more than %d flows with those in '%s'", REGISTRY_FLOWS_MAX, folder);
    else
        ok = open_entries(out, workspace, folder, entries, count, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return ok;
}

bool registry_open(struct registry *out, const struct workspace *workspace, struct error *err)
{
    *out = (struct registry){.flows = calloc(REGISTRY_FLOWS_MAX, sizeof *out->flows)};
    char *own = file_join(workspace->folder, REGISTRY_OWN_FOLDER);
    bool ok = (out->flows && own) || error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && open_folder(out, workspace, workspace->functions_folder, true, err) &&
         (strcmp(own, workspace->functions_folder) == 0 ||
          open_folder(out, workspace, own, false, err));
    free(own);
    if (ok) {
        qsort(out->flows, out->count, sizeof *out->flows, by_identifier);
        ok = check_unique(out, err);
    }
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

/* A flow of that name: the newest of its versions, or the very module whose folder it names. */
static struct flow *find_name(const struct registry *registry, const char *name)
{
    struct flow *found = NULL;
    for (size_t i = 0; i < registry->count; i++)
        if (manifest_is_called(registry->flows[i].manifest, name))
            found = &registry->flows[i];
    for (size_t i = 0; found && i < registry->count; i++)
        if (is_same_flow(found, &registry->flows[i]))
            found = &registry->flows[i]; /* an alias of an older version means the flow, too */
    for (size_t i = 0; !found && i < registry->count; i++)
        if (strcmp(registry->flows[i].folder_name, name) == 0)
            found = &registry->flows[i];
    return found;
}

static void list_versions(const struct registry *registry, const struct flow *flow,
                          const char *wanted, struct error *err)
{
    struct buf versions;
    buf_init(&versions, VERSIONS_SIZE_MAX);
    for (size_t i = 0; i < registry->count; i++)
        if (is_same_flow(flow, &registry->flows[i]))
            buf_printf(&versions, "%s%s", versions.size ? ", " : "",
                       registry->flows[i].manifest->version);
    error_set(err, ERROR_NOT_FOUND, "flow '%s' has no version '%.40s'; there is %s",
              flow->manifest->identifier, wanted, buf_text(&versions));
    buf_release(&versions);
}

static struct flow *find_version(const struct registry *registry, const struct flow *flow,
                                 const char *wanted, struct error *err)
{
    struct version version;
    struct flow *found = NULL;
    bool is_version = version_parse(wanted, strlen(wanted), &version);
    for (size_t i = 0; is_version && i < registry->count; i++)
        if (is_same_flow(flow, &registry->flows[i]) &&
            version_covers(&version, &registry->flows[i].version))
            found = &registry->flows[i];
    if (!found)
        list_versions(registry, flow, wanted, err);
    return found;
}

struct flow *registry_find(const struct registry *registry, const char *name, struct error *err)
{
    char plain[NAME_MAX + 1]; /* a folder name may be longer than an identifier */
    const char *bar = strchr(name, '|');
    int size = snprintf(plain, sizeof plain, "%.*s", bar ? (int)(bar - name) : -1, name);
    bool fits = size >= 0 && (size_t)size < sizeof plain;
    struct flow *flow = fits ? find_name(registry, plain) : NULL;
    if (!flow)
        name_nearest(registry, fits ? plain : name, err);
    return flow && bar ? find_version(registry, flow, bar + 1, err) : flow;
}
