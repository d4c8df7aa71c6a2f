/* SPDX-License-Identifier: MIT */
/* Opening a workspace: all files read and checked, or none; see workspace.h. */
#include "workspace/workspace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "workspace/config.h"
#include "workspace/schedules.h"

#define GIB (1ull << 30)
#define AT(member) offsetof(struct workspace, member)

const char *const tracing_names[TRACING_COUNT + 1] = {"production", "audit", "debug", NULL};
static const char *const activation_words[] = {"automatic", "explicit", NULL};
static const char *const store_words[] = {"file", "memory", NULL};
static const char *const caller_words[] = {"users", "platform", NULL};
static const char *const starter_words[] = {"server", "platform", NULL};
static const char *const answer_words[] = {"buffered", "streamed", NULL};

#define FILTERS(member) offsetof(struct filter_settings, member)

static const char *const unsigned_words[] = {"refuse", "allow", NULL};

static const struct config_field filter_fields[] = {
    {.key = "unsigned", .kind = CONFIG_WORD, .offset = FILTERS(unsigned_ones), .legal = CONFIG_ALL,
     .words = unsigned_words},
    {.key = "memory_mib", .kind = CONFIG_NUMBER, .offset = FILTERS(memory_mib),
     .legal = CONFIG_ALL, .min = 1, .max = WORKSPACE_MEMORY_MIB_MAX},
    {.key = "cpu_ms", .kind = CONFIG_NUMBER, .offset = FILTERS(cpu_ms), .legal = CONFIG_ALL,
     .min = 1, .max = 600000},
    {.key = "wall_s", .kind = CONFIG_NUMBER, .offset = FILTERS(wall_s), .legal = CONFIG_ALL,
     .min = 1, .max = 3600},
    {.key = "content_cpu_s", .kind = CONFIG_NUMBER, .offset = FILTERS(content_cpu_s),
     .legal = CONFIG_ALL, .min = 1, .max = 604800},
    {.key = "log_lines", .kind = CONFIG_NUMBER, .offset = FILTERS(log_lines), .legal = CONFIG_ALL,
     .max = 100000},
    {.key = "output_size_max", .kind = CONFIG_SIZE, .offset = FILTERS(output_size_max),
     .legal = CONFIG_ALL, .min = 1, .max = 8ull << 20},
};
static const size_t filter_field_count = sizeof filter_fields / sizeof filter_fields[0];

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
    {.key = "schedules", .kind = CONFIG_WORD, .offset = AT(starter), .legal = CONFIG_ALL,
     .words = starter_words},
    {.key = "lambda_answers", .kind = CONFIG_WORD, .offset = AT(lambda_answers),
     .legal = CONFIG_ALL, .words = answer_words},
    {.key = "base_url", .kind = CONFIG_URL, .offset = AT(base_url), .legal = CONFIG_ALL},
    {.key = "file_size_max", .kind = CONFIG_SIZE, .offset = AT(file_size_max), .legal = CONFIG_ALL,
     .max = 10240 * GIB},
    {.key = "memory_mib_max", .kind = CONFIG_NUMBER, .offset = AT(memory_mib_max),
     .legal = CONFIG_ALL, .min = 1, .max = WORKSPACE_MEMORY_MIB_MAX},
    {.key = "run_wall_s_max", .kind = CONFIG_NUMBER, .offset = AT(run_wall_s_max),
     .legal = CONFIG_ALL, .min = 1, .max = WORKSPACE_RUN_WALL_S_MAX},
    {.key = "retention_days", .kind = CONFIG_NUMBER, .offset = AT(retention_days),
     .legal = CONFIG_ALL, .min = 1, .max = 36500},
    {.key = "store_size_max", .kind = CONFIG_SIZE, .offset = AT(store_size_max),
     .legal = CONFIG_ALL, .max = 10240 * GIB},
    {.key = "activation", .kind = CONFIG_WORD, .offset = AT(activation), .legal = CONFIG_ALL,
     .words = activation_words},
    {.key = "tracing", .kind = CONFIG_WORD, .offset = AT(tracing), .legal = CONFIG_ALL,
     .words = tracing_names},
    {.key = "schedule_workers", .kind = CONFIG_NUMBER, .offset = AT(schedule_workers),
     .legal = CONFIG_ALL, .min = 1, .max = 64},
    {.key = "filters", .kind = CONFIG_OBJECT, .offset = AT(filters), .legal = CONFIG_ALL,
     .fields = filter_fields, .field_count = &filter_field_count},
    {.key = "log", .kind = CONFIG_OBJECT, .offset = AT(log), .legal = CONFIG_ALL,
     .fields = log_fields, .field_count = &log_field_count},
    {.key = "metrics", .kind = CONFIG_OBJECT, .offset = AT(metrics), .legal = CONFIG_ALL,
     .fields = metrics_fields, .field_count = &metrics_field_count},
    {.key = "traces", .kind = CONFIG_OBJECT, .offset = AT(traces), .legal = CONFIG_ALL,
     .fields = trace_fields, .field_count = &trace_field_count},
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
    {.key = "header_s", .kind = CONFIG_NUMBER, .offset = SERVER(header_s), .legal = CONFIG_ALL,
     .min = 1, .max = 3600},
    {.key = "request_s", .kind = CONFIG_NUMBER, .offset = SERVER(request_s), .legal = CONFIG_ALL,
     .min = 1, .max = 3600},
    {.key = "stall_s", .kind = CONFIG_NUMBER, .offset = SERVER(stall_s), .legal = CONFIG_ALL,
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

/* Beside the flows where this user may use that, as with an installation of its own; else its own. */
static bool default_cache(struct workspace *workspace, struct error *err)
{
    if (workspace->cache_folder)
        return true;
    if (!default_path(&workspace->cache_folder, workspace->functions_folder, "compiled", err))
        return false;
    if (access(workspace->cache_folder, W_OK) == 0 ||
        access(workspace->cache_folder, R_OK | X_OK) == 0 ||
        (errno == ENOENT && (access(workspace->functions_folder, W_OK) == 0 || errno == ENOENT)))
        return true;
    free(workspace->cache_folder);
    workspace->cache_folder = NULL;
    return default_path(&workspace->cache_folder, workspace->state_folder, "compiled", err);
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

static bool read_settings(struct workspace *workspace, const char *functions_folder,
                          struct error *err)
{
    struct config config;
    if (!config_open(&config, workspace->folder, "sluice.json", err))
        return false;
    struct config_object object = {.config = &config, .node = config.root, .what = "",
                                   .folder = workspace->folder, .kind = 1, .handled = "server"};
    bool ok = config_read(&object, settings, sizeof settings / sizeof settings[0], workspace, err) &&
              telemetry_complete(&config, &workspace->traces, err) &&
              read_server(workspace, &config, err);
    config_close(&config);
    if (!workspace->base_url)
        workspace->base_url = strdup("");
    return ok && (workspace->base_url || no_memory(err)) &&
           override_functions(workspace, functions_folder, err) &&
           default_path(&workspace->state_folder, workspace->folder, "state", err) &&
           default_cache(workspace, err) && set_store(workspace, err);
}

static bool load(struct workspace *workspace, const char *functions_folder, struct error *err)
{
    return read_settings(workspace, functions_folder, err) &&
           snapshot_read(&workspace->snapshot, workspace->folder, workspace->ca_file, NULL, err) &&
           schedules_read(workspace->folder, &workspace->schedules, err);
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
        .store_size_max = 16 * GIB,
        .schedule_workers = 4,
        .server = {.header_s = 30, .request_s = 30, .stall_s = 30, .stop_s = 30,
                   .account_rate = 20000, .address_rate = 20000, .rate_burst_s = 1},
        .filters = {.memory_mib = 64, .cpu_ms = 5000, .wall_s = 60, .content_cpu_s = 3600,
                    .log_lines = 1000, .output_size_max = 8u << 20},
        .log = {.level = LOG_INFO},
        .traces = {.sample_one_in = 1, .queue_max = 4096},
    };
    pthread_mutex_init(&workspace->current, NULL);
    pthread_mutex_init(&workspace->change, NULL);
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
    snapshot_release(workspace->snapshot);
    pthread_mutex_destroy(&workspace->current);
    pthread_mutex_destroy(&workspace->change);
    schedules_release(&workspace->schedules);
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
    telemetry_release(&workspace->log, &workspace->metrics, &workspace->traces);
    free(workspace);
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
