/* SPDX-License-Identifier: MIT */
/* schedules.json under what the store remembers; see timetable.h. */
#include "flow/timetable.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/activation.h"
#include "flow/audit.h"
#include "store/store_schedule.h"
#include "workspace/schedules.h"

struct timetable {
    pthread_mutex_t mutex;
    const struct schedule_list *file; /* the workspace's, then `own` */
    struct schedule_list own;
};

struct timetable *timetable_new(const struct schedule_list *first)
{
    struct timetable *timetable = calloc(1, sizeof *timetable);
    if (!timetable)
        return NULL;
    pthread_mutex_init(&timetable->mutex, NULL);
    timetable->file = first;
    return timetable;
}

void timetable_free(struct timetable *timetable)
{
    if (!timetable)
        return;
    schedules_release(&timetable->own);
    pthread_mutex_destroy(&timetable->mutex);
    free(timetable);
}

static const char *const state_names[] = {"started", "stopped", "paused"};

const char *schedule_state_name(enum schedule_state state)
{
    return state_names[state];
}

void timetable_entry_release(struct timetable_entry *entry)
{
    schedule_release(&entry->definition);
    recurrence_free(entry->recurrence);
    *entry = (struct timetable_entry){0};
}

/* ---- one entry --------------------------------------------------------------------------------- */

/* What the store knows about one flow, copied out of a walk. */
struct memory {
    const char *flow;
    bool is_known, failed;
    enum schedule_state state;
    char *definition; /* NULL: none */
    char actor[TIMETABLE_ACTOR_SIZE];
    int64_t changed_ms, since_ms;
};

static enum schedule_state parse_state(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++)
        if (strcmp(name, state_names[i]) == 0)
            return (enum schedule_state)i;
    return SCHEDULE_STOPPED;
}

static bool remember(void *context, const struct schedule_row *row)
{
    struct memory *memory = context;
    if (strcmp(row->flow, memory->flow) != 0)
        return true;
    memory->is_known = true;
    memory->state = parse_state(row->state);
    memory->definition = row->definition ? strdup(row->definition) : NULL;
    memory->failed = row->definition && !memory->definition;
    memory->changed_ms = row->changed_ms;
    memory->since_ms = row->since_ms;
    snprintf(memory->actor, sizeof memory->actor, "%s", row->actor);
    return false;
}

static bool recall(const struct service *service, const char *flow, struct memory *memory,
                   struct error *err)
{
    *memory = (struct memory){.flow = flow};
    return store_schedules(service_store(service), remember, memory, err) &&
           (!memory->failed || error_set(err, ERROR_LIMIT, "out of memory"));
}

/* Whether an entry of schedules.json is about the flow: by identifier, alias or folder name. */
static bool is_about(const struct service *service, const char *name, const char *flow)
{
    size_t index;
    return service_find(service, name, &index, NULL) &&
           strcmp(service_manifest(service, index)->identifier, flow) == 0;
}

/* Copies the file's entry of the flow into out; *found says whether there is one. */
static bool copy_from_file(const struct service *service, const char *flow, struct schedule *out,
                           bool *found, struct error *err)
{
    struct timetable *timetable = service_timetable(service);
    bool ok = true;
    *found = false;
    pthread_mutex_lock(&timetable->mutex);
    for (size_t i = 0; i < timetable->file->count && !*found; i++) {
        *found = is_about(service, timetable->file->items[i].flow, flow);
        if (*found)
            ok = schedule_copy(&timetable->file->items[i], out, err);
    }
    pthread_mutex_unlock(&timetable->mutex);
    return ok;
}

static bool parse_definition(const char *flow, const char *text, struct schedule *out,
                             struct error *err)
{
    struct schedule_list list;
    char source[256];
    snprintf(source, sizeof source, "stored schedule of '%s'", flow);
    if (!schedules_parse(text, source, &list, err))
        return false;
    bool ok = list.count == 1 ? schedule_copy(&list.items[0], out, err)
                              : error_set(err, ERROR_INVALID, "%s: not one schedule", source);
    schedules_release(&list);
    return ok;
}

