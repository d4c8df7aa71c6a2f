/* SPDX-License-Identifier: MIT */
/* Tables of "log", "metrics" and "traces"; see telemetry.h. */
#include "workspace/telemetry.h"

#include <stdlib.h>
#include <string.h>

#define LOG(member) offsetof(struct log_settings, member)
#define METRICS_AT(member) offsetof(struct metrics_settings, member)
#define TRACES(member) offsetof(struct trace_settings, member)

#define HEADER_NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const char *const log_choice_words[] = {"auto", "json", "text", NULL};
const char *const log_level_words[] = {"debug", "info", "warning", "error", NULL};

const struct config_field log_fields[] = {
    {.key = "format", .kind = CONFIG_WORD, .offset = LOG(format), .legal = CONFIG_ALL,
     .words = log_choice_words},
    {.key = "level", .kind = CONFIG_WORD, .offset = LOG(level), .legal = CONFIG_ALL,
     .words = log_level_words},
    {.key = "file", .kind = CONFIG_PATH, .offset = LOG(file), .legal = CONFIG_ALL},
};
const size_t log_field_count = sizeof log_fields / sizeof log_fields[0];

const struct config_field metrics_fields[] = {
    {.key = "listen", .kind = CONFIG_TEXT, .offset = METRICS_AT(listen), .legal = CONFIG_ALL},
};
const size_t metrics_field_count = sizeof metrics_fields / sizeof metrics_fields[0];

const struct config_field trace_fields[] = {
    {.key = "endpoint", .kind = CONFIG_URL, .offset = TRACES(endpoint), .legal = CONFIG_ALL,
     .required = CONFIG_ALL},
    {.key = "ca", .kind = CONFIG_ANCHOR, .offset = TRACES(ca_file), .legal = CONFIG_ALL},
    {.key = "header", .kind = CONFIG_TEXT, .offset = TRACES(header), .legal = CONFIG_ALL},
    {.key = "secret", .kind = CONFIG_SECRET, .offset = TRACES(secret), .legal = CONFIG_ALL},
    {.key = "service", .kind = CONFIG_TEXT, .offset = TRACES(service), .legal = CONFIG_ALL},
    {.key = "sample_one_in", .kind = CONFIG_NUMBER, .offset = TRACES(sample_one_in),
     .legal = CONFIG_ALL, .min = 0, .max = 1000000},
    {.key = "queue_max", .kind = CONFIG_NUMBER, .offset = TRACES(queue_max), .legal = CONFIG_ALL,
     .min = 1, .max = 100000},
};
const size_t trace_field_count = sizeof trace_fields / sizeof trace_fields[0];

static bool check_header(const struct config *config, const cJSON *node,
                         const struct trace_settings *traces, struct error *err)
{
    bool has_secret = traces->secret.env || traces->secret.file;
    if (has_secret != (traces->header != NULL))
        return config_fail(config, node, err, "traces: \"header\" and \"secret\" go together");
    if (traces->header && (strlen(traces->header) > 64 ||
                           traces->header[strspn(traces->header, HEADER_NAME_CHARACTERS)]))
        return config_fail(config, node, err, "traces: \"header\" must be the name of a header field, "
                           "such as \"Authorization\"");
    return true;
}

bool telemetry_complete(const struct config *config, struct trace_settings *traces,
                        struct error *err)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(config->root, "traces");
    if (node && !check_header(config, node, traces, err))
        return false;
    if (!traces->service)
        traces->service = strdup("sluice");
    return traces->service || error_set(err, ERROR_LIMIT, "out of memory");
}

void telemetry_release(struct log_settings *log, struct metrics_settings *metrics,
                       struct trace_settings *traces)
{
    free(log->file);
    free(metrics->listen);
    free(traces->endpoint);
    free(traces->ca_file);
    free(traces->header);
    free(traces->secret.env);
    free(traces->secret.file);
    free(traces->service);
}
