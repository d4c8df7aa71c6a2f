/* SPDX-License-Identifier: MIT */
/* Paths, versions, flows; see route.h. */
#include "server/route.h"

#include <stdio.h>
#include <string.h>

#include "server/metrics.h"

#define TRIGGERS "/ic/api/integration/v1/flows/"
#define VERSION_PARTS_MAX 3
#define VERSION_DIGITS_MAX 6

struct version {
    unsigned parts[VERSION_PARTS_MAX];
    size_t count;
};

static bool parse_version(const char *text, size_t size, struct version *out)
{
    *out = (struct version){.count = 0};
    size_t at = 0;
    for (;;) {
        size_t start = at;
        unsigned value = 0;
        for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
            if (at - start == VERSION_DIGITS_MAX)
                return false;
            value = value * 10 + (unsigned)(text[at] - '0');
        }
        if (at == start || out->count == VERSION_PARTS_MAX)
            return false;
        out->parts[out->count++] = value;
        if (at == size)
            return out->count >= 2;
        if (text[at++] != '.')
            return false;
    }
}

bool route_version_matches(const char *version, const char *segment, size_t size)
{
    struct version has, asked;
    if (!parse_version(version, strlen(version), &has) || !parse_version(segment, size, &asked))
        return false;
    if (asked.count == 2 && asked.parts[0] == 1 && asked.parts[1] == 0)
        return true;
    if (asked.count > has.count)
        return false;
    for (size_t i = 0; i < asked.count; i++)
        if (asked.parts[i] != has.parts[i])
            return false;
    return true;
}

static bool is_trigger(const struct manifest *manifest)
{
    return manifest->trigger_path && strcmp(manifest->trigger_type, "schedule") != 0;
}

static bool unknown(struct route *route, const char *what, const char *segment, size_t size)
{
    route->kind = ROUTE_UNKNOWN;
    snprintf(route->reason, sizeof route->reason, "%s '%.*s' is not active", what,
             (int)(size > 128 ? 128 : size), segment);
    return false;
}

static bool find_flow(const struct service *service, const char *segment, size_t size,
                      struct route *route)
{
    char name[MANIFEST_NAME_SIZE_MAX + 1];
    if (size == 0 || size >= sizeof name)
        return unknown(route, "flow", segment, size);
    memcpy(name, segment, size);
    name[size] = '\0';
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *manifest = service_manifest(service, i);
        if (is_trigger(manifest) && manifest_is_called(manifest, name)) {
            route->flow = i;
            return true;
        }
    }
    return unknown(route, "flow", segment, size);
}

/* at: behind the adapter's segment. */
static void find_trigger(const struct service *service, const char *at, struct route *route)
{
    size_t size = strcspn(at, "/");
    if (!find_flow(service, at, size, route))
        return;
    const struct manifest *manifest = service_manifest(service, route->flow);
    at += size + (at[size] == '/');
    size = strcspn(at, "/");
    if (!route_version_matches(manifest->version, at, size)) {
        unknown(route, "version", at, size);
        return;
    }
    if (strcmp(at + size, manifest->trigger_path) != 0) {
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
    if (strcmp(path, METRICS_PATH) == 0)
        route->kind = ROUTE_METRICS;
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
        if (!is_trigger(manifest))
            continue;
        if (out->size > 0)
            buf_append_text(out, ", ");
        buf_printf(out, TRIGGERS "rest/%s/%s%s", manifest->identifier, manifest->version,
                   manifest->trigger_path);
    }
}
