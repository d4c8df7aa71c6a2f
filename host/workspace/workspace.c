/* SPDX-License-Identifier: MIT */
/* Opening a workspace: all files read and checked, or none; see workspace.h. */
#include "workspace/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "workspace/config.h"
#include "workspace/connections.h"
#include "workspace/schedules.h"

#define LOOKUPS_MAX 64
#define GIB (1ull << 30)
#define AT(member) offsetof(struct workspace, member)

static const char *const store_words[] = {"file", "memory", NULL};
static const char *const caller_words[] = {"users", "platform", NULL};
static const char *const answer_words[] = {"buffered", "streamed", NULL};

static const struct config_field settings[] = {
    {.key = "functions", .kind = CONFIG_PATH, .offset = AT(functions_folder), .legal = CONFIG_ALL},
    {.key = "cache", .kind = CONFIG_PATH, .offset = AT(cache_folder), .legal = CONFIG_ALL},
    {.key = "state", .kind = CONFIG_PATH, .offset = AT(state_folder), .legal = CONFIG_ALL},
    {.key = "store", .kind = CONFIG_WORD, .offset = AT(store_place), .legal = CONFIG_ALL,
     .words = store_words},
    {.key = "ca", .kind = CONFIG_ANCHOR, .offset = AT(ca_file), .legal = CONFIG_ALL},
    {.key = "event_sink", .kind = CONFIG_URL, .offset = AT(event_sink), .legal = CONFIG_ALL},
    {.key = "callers", .kind = CONFIG_WORD, .offset = AT(callers), .legal = CONFIG_ALL,
     .words = caller_words},
    {.key = "lambda_answers", .kind = CONFIG_WORD, .offset = AT(lambda_answers),
     .legal = CONFIG_ALL, .words = answer_words},
    {.key = "base_url", .kind = CONFIG_URL, .offset = AT(base_url), .legal = CONFIG_ALL},
    {.key = "file_size_max", .kind = CONFIG_SIZE, .offset = AT(file_size_max), .legal = CONFIG_ALL,
     .max = 10240 * GIB},
    {.key = "memory_mib_max", .kind = CONFIG_NUMBER, .offset = AT(memory_mib_max),
     .legal = CONFIG_ALL, .min = 1, .max = 4096},
    {.key = "run_wall_s_max", .kind = CONFIG_NUMBER, .offset = AT(run_wall_s_max),
     .legal = CONFIG_ALL, .min = 1, .max = 604800},
    {.key = "retention_days", .kind = CONFIG_NUMBER, .offset = AT(retention_days),
     .legal = CONFIG_ALL, .min = 1, .max = 36500},
};

#define SERVER(member) offsetof(struct server_settings, member)

static const struct config_field server_fields[] = {
    {.key = "listen", .kind = CONFIG_TEXT, .offset = SERVER(listen), .legal = CONFIG_ALL},
    {.key = "certificate", .kind = CONFIG_PATH, .offset = SERVER(certificate), .legal = CONFIG_ALL},
    {.key = "key", .kind = CONFIG_PATH, .offset = SERVER(key), .legal = CONFIG_ALL},
    {.key = "workers", .kind = CONFIG_NUMBER, .offset = SERVER(workers), .legal = CONFIG_ALL,
     .min = 1, .max = 256},
    {.key = "connections_max", .kind = CONFIG_NUMBER, .offset = SERVER(connections_max),
     .legal = CONFIG_ALL, .min = 1, .max = 65536},
    {.key = "request_s", .kind = CONFIG_NUMBER, .offset = SERVER(request_s), .legal = CONFIG_ALL,
     .min = 1, .max = 3600},
    {.key = "stop_s", .kind = CONFIG_NUMBER, .offset = SERVER(stop_s), .legal = CONFIG_ALL,
     .min = 1, .max = 21600},
    {.key = "account_rate", .kind = CONFIG_NUMBER, .offset = SERVER(account_rate),
     .legal = CONFIG_ALL, .max = 1000000},
    {.key = "address_rate", .kind = CONFIG_NUMBER, .offset = SERVER(address_rate),
     .legal = CONFIG_ALL, .max = 1000000},
    {.key = "rate_burst_s", .kind = CONFIG_NUMBER, .offset = SERVER(rate_burst_s),
     .legal = CONFIG_ALL, .min = 1, .max = 3600},
};

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_LIMIT, "out of memory");
}

/* Keeps *path if it is set, else makes it folder/name. */
static bool default_path(char **path, const char *folder, const char *name, struct error *err)
{
    if (!*path)
        *path = file_join(folder, name);
    return *path || no_memory(err);
}

/* An outer choice of the functions folder (flag, environment) beats the file's. */
static bool override_functions(struct workspace *workspace, const char *flag, struct error *err)
{
    char absolute[PATH_MAX];
    const char *environment = getenv("SLUICE_FUNCTIONS");
    const char *chosen = flag ? flag : environment && *environment ? environment : NULL;
    if (!chosen)
        return default_path(&workspace->functions_folder, "", SLUICE_FUNCTIONS_DIR, err);
    if (!realpath(chosen, absolute))
        return error_errno(err, ERROR_NOT_FOUND, errno, "functions folder '%s'", chosen);
    free(workspace->functions_folder);
    workspace->functions_folder = strdup(absolute);
    return workspace->functions_folder || no_memory(err);
}

