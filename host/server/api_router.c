/* SPDX-License-Identifier: MIT */
/* From method and path to an operation; see api_call.h. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/api_call.h"

#define SEGMENT_SIZE_MAX (3 * API_ARGUMENT_SIZE) /* every byte may be a percent sign and two digits */

const struct api_area *const api_areas[] = {
    &api_integrations, &api_integration_updates, &api_archives, &api_schedules, &api_connections,
    &api_connection_updates, &api_attachments, &api_lookups, &api_instances, &api_counts,
    &api_errors, &api_resubmissions, &api_discards, &api_jobs, &api_log_downloads, &api_documents,
    &api_unsupported, NULL,
};

static bool decode(const char *segment, size_t size, char out[API_ARGUMENT_SIZE])
{
    char text[SEGMENT_SIZE_MAX + 1];
    if (size == 0 || size > SEGMENT_SIZE_MAX)
        return false;
    memcpy(text, segment, size);
    text[size] = '\0';
    return text_decode_percent(text, false, out, API_ARGUMENT_SIZE);
}

/* How many segments of path are those of pattern, or -1 where it does not fit. One '/' at the end of
 * path does not count: scripts for OIC send it. */
static int fit(const char *pattern, const char *path, char arguments[][API_ARGUMENT_SIZE])
{
    int same = 0;
    size_t argument = 0;
    for (size_t i = 0; i < API_ARGUMENTS_MAX; i++)
        arguments[i][0] = '\0';
    while (*pattern) {
        if (*pattern++ != '/' || *path++ != '/')
            return -1;
        size_t size = strcspn(path, "/"), wanted = strcspn(pattern, "/");
        if (*pattern == '{') {
            if (argument == API_ARGUMENTS_MAX || !decode(path, size, arguments[argument++]))
                return -1;
        } else if (size != wanted || memcmp(pattern, path, size) != 0) {
            return -1;
        } else {
            same++;
        }
        pattern += wanted;
        path += size;
    }
    return *path == '\0' || strcmp(path, "/") == 0 ? same : -1;
}

static bool answers_to(const struct api_operation *operation, const char *method)
{
    return strcmp(operation->method, method) == 0;
}

/* PATCH is also POST: many clients cannot send the one, so OIC takes the other with a header. */
static const char *effective_method(const char *method, const char *override)
{
    if (strcmp(method, "HEAD") == 0)
        return "GET";
    if (strcmp(method, "POST") == 0 && override && strcmp(override, "PATCH") == 0)
        return "PATCH";
    return method;
}

static void allow(char text[64], const char *method)
{
    const char *more = strcmp(method, "GET") == 0     ? "GET, HEAD"
                       : strcmp(method, "PATCH") == 0 ? "PATCH, POST"
                                                      : method;
    size_t size = strlen(text);
    snprintf(text + size, 64 - size, "%s%s", size ? ", " : "", more);
}

struct best {
    const char *pattern; /* of the operations that are looked at */
    const struct api_operation *exact, *by_post;
    int same;
};

static void look_at(struct best *best, struct api_route *route, const struct api_area *area,
                    const struct api_operation *operation, const char *method, const char *path)
{
    char arguments[API_ARGUMENTS_MAX][API_ARGUMENT_SIZE];
    int same = fit(operation->path, path, arguments);
    if (same < 0 || same < best->same)
        return;
    if (same > best->same || !best->pattern || strcmp(best->pattern, operation->path) != 0) {
        *best = (struct best){.pattern = operation->path, .same = same};
        memcpy(route->arguments, arguments, sizeof arguments);
        route->allow[0] = '\0';
    }
    allow(route->allow, operation->method);
    if (answers_to(operation, method))
        best->exact = operation;
    else if (answers_to(operation, "PATCH") && strcmp(method, "POST") == 0)
        best->by_post = operation;
    if (best->exact == operation || best->by_post == operation)
        route->area = area;
}

enum api_match api_find(const char *method, const char *override, const char *path,
                        struct api_route *route)
{
    struct best best = {.same = -1};
    *route = (struct api_route){.operation = NULL};
    method = effective_method(method, override);
    if (strcmp(path, "/openapi.json") == 0)
        path = API_BASE "/openapi.json";
    if (strncmp(path, API_BASE "/", strlen(API_BASE "/")) != 0)
        return API_NO_PATH;
    for (size_t i = 0; api_areas[i]; i++)
        for (size_t j = 0; j < api_areas[i]->count; j++)
            look_at(&best, route, api_areas[i], &api_areas[i]->operations[j], method,
                    path + strlen(API_BASE));
    route->operation = best.exact ? best.exact : best.by_post;
    return route->operation ? API_MATCH : best.pattern ? API_NO_METHOD : API_NO_PATH;
}
