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
#include "workspace/kept_file.h"

#define PAGES_PER_MIB 16u
#define VERSIONS_SIZE_MAX 4096 /* of a list of versions in an error */

_Static_assert(WORKSPACE_MEMORY_MIB_MAX * PAGES_PER_MIB == VERIFIER_MEMORY_PAGES_MAX,
               "the highest setting is what the engine maps");

static int is_module(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".wasm") == 0 &&
           strcmp(entry->d_name, FILTER_MAPPING_MODULE) != 0; /* no flow: it applies mappings */
}

static bool is_in(const char *folder, const char *name, const char *path)
{
    size_t size = strlen(folder), name_size = strlen(name);
    return strncmp(path, folder, size) == 0 && path[size] == '/' &&
           strncmp(path + size + 1, name, name_size) == 0 && path[size + 1 + name_size] == '/';
}

/* The workspace's own flows are signed like customisations. */
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

/* Where it is compiled if need be. A package has compiled its own flows already, and what instances began with
 * was kept along with what it was compiled to. */
static bool open_in_state(struct flow *flow, const struct workspace *workspace, const char *path,
                          struct module_policy *policy, struct error *err)
{
    char *cache = file_join(workspace->state_folder, "compiled");
    char *kept = file_join(workspace->state_folder, KEPT_FILE_FOLDER);
    policy->made_folders[0] = kept;
    policy->made_folders[1] = workspace->cache_folder;
    bool ok = cache && kept ? module_open(&flow->module, path, cache, policy, err)
                            : error_set(err, ERROR_LIMIT, "out of memory");
    policy->made_folders[0] = NULL;
    free(cache);
    free(kept);
    return ok;
}

static bool open_module(struct flow *flow, const struct workspace *workspace, const char *path,
                        struct module_policy *policy, struct error *err)
{
    if (is_in(workspace->folder, REGISTRY_OWN_FOLDER, path))
        return check_own(workspace, path, err) && open_in_state(flow, workspace, path, policy, err);
    if (is_in(workspace->state_folder, KEPT_FILE_FOLDER, path))
        return open_in_state(flow, workspace, path, policy, err);
    return module_open(&flow->module, path, workspace->cache_folder, policy, err);
}