static bool read_server(struct workspace *workspace, const struct config *config, struct error *err)
{
    struct server_settings *server = &workspace->server;
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(config->root, "server");
    if (node && !cJSON_IsObject(node))
        return config_fail(config, node, err, "\"server\" must be an object");
    const struct config_object object = {.config = config, .node = node, .what = "server",
                                         .folder = workspace->folder, .kind = 1};
    if (node && !config_read(&object, server_fields,
                             sizeof server_fields / sizeof server_fields[0], server, err))
        return false;
    if (node && !server->certificate != !server->key)
        return config_fail(config, node, err, "server: \"certificate\" and \"key\" go together");
    if (!server->listen)
        server->listen = strdup("127.0.0.1:8080");
    return server->listen || no_memory(err);
}

static bool set_store(struct workspace *workspace, struct error *err)
{
    if (workspace->store_place == STORE_ON_DISK)
        return default_path(&workspace->store_file, workspace->state_folder, "sluice.db", err);
    workspace->store_file = strdup(":memory:");
    return workspace->store_file || no_memory(err);
}

/* Connections that verify a server's certificate and name no anchors take the workspace's. */
static bool set_anchors(struct workspace *workspace, struct error *err)
{
    for (size_t i = 0; workspace->ca_file && i < workspace->connection_count; i++) {
        struct connection *connection = &workspace->connections[i];
        bool has_none = connection->type == CONNECTION_LOCAL || connection->type == CONNECTION_SFTP;
        if (connection->ca_file || has_none)
            continue;
        connection->ca_file = strdup(workspace->ca_file);
        if (!connection->ca_file)
            return no_memory(err);
    }
    return true;
}

static bool read_settings(struct workspace *workspace, const char *functions_folder,
                          struct error *err)
{
    struct config config;
    if (!config_open(&config, workspace->folder, "sluice.json", err))
        return false;
    struct config_object object = {.config = &config, .node = config.root, .what = "",
                                   .folder = workspace->folder, .kind = 1, .handled = "server"};
    bool ok = config_read(&object, settings, sizeof settings / sizeof settings[0], workspace, err) &&
              read_server(workspace, &config, err);
    config_close(&config);
    if (!workspace->base_url)
        workspace->base_url = strdup("");
    return ok && (workspace->base_url || no_memory(err)) &&
           override_functions(workspace, functions_folder, err) &&
           default_path(&workspace->cache_folder, workspace->functions_folder, "compiled", err) &&
           default_path(&workspace->state_folder, workspace->folder, "state", err) &&
           set_store(workspace, err);
}

static int is_lookup_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".csv") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_lookup(const char *folder, const char *file, struct lookup *out,
                        struct error *err)
{
    char source[NAME_MAX + 16];
    struct buf text;
    snprintf(source, sizeof source, "lookups/%s", file);
    char *path = file_join(folder, source);
    char *name = strndup(file, strlen(file) - 4);
    buf_init(&text, LOOKUP_SIZE_MAX);
    bool ok = path && name ? file_read(path, &text, err) : no_memory(err);
    ok = ok && lookup_parse(out, name, buf_text(&text), text.size, source, err);
    buf_release(&text);
    free(name);
    free(path);
    return ok;
}

static bool read_lookup_files(struct workspace *workspace, struct dirent **entries, size_t count,
                              struct error *err)
{
    if (count > LOOKUPS_MAX)
        return error_set(err, ERROR_LIMIT, "lookups/: %zu files, at most %d are possible", count,
                         LOOKUPS_MAX);
    workspace->lookups = calloc(count ? count : 1, sizeof *workspace->lookups);
    if (!workspace->lookups)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!read_lookup(workspace->folder, entries[i]->d_name, &workspace->lookups[i], err))
            return false;
        workspace->lookup_count++;
    }
    return true;
}

static bool read_lookups(struct workspace *workspace, struct error *err)
{
    struct dirent **entries = NULL;
    char *folder = file_join(workspace->folder, "lookups");
    if (!folder)
        return no_memory(err);
    int count = scandir(folder, &entries, is_lookup_file, by_bytes);
    int number = errno;
    free(folder);
    if (count < 0 && number == ENOENT)
        return true;
    if (count < 0)
        return error_errno(err, ERROR_INTERNAL, number, "cannot read the folder lookups/");
    bool ok = read_lookup_files(workspace, entries, (size_t)count, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return ok;
}

static bool load(struct workspace *workspace, const char *functions_folder, struct error *err)
{
    return read_settings(workspace, functions_folder, err) &&
           connections_read(workspace->folder, &workspace->connections,
                            &workspace->connection_count, err) &&
           set_anchors(workspace, err) && read_lookups(workspace, err) &&
           schedules_read(workspace, err);
}

bool workspace_open(struct workspace **out, const char *folder, const char *functions_folder,
                    struct error *err)
{
    char absolute[PATH_MAX];
    if (!realpath(folder, absolute))
        return error_errno(err, ERROR_NOT_FOUND, errno, "workspace folder '%s'", folder);
    char *settings_file = file_join(absolute, "sluice.json");
    bool is_workspace = settings_file && file_exists(settings_file);
    free(settings_file);
    if (!is_workspace)
        return error_set(err, ERROR_NOT_FOUND,
                         "'%s' is not a workspace: it has no sluice.json (`sluice init %s` writes "
                         "one)", absolute, folder);
    struct workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace)
        return no_memory(err);
    *workspace = (struct workspace){
        .folder = strdup(absolute),
        .file_size_max = GIB,
        .memory_mib_max = 256,
        .run_wall_s_max = 21600, /* OIC's six hours for scheduled flows */
        .retention_days = 32,
        .server = {.request_s = 30, .stop_s = 30,
                   .account_rate = 20000, .address_rate = 20000, .rate_burst_s = 1},
    };
    if (workspace->folder ? load(workspace, functions_folder, err) : no_memory(err)) {
        *out = workspace;
        return true;
    }
    workspace_close(workspace);
    return false;
}

