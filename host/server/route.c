/* SPDX-License-Identifier: MIT */
/* Paths, versions, flows; see route.h. */
#include "server/route.h"

#include <stdio.h>
#include <string.h>

#include "base/version.h"

#define TRIGGERS "/ic/api/integration/v1/flows/"
static bool is_trigger(const struct service *service, size_t index)
{
    const struct manifest *manifest = service_manifest(service, index);
    return manifest->trigger_path && strcmp(manifest->trigger_type, "schedule") != 0 &&
           service_is_active(service, index);
}

static void unknown(struct route *route, const char *what, const char *segment, size_t size)
{
    route->kind = ROUTE_UNKNOWN;
    snprintf(route->reason, sizeof route->reason, "%s '%.*s' is not active", what,
             (int)(size > 128 ? 128 : size), segment);
}

/* The flow that is called so, whichever version carries the name. */
static const struct manifest *find_flow(const struct service *service, const char *segment,
                                        size_t size)
{
    char name[MANIFEST_NAME_SIZE_MAX + 1];
    if (size == 0 || size >= sizeof name)
        return NULL;
    memcpy(name, segment, size);
    name[size] = '\0';
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *manifest = service_manifest(service, i);
        if (manifest_is_called(manifest, name))
            return manifest;
    }
    return NULL;
}

/* The newest version of the flow that asked covers; asked NULL: that there is. */
static bool find_version(const struct service *service, const char *identifier,
                         const struct version *asked, size_t *index)
{
    struct version newest = {.count = 0}, version;
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *manifest = service_manifest(service, i);
        if (strcmp(manifest->identifier, identifier) != 0 || !is_trigger(service, i) ||
            !version_parse(manifest->version, strlen(manifest->version), &version) ||
            (asked && !version_covers(asked, &version)) ||
            (newest.count > 0 && version_compare(&version, &newest) < 0))
            continue;
        newest = version;
        *index = i;
    }
    return newest.count > 0;
}

/* The configuration guide prints 1.0 whatever the version is. */
static bool pick_version(const struct service *service, const char *identifier,
                         const char *segment, size_t size, size_t *index)
{
    struct version asked;
    if (!version_parse(segment, size, &asked))
        return false;
    bool is_guides = asked.count == 2 && asked.parts[0] == 1 && asked.parts[1] == 0;
    return find_version(service, identifier, &asked, index) ||
           (is_guides && find_version(service, identifier, NULL, index));
}

/* at: behind the adapter's segment. */
static void find_trigger(const struct service *service, const char *at, struct route *route)
{
    size_t size = strcspn(at, "/");
    const struct manifest *manifest = find_flow(service, at, size);
    if (!manifest || !find_version(service, manifest->identifier, NULL, &route->flow)) {
        unknown(route, "flow", at, size);
        return;
    }
    at += size + (at[size] == '/');
    size = strcspn(at, "/");
    if (!pick_version(service, manifest->identifier, at, size, &route->flow)) {
        unknown(route, "version", at, size);
        return;
    }
    if (strcmp(at + size, service_manifest(service, route->flow)->trigger_path) != 0) {
        unknown(route, "path", at + size, strlen(at + size));
        return;
    }
    route->kind = ROUTE_TRIGGER;
}

void route_find(const struct service *service, const char *path, struct route *route)
{
    static const char *const adapters[] = {"oracleutilities/", "rest/"};
    *route = (struct route){.kind = ROUTE_NONE};
    if (strcmp(path, "/health/live") == 0)
        route->kind = ROUTE_LIVE;
    if (strcmp(path, "/health/ready") == 0)
        route->kind = ROUTE_READY;
    if (strncmp(path, TRIGGERS, strlen(TRIGGERS)) != 0)
        return;
    const char *adapter = path + strlen(TRIGGERS);
    for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++) {
        if (strncmp(adapter, adapters[i], strlen(adapters[i])) == 0) {
            find_trigger(service, adapter + strlen(adapters[i]), route);
            return;
        }
    }
    unknown(route, "adapter", adapter, strcspn(adapter, "/"));
}

void route_list(const struct service *service, struct buf *out)
{
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *manifest = service_manifest(service, i);
        if (!is_trigger(service, i))
            continue;
        if (out->size > 0)
            buf_append_text(out, ", ");
        buf_printf(out, TRIGGERS "rest/%s/%s%s", manifest->identifier, manifest->version,
                   manifest->trigger_path);
    }
}