static bool use_identifier(struct schedule *schedule, const char *flow, struct error *err)
{
    free(schedule->flow);
    schedule->flow = strdup(flow);
    return schedule->flow || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool parse_rule(struct timetable_entry *entry, struct error *err)
{
    const struct schedule *definition = &entry->definition;
    return recurrence_parse(&entry->recurrence, definition->recurrence, definition->time_zone,
                            definition->start, definition->end, entry->warning, err) ||
           error_context(err, "%s", definition->recurrence_at);
}

/* The file's entry is in entry->definition, if there is one. */
static bool complete(struct timetable_entry *entry, const struct memory *memory, struct error *err)
{
    entry->state = memory->is_known ? memory->state : SCHEDULE_STARTED;
    entry->changed_ms = memory->changed_ms;
    entry->since_ms = memory->since_ms;
    memcpy(entry->actor, memory->actor, sizeof entry->actor);
    entry->is_override = memory->definition != NULL;
    if (entry->is_override) {
        schedule_release(&entry->definition);
        if (!parse_definition(memory->flow, memory->definition, &entry->definition, err))
            return false;
    }
    if (!entry->is_override && !entry->in_file)
        return error_set(err, ERROR_NOT_FOUND, "flow '%s' has no schedule: see schedules.json",
                         memory->flow);
    return use_identifier(&entry->definition, memory->flow, err) && parse_rule(entry, err);
}

/* The version that a schedule starts. Versions of one flow come from the oldest on. */
static size_t newest(const struct service *service, const char *flow)
{
    size_t best = 0;
    bool best_is_active = false;
    for (size_t i = 0; i < service_flow_count(service); i++) {
        if (strcmp(service_manifest(service, i)->identifier, flow) != 0)
            continue;
        bool is_active = service_is_active(service, i);
        if (is_active || !best_is_active)
            best = i;
        best_is_active = best_is_active || is_active;
    }
    return best;
}

bool timetable_get(const struct service *service, size_t flow, struct timetable_entry *out,
                   struct error *err)
{
    const char *identifier = service_manifest(service, flow)->identifier;
    struct memory memory;
    *out = (struct timetable_entry){.flow = newest(service, identifier)};
    bool ok = recall(service, identifier, &memory, err) &&
              copy_from_file(service, identifier, &out->definition, &out->in_file, err) &&
              complete(out, &memory, err);
    free(memory.definition);
    if (!ok)
        timetable_entry_release(out);
    return ok;
}

/* ---- whether schedules are usable -------------------------------------------------------------- */

bool timetable_check_definition(const struct service *service, size_t flow,
                                const struct schedule *definition,
                                char warning[static RECURRENCE_WARNING_SIZE], struct error *err)
{
    const struct manifest *manifest = service_manifest(service, flow);
    struct recurrence *recurrence = NULL;
    struct run_parameter parameters[SCHEDULE_PARAMETERS_MAX];
    if (manifest_answers(manifest))
        return error_set(err, ERROR_UNSUPPORTED,
                         "flow '%s' is not started by a schedule but by \"%s\"",
                         manifest->identifier, manifest->trigger_type);
    if (definition->parameter_count > SCHEDULE_PARAMETERS_MAX)
        return error_set(err, ERROR_LIMIT, "more than %d parameters", SCHEDULE_PARAMETERS_MAX);
    for (size_t i = 0; i < definition->parameter_count; i++)
        parameters[i] = (struct run_parameter){definition->parameters[i].name,
                                               definition->parameters[i].value};
    const struct run_request request = {.flow = flow, .without_schedule = true,
                                        .parameters = parameters,
                                        .parameter_count = definition->parameter_count};
    bool ok = recurrence_parse(&recurrence, definition->recurrence, definition->time_zone,
                               definition->start, definition->end, warning, err) &&
              service_check_run(service, &request, err);
    recurrence_free(recurrence);
    return ok;
}

static bool is_named_before(const struct service *service, const struct schedule_list *list,
                            size_t entry, size_t flow)
{
    for (size_t i = 0; i < entry; i++)
        if (is_about(service, list->items[i].flow, service_manifest(service, flow)->identifier))
            return true;
    return false;
}

static bool check_entry(const struct service *service, const struct schedule_list *list,
                        size_t entry, bool names_only, struct error *err)
{
    const struct schedule *schedule = &list->items[entry];
    char warning[RECURRENCE_WARNING_SIZE];
    size_t flow;
    bool ok = service_find(service, schedule->flow, &flow, err) &&
              (!is_named_before(service, list, entry, flow) ||
               error_set(err, ERROR_INVALID, "flow '%s' has two schedules",
                         service_manifest(service, flow)->identifier)) &&
              (names_only || timetable_check_definition(service, flow, schedule, warning, err));
    return ok || error_context(err, "%s", schedule->recurrence_at);
}

static bool check_list(const struct service *service, const struct schedule_list *list,
                       bool names_only, struct error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (!check_entry(service, list, i, names_only, err))
            return false;
    return true;
}

static bool check_file(const struct service *service, bool names_only, struct error *err)
{
    struct timetable *timetable = service_timetable(service);
    pthread_mutex_lock(&timetable->mutex);
    bool ok = check_list(service, timetable->file, names_only, err);
    pthread_mutex_unlock(&timetable->mutex);
    return ok;
}

bool timetable_check(const struct service *service, struct error *err)
{
    return check_file(service, false, err);
}

bool timetable_file_entry(const struct service *service, size_t flow, struct schedule *out,
                          bool *found, struct error *err)
{
    return copy_from_file(service, service_manifest(service, flow)->identifier, out, found, err);
}

/* ---- all entries ------------------------------------------------------------------------------- */

static bool is_first_version(const struct service *service, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(service_manifest(service, i)->identifier,
                   service_manifest(service, index)->identifier) == 0)
            return false;
    return true;
}

bool timetable_list(const struct service *service, timetable_fn *fn, void *context,
                    struct error *err)
{
    bool go_on = true;
    if (!check_file(service, true, err))
        return false;
    for (size_t i = 0; i < service_flow_count(service) && go_on; i++) {
        struct timetable_entry entry;
        struct error why = {0};
        if (!is_first_version(service, i))
            continue;
        if (timetable_get(service, i, &entry, &why)) {
            go_on = fn(context, &entry);
            timetable_entry_release(&entry);
        } else if (why.kind != ERROR_NOT_FOUND) {
            if (err)
                *err = why;
            return false;
        }
    }
    return true;
}

bool timetable_next(const struct timetable_entry *entry, int64_t after_ms, int64_t *due_ms,
                    struct error *err)
{
    return recurrence_after(entry->recurrence, after_ms, due_ms, err);
}

/* ---- reading again ----------------------------------------------------------------------------- */

bool timetable_reload(struct service *service, struct error *err)
{
    struct timetable *timetable = service_timetable(service);
    struct schedule_list read;
    if (!schedules_read(service_workspace(service)->folder, &read, err))
        return false;
    if (!check_list(service, &read, false, err)) {
        schedules_release(&read);
        return false;
    }
    pthread_mutex_lock(&timetable->mutex);
    schedules_release(&timetable->own);
    timetable->own = read;
    timetable->file = &timetable->own;
    pthread_mutex_unlock(&timetable->mutex);
    return true;
}