void workspace_close(struct workspace *workspace)
{
    if (!workspace)
        return;
    for (size_t i = 0; i < workspace->connection_count; i++)
        connection_release(&workspace->connections[i]);
    for (size_t i = 0; i < workspace->lookup_count; i++)
        lookup_release(&workspace->lookups[i]);
    schedules_release(workspace);
    free(workspace->connections);
    free(workspace->lookups);
    free(workspace->folder);
    free(workspace->functions_folder);
    free(workspace->cache_folder);
    free(workspace->state_folder);
    free(workspace->store_file);
    free(workspace->ca_file);
    free(workspace->event_sink);
    free(workspace->base_url);
    free(workspace->server.listen);
    free(workspace->server.certificate);
    free(workspace->server.key);
    free(workspace);
}

static void not_found(const char *kind, const char *name, const char *const *names, size_t count,
                      const char *file, struct error *err)
{
    const char *nearest = text_nearest(name, names, count);
    error_set(err, ERROR_NOT_FOUND, "no %s is called '%.160s'%s%s%s (see %s)", kind, name,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "", file);
}

const struct connection *workspace_connection(const struct workspace *workspace, const char *name,
                                              struct error *err)
{
    const char *names[CONNECTIONS_MAX];
    for (size_t i = 0; i < workspace->connection_count; i++) {
        const struct connection *connection = &workspace->connections[i];
        names[i] = connection->name;
        if (strcmp(connection->name, name) != 0)
            continue;
        if (!connection->disabled)
            return connection;
        error_set(err, ERROR_NOT_FOUND, "connection '%s' is disabled: fill in its fields and remove "
                                        "\"disabled\" in connections.json", name);
        return NULL;
    }
    not_found("connection", name, names, workspace->connection_count, "connections.json", err);
    return NULL;
}

const struct lookup *workspace_lookup(const struct workspace *workspace, const char *name,
                                      struct error *err)
{
    const char *names[LOOKUPS_MAX];
    for (size_t i = 0; i < workspace->lookup_count; i++) {
        names[i] = workspace->lookups[i].name;
        if (strcmp(names[i], name) == 0)
            return &workspace->lookups[i];
    }
    not_found("lookup", name, names, workspace->lookup_count, "lookups/", err);
    return NULL;
}

bool workspace_save_lookup(const struct workspace *workspace, const struct lookup *lookup,
                           struct error *err)
{
    char *path = NULL;
    struct buf text;
    if (strchr(lookup->name, '/') || lookup->name[0] == '.')
        return error_set(err, ERROR_INVALID, "'%s' cannot be a lookup's name", lookup->name);
    if (asprintf(&path, "%s/lookups/%s.csv", workspace->folder, lookup->name) < 0)
        return no_memory(err);
    buf_init(&text, LOOKUP_SIZE_MAX);
    lookup_format(lookup, &text);
    bool ok = text.failed ? error_set(err, ERROR_LIMIT, "lookup '%s' would be larger than %d bytes",
                                      lookup->name, LOOKUP_SIZE_MAX)
                          : file_write(path, buf_text(&text), text.size, 0644, err);
    buf_release(&text);
    free(path);
    return ok;
}

bool workspace_find(const char *start, char **folder, struct error *err)
{
    char at[PATH_MAX];
    if (!realpath(start, at))
        return error_errno(err, ERROR_NOT_FOUND, errno, "folder '%s'", start);
    for (;;) {
        char *settings_file = file_join(at, "sluice.json");
        bool found = settings_file && file_exists(settings_file);
        free(settings_file);
        if (found) {
            *folder = strdup(at);
            return *folder || no_memory(err);
        }
        char *slash = strrchr(at, '/');
        if (!slash || strcmp(at, "/") == 0)
            break;
        slash[slash == at] = '\0'; /* keeps the root's own slash */
    }
    return error_set(err, ERROR_NOT_FOUND, "no workspace here: neither '%s' nor a folder above it has "
                     "a sluice.json; name one with -w DIR, or write one with `sluice init DIR`",
                     start);
}
