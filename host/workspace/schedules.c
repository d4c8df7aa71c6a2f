/* SPDX-License-Identifier: MIT */
/* schedules.json: flow -> recurrence, time zone, parameters. */
#include "workspace/schedules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "workspace/config.h"

#define FLOW_NAME_SIZE_MAX 128
#define SOURCE "schedules.json"

const char *const missed_policy_names[] = {"run_once", "skip", NULL};

/* "parameters" is an object of its own, read by read_parameters. */
static const struct config_field fields[] = {
    {.key = "recurrence", .kind = CONFIG_TEXT, .offset = offsetof(struct schedule, recurrence),
     .legal = CONFIG_ALL, .required = CONFIG_ALL},
    {.key = "time_zone", .kind = CONFIG_TEXT, .offset = offsetof(struct schedule, time_zone),
     .legal = CONFIG_ALL},
    {.key = "start", .kind = CONFIG_TEXT, .offset = offsetof(struct schedule, start),
     .legal = CONFIG_ALL},
    {.key = "end", .kind = CONFIG_TEXT, .offset = offsetof(struct schedule, end),
     .legal = CONFIG_ALL},
    {.key = "missed", .kind = CONFIG_WORD, .offset = offsetof(struct schedule, missed),
     .legal = CONFIG_ALL, .words = missed_policy_names},
};

void schedule_release(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->parameter_count; i++) {
        free(schedule->parameters[i].name);
        free(schedule->parameters[i].value);
    }
    free(schedule->parameters);
    free(schedule->flow);
    free(schedule->recurrence);
    free(schedule->time_zone);
    free(schedule->start);
    free(schedule->end);
    *schedule = (struct schedule){0};
}

static bool copy_text(const char *from, char **to)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

bool schedule_copy(const struct schedule *from, struct schedule *to, struct error *err)
{
    *to = *from;
    to->flow = to->recurrence = to->time_zone = to->start = to->end = NULL;
    to->parameter_count = 0;
    to->parameters = calloc(from->parameter_count + 1, sizeof *to->parameters);
    bool ok = to->parameters && copy_text(from->flow, &to->flow) &&
              copy_text(from->recurrence, &to->recurrence) &&
              copy_text(from->time_zone, &to->time_zone) && copy_text(from->start, &to->start) &&
              copy_text(from->end, &to->end);
    for (size_t i = 0; ok && i < from->parameter_count; i++) {
        struct schedule_parameter *parameter = &to->parameters[to->parameter_count++];
        ok = copy_text(from->parameters[i].name, &parameter->name) &&
             copy_text(from->parameters[i].value, &parameter->value);
    }
    if (ok)
        return true;
    schedule_release(to);
    return error_set(err, ERROR_LIMIT, "out of memory");
}

void schedules_release(struct schedule_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        schedule_release(&list->items[i]);
    free(list->items);
    *list = (struct schedule_list){0};
}

static bool read_parameter(const struct config *config, const cJSON *node,
                           struct schedule *schedule, struct error *err)
{
    const char *value = cJSON_GetStringValue(node);
    if (!value || text_has_control(value) || !*node->string || text_has_control(node->string))
        return config_fail(config, node, err,
                           "schedule of '%s': parameter \"%.64s\" must be text in quotes without "
                           "control characters", schedule->flow, node->string);
    struct schedule_parameter *parameter = &schedule->parameters[schedule->parameter_count++];
    parameter->name = strdup(node->string);
    parameter->value = strdup(value);
    return (parameter->name && parameter->value) || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool read_parameters(const struct config *config, const cJSON *node,
                            struct schedule *schedule, struct error *err)
{
    if (!cJSON_IsObject(node))
        return config_fail(config, node, err, "schedule of '%s': \"parameters\" must be an object "
                           "{ \"name\": \"value\" }", schedule->flow);
    size_t count = (size_t)cJSON_GetArraySize(node);
    if (count > SCHEDULE_PARAMETERS_MAX)
        return config_fail(config, node, err, "schedule of '%s': %zu parameters, at most %d are possible",
                           schedule->flow, count, SCHEDULE_PARAMETERS_MAX);
    schedule->parameters = calloc(count ? count : 1, sizeof *schedule->parameters);
    if (!schedule->parameters)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (const cJSON *child = node->child; child; child = child->next)
        if (!read_parameter(config, child, schedule, err))
            return false;
    return true;
}

/* An IANA name such as Europe/Berlin; that the zone exists is the scheduler's question. */
static bool is_zone_name(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] ==
               '\0' && text[0] != '/';
}

