/* SPDX-License-Identifier: MIT */
/* The workspace, and what a container without a system needs; see package.h. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/package.h"
#include "server/issuer.h"

#define ANCHORS "/etc/ssl/certs/ca-certificates.crt"
#define ZONES "/usr/share/zoneinfo"
#define CERTIFICATE_SIZE_MAX (1u << 20)

/* What one step of the filling works on. */
struct filling {
    struct package_tree *tree;
    const struct package_plan *plan;
    const struct workspace *workspace;
    struct error *err;
};

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_LIMIT, "out of memory");
}

/* "<prefix><name>" into path. */
static const char *inside(const struct filling *filling, const char *name,
                          char path[static PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s%s", filling->plan->target->prefix, name);
    return path;
}

/* ---- settings: those of the workspace, but for where things are ---- */

static bool set_text(cJSON *root, const char *key, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(root, key);
    return !value || cJSON_AddStringToObject(root, key, value);
}

static bool is_absolute(const cJSON *root, const char *key)
{
    const char *value = json_text(root, key);
    return value && value[0] == '/';
}

/* What people activated is in a store that does not travel along: where none is kept, what is packaged
 * is active. A log goes where the platform takes it. */
static bool adapt_settings(const struct filling *filling, cJSON *root)
{
    const char *schedules = filling->plan->target->schedules;
    const char *store = json_text(root, "store"), *activation = json_text(root, "activation");
    bool is_lost = store && strcmp(store, "memory") == 0;
    cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "log"), "file");
    return (json_text(root, "schedules") || !schedules || set_text(root, "schedules", schedules)) &&
           (!activation || !is_lost || set_text(root, "activation", "automatic"));
}

/* The anchors that travel along count where the workspace names none. */
static bool place_settings(const struct filling *filling, cJSON *root)
{
    const struct package_target *target = filling->plan->target;
    bool has_state = is_absolute(root, "state");
    bool ok = set_text(root, "functions", "../functions") && set_text(root, "cache", NULL) &&
              (has_state || set_text(root, "state", target->state));
    if (!json_text(root, "store") && !has_state)
        ok = ok && set_text(root, "store", target->store);
    if (!json_text(root, "ca") && file_exists(ANCHORS))
        ok = ok && set_text(root, "ca", "../etc/ca-certificates.crt");
    return ok && adapt_settings(filling, root);
}

/* A file of the workspace as change leaves it. */
static bool add_changed(const struct filling *filling, const char *name,
                        bool (*change)(const struct filling *filling, cJSON *root))
{
    char path[PATH_MAX], file[PATH_MAX];
    char *source = file_join(filling->workspace->folder, name);
    cJSON *root = source ? json_read_file(source, JSON_COMMENTS, filling->err) : NULL;
    bool ok = root || (!source && no_memory(filling->err));
    char *text = ok && change(filling, root) ? cJSON_Print(root) : NULL;
    if (ok && !text)
        ok = no_memory(filling->err);
    snprintf(file, sizeof file, "workspace/%s", name);
    ok = ok && package_add_bytes(filling->tree, PART_WORKSPACE, inside(filling, file, path), 0644,
                                 text, strlen(text), filling->err);
    cJSON_free(text);
    cJSON_Delete(root);
    free(source);
    return ok;
}

/* Those of flows that are not in the package would be mistakes there. */
static bool drop_schedules(const struct filling *filling, cJSON *root)
{
    size_t flow;
    for (cJSON *entry = root->child, *next; entry; entry = next) {
        next = entry->next;
        if (!service_find(filling->plan->service, entry->string, &flow, NULL) ||
            !filling->plan->is_needed[flow])
            cJSON_Delete(cJSON_DetachItemViaPointer(root, entry));
    }
    return true;
}

static bool add_schedules(const struct filling *filling)
{
    char *source = file_join(filling->workspace->folder, "schedules.json");
    bool is_there = source && file_exists(source);
    free(source);
    return !is_there || add_changed(filling, "schedules.json", drop_schedules);
}

/* ---- the rest of the workspace ---- */

/* name: below the workspace. A missing file is fine. */
static bool add_workspace_file(const struct filling *filling, const char *name)
{
    char path[PATH_MAX], file[PATH_MAX];
    char *source = file_join(filling->workspace->folder, name);
    if (!source)
        return no_memory(filling->err);
    snprintf(file, sizeof file, "workspace/%s", name);
    bool ok = !file_exists(source) ||
              package_add_file(filling->tree, PART_WORKSPACE, inside(filling, file, path), 0644,
                               source, filling->err);
    free(source);
    return ok;
}

/* Whether the file holds, or may hold, a key. */
static bool has_key(const struct filling *filling, const char *name)
{
    struct buf text;
    char *path = file_join(filling->workspace->folder, name);
    buf_init(&text, CERTIFICATE_SIZE_MAX);
    bool is_clean = path && file_read(path, &text, NULL) &&
                    !memmem(text.data, text.size, "PRIVATE KEY", 11) &&
                    !package_is_secret(filling->plan, path);
    buf_release(&text);
    free(path);
    return !is_clean;
}

