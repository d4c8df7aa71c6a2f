/* SPDX-License-Identifier: MIT */
/* The table of supervise.json; see supervision.h. */
#include "workspace/supervision.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "workspace/config.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define LIMIT(member) offsetof(struct tenant_settings, member)
#define AT(member) offsetof(struct supervision, member)
#define ALL_TENANTS 1u /* kinds of object: "limits" and one of "tenants" */
#define ONE_TENANT 2u

static const char *const cgroup_words[] = {"auto", "off", NULL};

static const struct config_field limit_fields[] = {
    {.key = "user", .kind = CONFIG_TEXT, .offset = LIMIT(user), .legal = ONE_TENANT},
    {.key = "memory", .kind = CONFIG_SIZE, .offset = LIMIT(memory), .legal = CONFIG_ALL,
     .min = 256 * MIB, .max = 10240 * GIB},
    {.key = "address_space", .kind = CONFIG_SIZE, .offset = LIMIT(address_space),
     .legal = CONFIG_ALL, .min = 64 * GIB, .max = 131072 * GIB},
    {.key = "file_size", .kind = CONFIG_SIZE, .offset = LIMIT(file_size), .legal = CONFIG_ALL,
     .min = MIB, .max = 10240 * GIB},
    {.key = "descriptors", .kind = CONFIG_NUMBER, .offset = LIMIT(descriptors),
     .legal = CONFIG_ALL, .min = 1024, .max = 1048576},
    {.key = "processes", .kind = CONFIG_NUMBER, .offset = LIMIT(processes), .legal = CONFIG_ALL,
     .min = 32, .max = 32768},
    {.key = "cpu_weight", .kind = CONFIG_NUMBER, .offset = LIMIT(cpu_weight), .legal = CONFIG_ALL,
     .min = 1, .max = 10000},
};
static const size_t limit_field_count = sizeof limit_fields / sizeof limit_fields[0];

static const struct config_field fields[] = {
    {.key = "confine", .kind = CONFIG_FLAG, .offset = AT(confine), .legal = CONFIG_ALL},
    {.key = "cgroup", .kind = CONFIG_WORD, .offset = AT(cgroup), .legal = CONFIG_ALL,
     .words = cgroup_words},
    {.key = "restart_min_s", .kind = CONFIG_SECONDS, .offset = AT(restart_min_ms),
     .legal = CONFIG_ALL, .min = 1, .max = 3600},
    {.key = "restart_max_s", .kind = CONFIG_SECONDS, .offset = AT(restart_max_ms),
     .legal = CONFIG_ALL, .min = 1, .max = 86400},
    {.key = "stable_s", .kind = CONFIG_SECONDS, .offset = AT(stable_ms), .legal = CONFIG_ALL,
     .min = 1, .max = 86400},
    {.key = "stop_s", .kind = CONFIG_SECONDS, .offset = AT(stop_ms), .legal = CONFIG_ALL, .min = 1,
     .max = 21600},
    {.key = "limits", .kind = CONFIG_OBJECT, .offset = AT(limits), .legal = CONFIG_ALL,
     .fields = limit_fields, .field_count = &limit_field_count},
};

bool tenant_name_is_legal(const char *name)
{
    const size_t size = strlen(name);
    return size > 0 && size < TENANT_NAME_SIZE && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == size;
}

static bool read_tenant(struct supervision *out, const struct config *config, const char *folder,
                        const cJSON *node, struct error *err)
{
    char what[TENANT_NAME_SIZE + 16];
    if (!tenant_name_is_legal(node->string))
        return config_fail(config, node, err, "\"tenants\": '%.64s' cannot be the name of a workspace's "
                           "folder: letters, digits, '-', '_' and '.', not first, at most %d",
                           node->string, TENANT_NAME_SIZE - 1);
    if (!cJSON_IsObject(node))
        return config_fail(config, node, err, "tenant '%s' must be an object", node->string);
    if (out->tenant_count == SUPERVISION_TENANTS_MAX)
        return config_fail(config, node, err, "more than %d tenants", SUPERVISION_TENANTS_MAX);
    struct named_tenant *tenant = &out->tenants[out->tenant_count];
    *tenant = (struct named_tenant){.name = strdup(node->string), .settings = out->limits};
    if (!tenant->name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    out->tenant_count++;
    snprintf(what, sizeof what, "tenant '%s'", node->string);
    const struct config_object object = {.config = config, .node = node, .what = what,
                                         .folder = folder, .kind = ONE_TENANT};
    return config_read(&object, limit_fields, limit_field_count, &tenant->settings, err);
}

static bool read_tenants(struct supervision *out, const struct config *config, const char *folder,
                         struct error *err)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(config->root, "tenants");
    if (!all)
        return true;
    if (!cJSON_IsObject(all))
        return config_fail(config, all, err, "\"tenants\" must be an object");
    out->tenants = calloc(SUPERVISION_TENANTS_MAX, sizeof *out->tenants);
    if (!out->tenants)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (const cJSON *node = all->child; node; node = node->next)
        if (!read_tenant(out, config, folder, node, err))
            return false;
    return true;
}

static bool read_file(struct supervision *out, const char *folder, struct error *err)
{
    struct config config;
    if (!config_open(&config, folder, SUPERVISION_FILE, err))
        return false;
    const struct config_object object = {.config = &config, .node = config.root, .what = "",
                                         .folder = folder, .kind = ALL_TENANTS,
                                         .handled = "tenants"};
    bool ok = config_read(&object, fields, sizeof fields / sizeof fields[0], out, err) &&
              read_tenants(out, &config, folder, err);
    if (ok && out->restart_min_ms > out->restart_max_ms)
        ok = config_fail(&config, config.root, err,
                         "\"restart_min_s\" is more than \"restart_max_s\"");
    config_close(&config);
    return ok;
}

/* It says as which user somebody's programs run. */
static bool check_writers(const char *path, struct error *err)
{
    struct stat status;
    if (stat(path, &status) != 0 || ((status.st_uid == 0 || status.st_uid == geteuid()) &&
                                     (status.st_mode & (S_IWGRP | S_IWOTH)) == 0))
        return true;
    return error_set(err, ERROR_DENIED, "'%s' can be written by others than root and you: it is not "
                     "read (chown, chmod go-w)", path);
}

bool supervision_read(struct supervision *out, const char *folder, struct error *err)
{
    *out = (struct supervision){
        .confine = true,
        .restart_min_ms = 1000,
        .restart_max_ms = 60000,
        .stable_ms = 60000,
        .stop_ms = 45000, /* more than a server's own limit and what it adds for what it cuts off */
        .limits = {.memory = 2 * GIB, .address_space = 8192 * GIB, .file_size = 20 * GIB,
                   .descriptors = 8192, .processes = 256, .cpu_weight = 100},
    };
    char *path = file_join(folder, SUPERVISION_FILE);
    bool ok = path ? !file_exists(path) || (check_writers(path, err) && read_file(out, folder, err))
                   : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    if (!ok)
        supervision_release(out);
    return ok;
}

void supervision_release(struct supervision *supervision)
{
    for (size_t i = 0; i < supervision->tenant_count; i++) {
        free(supervision->tenants[i].name);
        free(supervision->tenants[i].settings.user);
    }
    free(supervision->tenants);
    *supervision = (struct supervision){.tenants = NULL};
}

const struct tenant_settings *supervision_of(const struct supervision *supervision, const char *name)
{
    for (size_t i = 0; i < supervision->tenant_count; i++)
        if (strcmp(supervision->tenants[i].name, name) == 0)
            return &supervision->tenants[i].settings;
    return &supervision->limits;
}