static bool check_schedule(const struct config *config, const cJSON *node,
                           const struct schedule *schedule, struct error *err)
{
    if (strncmp(schedule->recurrence, "FREQ=", 5) != 0)
        return config_fail(config, cJSON_GetObjectItemCaseSensitive(node, "recurrence"), err,
                           "schedule of '%s': \"recurrence\" must be an RRULE value such as "
                           "\"FREQ=DAILY;BYHOUR=2;BYMINUTE=30\"", schedule->flow);
    if (!is_zone_name(schedule->time_zone))
        return config_fail(config, cJSON_GetObjectItemCaseSensitive(node, "time_zone"), err,
                           "schedule of '%s': \"time_zone\" must be a name such as "
                           "\"Europe/Berlin\" or \"UTC\"", schedule->flow);
    return true;
}

static bool read_schedule(const struct config *config, const cJSON *node,
                          struct schedule *schedule, struct error *err)
{
    char what[FLOW_NAME_SIZE_MAX + 32];
    if (!*node->string || strlen(node->string) > FLOW_NAME_SIZE_MAX ||
        text_has_control(node->string))
        return config_fail(config, node, err, "a flow's identifier has 1 to %d bytes and no control "
                                              "characters", FLOW_NAME_SIZE_MAX);
    if (!cJSON_IsObject(node))
        return config_fail(config, node, err, "schedule of '%s' must be an object: "
                           "{ \"recurrence\": ... }", node->string);
    snprintf(what, sizeof what, "schedule of '%s'", node->string);
    schedule->flow = strdup(node->string);
    if (!schedule->flow)
        return error_set(err, ERROR_LIMIT, "out of memory");
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(node, "parameters");
    if (parameters && !read_parameters(config, parameters, schedule, err))
        return false;
    struct config_object reader = {.config = config, .node = node, .what = what, .folder = "",
                                   .kind = 1, .handled = "parameters"};
    if (!config_read(&reader, fields, sizeof fields / sizeof fields[0], schedule, err))
        return false;
    if (!schedule->time_zone)
        schedule->time_zone = strdup("UTC");
    if (!schedule->time_zone)
        return error_set(err, ERROR_LIMIT, "out of memory");
    const cJSON *zone = cJSON_GetObjectItemCaseSensitive(node, "time_zone");
    config_place(config, cJSON_GetObjectItemCaseSensitive(node, "recurrence"),
                 schedule->recurrence_at, sizeof schedule->recurrence_at);
    config_place(config, zone ? zone : node, schedule->zone_at, sizeof schedule->zone_at);
    return check_schedule(config, node, schedule, err);
}

static bool read_all(struct schedule_list *list, const struct config *config, struct error *err)
{
    size_t count = (size_t)cJSON_GetArraySize(config->root);
    if (count > SCHEDULES_MAX)
        return error_set(err, ERROR_LIMIT, "%s: %zu schedules, at most %d are possible",
                         config->name, count, SCHEDULES_MAX);
    list->items = calloc(count ? count : 1, sizeof *list->items);
    if (!list->items)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (const cJSON *node = config->root->child; node; node = node->next)
        if (!read_schedule(config, node, &list->items[list->count++], err))
            return false;
    return true;
}

static bool read_config(struct schedule_list *list, struct config *config, struct error *err)
{
    bool ok = read_all(list, config, err);
    config_close(config);
    if (!ok)
        schedules_release(list);
    return ok;
}

bool schedules_read(const char *folder, struct schedule_list *list, struct error *err)
{
    struct config config;
    struct error why = {0};
    *list = (struct schedule_list){0};
    if (config_open(&config, folder, SOURCE, &why))
        return read_config(list, &config, err);
    if (why.kind == ERROR_NOT_FOUND)
        return true;
    if (err)
        *err = why;
    return false;
}

bool schedules_parse(const char *text, const char *name, struct schedule_list *list,
                     struct error *err)
{
    struct config config;
    *list = (struct schedule_list){0};
    return config_take(&config, text, name, err) && read_config(list, &config, err);
}

void schedule_format(const struct schedule *schedule, struct document *document)
{
    document_text(document, "recurrence", schedule->recurrence);
    document_text(document, "time_zone", schedule->time_zone);
    if (schedule->start)
        document_text(document, "start", schedule->start);
    if (schedule->end)
        document_text(document, "end", schedule->end);
    document_text(document, "missed", missed_policy_names[schedule->missed]);
    document_open(document, "parameters", '{');
    for (size_t i = 0; i < schedule->parameter_count; i++)
        document_text(document, schedule->parameters[i].name, schedule->parameters[i].value);
    document_close(document, '}');
}