bool flow_open(struct flow *flow, const struct workspace *workspace, const char *path,
               struct error *err)
{
    size_t rule_count, size = 0;
    const struct import_rule *rules = import_rules_flow(&rule_count);
    struct module_policy policy = {
        .imports = rules,
        .import_count = rule_count,
        .memory_pages_max = workspace->memory_mib_max * PAGES_PER_MIB,
    };
    const char *slash = strrchr(path, '/'), *file_name = slash ? slash + 1 : path;
    *flow = (struct flow){.path = strdup(path),
                          .folder_name = strndup(file_name, strlen(file_name) - 5)};
    if (!flow->path || !flow->folder_name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    if (!open_module(flow, workspace, path, &policy, err))
        return false;
    const char *json = module_manifest(flow->module, &size);
    if (!json)
        return error_set(err, ERROR_INVALID, "'%s' carries no manifest", path);
    return manifest_parse(&flow->manifest, json, size, file_name, err) &&
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

struct flow *flow_new(const struct workspace *workspace, const char *path, struct error *err)
{
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        error_set(err, ERROR_LIMIT, "out of memory");
    if (flow && flow_open(flow, workspace, path, err))
        return flow;
    flow_free(flow);
    return NULL;
}

void flow_free(struct flow *flow)
{
    if (flow)
        flow_close(flow);
    free(flow);
}

struct flow *registry_flow(const struct registry *registry, size_t index)
{
    return atomic_load(&registry->flows[index]);
}

static size_t count_of(const struct registry *registry)
{
    return atomic_load(&registry->count);
}

static int by_identifier(const void *a, const void *b)
{
    const struct flow *left = *(struct flow *const *)a, *right = *(struct flow *const *)b;
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

static bool check_name(const struct registry *registry, const struct flow *flow, const char *name,
                       struct error *err)
{
    for (size_t i = 0; i < count_of(registry); i++) {
        const struct flow *other = registry_flow(registry, i);
        if (!is_same_flow(flow, other) && is_called(other, name))
            return error_set(err, ERROR_INVALID,
                             "'%s.wasm' and '%s.wasm' are different flows and both called '%s'",
                             flow->folder_name, other->folder_name, name);
    }
    return true;
}

/* No name means two flows: else a module could take the calls that are granted to another one. */
static bool check_names(const struct registry *registry, const struct flow *flow, struct error *err)
{
    bool ok = check_name(registry, flow, flow->manifest->identifier, err) &&
              check_name(registry, flow, flow->folder_name, err);
    for (size_t i = 0; ok && i < flow->manifest->alias_count; i++)
        ok = check_name(registry, flow, flow->manifest->aliases[i], err);
    return ok;
}

/* Versions of one flow are neighbours here: nothing was taken in yet. */
static bool check_unique(const struct registry *registry, struct error *err)
{
    for (size_t i = 0; i < count_of(registry); i++) {
        const struct flow *flow = registry_flow(registry, i);
        const struct flow *before = i > 0 ? registry_flow(registry, i - 1) : NULL;
        if (before && by_identifier(&before, &flow) == 0)
            return error_set(err, ERROR_INVALID, "'%s.wasm' and '%s.wasm' are both version %s of flow "
                             "'%s'", before->folder_name, flow->folder_name, flow->manifest->version,
                             flow->manifest->identifier);
        if (!check_names(registry, flow, err))
            return false;
    }
    return true;
}

static void sort(struct registry *registry)
{
    struct flow *flows[REGISTRY_FLOWS_MAX];
    size_t count = count_of(registry);
    for (size_t i = 0; i < count; i++)
        flows[i] = registry_flow(registry, i);
    qsort(flows, count, sizeof flows[0], by_identifier);
    for (size_t i = 0; i < count; i++)
        atomic_store(&registry->flows[i], flows[i]);
}

static bool open_entries(struct registry *out, const struct workspace *workspace,
                         const char *folder, struct dirent *const *entries, int count,
                         struct error *err)
{
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entries[i]->d_name);
        struct flow *flow = path ? flow_new(workspace, path, err) : NULL;
        if (!path)
            error_set(err, ERROR_LIMIT, "out of memory");
        free(path);
        if (!flow)
            return false;
        (void)registry_add(out, flow);
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
    else if ((size_t)count > REGISTRY_FLOWS_MAX - count_of(out))
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
    memset(out, 0, sizeof *out);
    char *own = file_join(workspace->folder, REGISTRY_OWN_FOLDER);
    bool ok = own || error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && open_folder(out, workspace, workspace->functions_folder, true, err) &&
         (strcmp(own, workspace->functions_folder) == 0 ||
          open_folder(out, workspace, own, false, err));
    free(own);
    if (ok) {
        sort(out);
        ok = check_unique(out, err);
    }
    if (!ok)
        registry_close(out);
    return ok;
}

void registry_close(struct registry *registry)
{
    for (size_t i = 0; i < count_of(registry); i++)
        flow_free(registry_flow(registry, i));
    for (size_t i = 0; i < registry->retired_count; i++)
        flow_free(registry->retired[i]);
    memset(registry, 0, sizeof *registry);
}

/* ---- finding ------------------------------------------------------------------------------------- */

static void name_nearest(const struct registry *registry, const char *name, struct error *err)
{
    if (!err)
        return;
    const char *names[REGISTRY_FLOWS_MAX * 2];
    size_t count = 0;
    for (size_t i = 0; i < count_of(registry); i++) {
        names[count++] = registry_flow(registry, i)->manifest->identifier;
        names[count++] = registry_flow(registry, i)->folder_name;
    }
    const char *nearest = text_nearest(name, names, count);
    if (nearest)
        error_set(err, ERROR_NOT_FOUND, "no flow '%s'; did you mean '%s'?", name, nearest);
    else
        error_set(err, ERROR_NOT_FOUND, "no flow '%s'; 'sluice flows' lists those there are", name);
}

/* A flow of that name: the newest of its versions, or the very module whose folder it names. */
static bool find_name(const struct registry *registry, const char *name, size_t *found)
{
    const struct flow *flow = NULL;
    for (size_t i = 0; i < count_of(registry); i++)
        if (manifest_is_called(registry_flow(registry, i)->manifest, name))
            flow = registry_flow(registry, i);
    for (size_t i = 0; flow && i < count_of(registry); i++)
        if (is_same_flow(flow, registry_flow(registry, i)))
            *found = i; /* an alias of an older version means the flow, too */
    for (size_t i = 0; !flow && i < count_of(registry); i++) {
        if (strcmp(registry_flow(registry, i)->folder_name, name) == 0) {
            flow = registry_flow(registry, i);
            *found = i;
        }
    }
    return flow != NULL;
}

static bool no_version(const struct registry *registry, const struct flow *flow, const char *wanted,
                       struct error *err)
{
    struct buf versions;
    buf_init(&versions, VERSIONS_SIZE_MAX);
    for (size_t i = 0; i < count_of(registry); i++)
        if (is_same_flow(flow, registry_flow(registry, i)))
            buf_printf(&versions, "%s%s", versions.size ? ", " : "",
                       registry_flow(registry, i)->manifest->version);
    error_set(err, ERROR_NOT_FOUND, "flow '%s' has no version '%.40s'; there is %s",
              flow->manifest->identifier, wanted, buf_text(&versions));
    buf_release(&versions);
    return false;
}

static bool find_version(const struct registry *registry, const struct flow *flow,
                         const char *wanted, size_t *found, struct error *err)
{
    struct version version;
    bool is_found = false;
    bool is_version = version_parse(wanted, strlen(wanted), &version);
    for (size_t i = 0; is_version && i < count_of(registry); i++) {
        const struct flow *other = registry_flow(registry, i);
        if (is_same_flow(flow, other) && version_covers(&version, &other->version)) {
            *found = i;
            is_found = true;
        }
    }
    return is_found || no_version(registry, flow, wanted, err);
}

bool registry_find(const struct registry *registry, const char *name, size_t *index,
                   struct error *err)
{
    char plain[NAME_MAX + 1]; /* a folder name may be longer than an identifier */
    const char *bar = strchr(name, '|');
    int size = snprintf(plain, sizeof plain, "%.*s", bar ? (int)(bar - name) : -1, name);
    bool fits = size >= 0 && (size_t)size < sizeof plain;
    if (!fits || !find_name(registry, plain, index)) {
        name_nearest(registry, fits ? plain : name, err);
        return false;
    }
    return !bar || find_version(registry, registry_flow(registry, *index), bar + 1, index, err);
}

/* ---- taking in more ------------------------------------------------------------------------------- */

bool registry_find_version(const struct registry *registry, const struct flow *flow, size_t *index)
{
    for (size_t i = 0; i < count_of(registry); i++) {
        const struct flow *other = registry_flow(registry, i);
        if (by_identifier(&flow, &other) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool registry_check(const struct registry *registry, const struct flow *flow, struct error *err)
{
    for (size_t i = 0; i < count_of(registry); i++) {
        const struct flow *other = registry_flow(registry, i);
        if (is_same_flow(flow, other) && version_compare(&flow->version, &other->version) < 0)
            return error_set(err, ERROR_REFUSED, "flow '%s' has version %s already; older versions "
                             "are taken in at the start only: copy the module into the functions "
                             "folder while the server is stopped", flow->manifest->identifier,
                             other->manifest->version);
    }
    if (count_of(registry) == REGISTRY_FLOWS_MAX)
        return error_set(err, ERROR_LIMIT, "there are %d modules, which is the most",
                         REGISTRY_FLOWS_MAX);
    return check_names(registry, flow, err);
}

size_t registry_add(struct registry *registry, struct flow *flow)
{
    size_t index = count_of(registry);
    atomic_store(&registry->flows[index], flow);
    atomic_store(&registry->count, index + 1);
    return index;
}

bool registry_check_replacement(const struct registry *registry, const struct flow *flow,
                                struct error *err)
{
    if (registry->retired_count == REGISTRY_RETIRED_MAX)
        return error_set(err, ERROR_LIMIT, "%d modules were replaced since the server was started; "
                         "restart it", REGISTRY_RETIRED_MAX);
    return check_names(registry, flow, err);
}

void registry_replace(struct registry *registry, size_t index, struct flow *flow)
{
    registry->retired[registry->retired_count++] = registry_flow(registry, index);
    atomic_store(&registry->flows[index], flow);
}