static bool is_taken(const struct filling *filling, const char *folder, const char *file)
{
    const char *dot = strrchr(file, '.');
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/%s", folder, file);
    if (file[0] == '.' || !dot)
        return false;
    if (strcmp(folder, "lookups") == 0)
        return strcmp(dot, ".csv") == 0;
    return (strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0) && !has_key(filling, name);
}

static bool add_workspace_folder(const struct filling *filling, const char *folder)
{
    struct dirent **entries = NULL;
    char *path = file_join(filling->workspace->folder, folder), name[PATH_MAX];
    int count = path ? scandir(path, &entries, NULL, alphasort) : -1;
    bool ok = path || no_memory(filling->err);
    free(path);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, entries[i]->d_name);
        if (ok && is_taken(filling, folder, entries[i]->d_name))
            ok = add_workspace_file(filling, name);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* Anchors and known hosts that a connection names and that lie elsewhere in the workspace. */
static bool add_named_file(const struct filling *filling, const char *path)
{
    const char *folder = filling->workspace->folder;
    size_t size = strlen(folder);
    if (!path || strncmp(path, folder, size) != 0 || path[size] != '/')
        return true;
    const char *name = path + size + 1;
    if (strncmp(name, "certificates/", 13) == 0 && !strchr(name + 13, '/') &&
        is_taken(filling, "certificates", name + 13))
        return true; /* it is there already */
    char inner[PATH_MAX], file[PATH_MAX];
    snprintf(file, sizeof file, "workspace/%s", name);
    inside(filling, file, inner);
    return package_has(filling->tree, inner) || has_key(filling, name) || add_workspace_file(filling, name);
}

static bool add_named_files(const struct filling *filling)
{
    const struct workspace *workspace = filling->workspace;
    bool ok = add_named_file(filling, workspace->server.certificate) &&
              add_named_file(filling, workspace->traces.ca_file);
    const struct snapshot *snapshot = workspace->snapshot;
    for (size_t i = 0; ok && i < snapshot->connection_count; i++)
        ok = add_named_file(filling, snapshot->connections[i].ca_file) &&
             add_named_file(filling, snapshot->connections[i].known_hosts);
    return ok;
}

/* The keys of an issuer are public ones. */
static bool add_issuer(const struct filling *filling)
{
    struct issuer *issuer = NULL;
    bool ok = issuer_read(&issuer, filling->workspace->folder, filling->err) &&
              (!issuer || (add_workspace_file(filling, ISSUER_FILE) &&
                           add_named_file(filling, issuer->jwks_file)));
    issuer_free(issuer);
    return ok;
}

static bool add_workspace(const struct filling *filling)
{
    return add_changed(filling, "sluice.json", place_settings) &&
           add_workspace_file(filling, "connections.json") && add_schedules(filling) &&
           add_issuer(filling) && add_workspace_folder(filling, "lookups") &&
           add_workspace_folder(filling, TRUSTED_KEYS_FOLDER) &&
           add_workspace_folder(filling, "certificates") && add_named_files(filling);
}

/* ---- a system's part ---- */

static bool add_anchors(const struct filling *filling)
{
    char path[PATH_MAX], real[PATH_MAX];
    return !realpath(ANCHORS, real) ||
           package_add_file(filling->tree, PART_SYSTEM,
                            inside(filling, "etc/ca-certificates.crt", path), 0644, real,
                            filling->err);
}

static bool add_zone(const struct filling *filling, const char *zone)
{
    char source[PATH_MAX], real[PATH_MAX];
    snprintf(source, sizeof source, ZONES "/%s", zone);
    if (!realpath(source, real))
        return true; /* libical knows UTC by itself; `sluice check` tells of zones that are none */
    return package_has(filling->tree, source + 1) ||
           package_add_file(filling->tree, PART_SYSTEM, source + 1, 0644, real, filling->err);
}

static bool add_zones(const struct filling *filling)
{
    const struct schedule_list *schedules = &filling->workspace->schedules;
    bool ok = schedules->count == 0 || add_zone(filling, "zone.tab");
    for (size_t i = 0; ok && i < schedules->count; i++)
        ok = add_zone(filling, schedules->items[i].time_zone);
    return ok;
}

/* An image of ours has no system around the program. */
static bool add_system(const struct filling *filling)
{
    static const char names[] = "hosts: files dns\n";
    struct package_tree *tree = filling->tree;
    const char *state = filling->plan->target->state;
    return package_add_folder(tree, PART_SYSTEM, "tmp", 01777, filling->err) &&
           (strncmp(state, "/tmp/", 5) == 0 ||
            package_add_folder(tree, PART_SYSTEM, state + 1, 01777, filling->err)) &&
           package_add_bytes(tree, PART_SYSTEM, "etc/nsswitch.conf", 0644, names, sizeof names - 1,
                             filling->err) &&
           add_zones(filling);
}

bool package_add_contents(struct package_tree *tree, const struct package_plan *plan,
                          struct error *err)
{
    const struct filling filling = {tree, plan, service_workspace(plan->service), err};
    return add_workspace(&filling) && add_anchors(&filling) &&
           (plan->target->form == PACKAGE_ZIP || add_system(&filling));
}
