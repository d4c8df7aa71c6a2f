/* SPDX-License-Identifier: MIT */
/* Decisions read from the store and kept until the store says that they changed; see activation.h. */
#include "flow/activation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "flow/audit.h"
#include "flow/registry.h"
#include "flow/timetable.h"
#include "store/store_activation.h"
#include "store/store_changes.h"


/* What a request looks at, without a lock. */
struct standing {
    atomic_bool is_active;
    atomic_int tracing;
};

struct activation_table {
    pthread_mutex_t refreshing;
    atomic_bool is_read;
    atomic_uint seen; /* store_changes when it was read */
    size_t count;
    struct standing standings[]; /* by index of the flow */
};

struct activation_table *activation_table_new(size_t flows_max)
{
    struct activation_table *table = calloc(1, sizeof *table + flows_max * sizeof table->standings[0]);
    if (!table)
        return NULL;
    pthread_mutex_init(&table->refreshing, NULL);
    table->count = flows_max;
    return table;
}

void activation_table_free(struct activation_table *table)
{
    if (!table)
        return;
    pthread_mutex_destroy(&table->refreshing);
    free(table);
}

const char *activation_status_name(bool is_active)
{
    return is_active ? "ACTIVATED" : "CONFIGURED";
}

bool tracing_parse(const char *text, enum tracing *out, struct error *err)
{
    for (int i = 0; i < TRACING_COUNT; i++) {
        if (strcasecmp(text, tracing_names[i]) == 0) {
            *out = (enum tracing)i;
            return true;
        }
    }
    const char *nearest = text_nearest(text, tracing_names, TRACING_COUNT);
    return error_set(err, ERROR_INVALID, "tracing '%.64s': expected production, audit or debug%s%s%s",
                     text, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'?" : "");
}

/* ---- lines of versions ------------------------------------------------------------------------- */

static struct version parse(const char *text)
{
    struct version version = {.count = 0};
    (void)!version_parse(text, strlen(text), &version); /* manifests have been checked */
    return version;
}

static bool is_same_line(const char *a, const char *b)
{
    struct version line = parse(a), other = parse(b);
    line.count = line.count > 2 ? 2 : line.count;
    return version_covers(&line, &other);
}

static bool is_in_line(const struct manifest *manifest, const char *flow, const char *version)
{
    return strcmp(manifest->identifier, flow) == 0 && is_same_line(manifest->version, version);
}

static bool is_newest_of_line(const struct service *service, size_t index)
{
    const struct manifest *manifest = service_manifest(service, index);
    for (size_t i = index + 1; i < service_flow_count(service); i++) /* from the oldest */
        if (is_in_line(service_manifest(service, i), manifest->identifier, manifest->version))
            return false;
    return true;
}

static bool is_there(const struct service *service, const char *flow, const char *version)
{
    for (size_t i = 0; i < service_flow_count(service); i++)
        if (strcmp(service_manifest(service, i)->identifier, flow) == 0 &&
            strcmp(service_manifest(service, i)->version, version) == 0)
            return true;
    return false;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* What the records say about one version and its line, as the walk over them finds it. */
struct findings {
    const struct service *service;
    const struct manifest *manifest;
    const char *level;        /* of the version itself; NULL: none was set */
    struct activation own;    /* is_decided: about the version itself */
    struct activation newest; /* is_decided: about another version of the line */
    bool newest_is_there;     /* its module is */
};

static const char *level_of(const struct activation_record *row)
{
    enum tracing tracing;
    return row->tracing && tracing_parse(row->tracing, &tracing, NULL) ? tracing_names[tracing] : NULL;
}

static struct activation decision_of(const struct activation_record *row)
{
    struct activation decision = {.is_active = row->decision == DECISION_ACTIVE,
                                  .is_decided = row->decision != DECISION_NONE,
                                  .at_ms = row->at_ms};
    snprintf(decision.actor, sizeof decision.actor, "%s", row->actor);
    return decision;
}

static bool look(void *context, const struct activation_record *row)
{
    struct findings *findings = context;
    const struct activation decision = decision_of(row), *newest = &findings->newest;
    if (!is_in_line(findings->manifest, row->flow, row->version))
        return true;
    if (strcmp(findings->manifest->version, row->version) == 0) {
        findings->own = decision;
        findings->level = level_of(row);
    } else if (decision.is_decided &&
               (!newest->is_decided || decision.at_ms > newest->at_ms ||
                (decision.at_ms == newest->at_ms && decision.is_active))) {
        findings->newest = decision;
        findings->newest_is_there = is_there(findings->service, row->flow, row->version);
    }
    return true;
}

static bool find(const struct service *service, size_t index, struct findings *findings,
                 struct error *err)
{
    *findings = (struct findings){.service = service, .manifest = service_manifest(service, index)};
    return store_activations(service_store(service), look, findings, err);
}

static void conclude(const struct findings *findings, size_t index, struct activation *out)
{
    const struct workspace *workspace = service_workspace(findings->service);
    bool is_newest = is_newest_of_line(findings->service, index);
    if (findings->own.is_decided) {
        *out = findings->own;
    } else if (findings->newest.is_decided) {
        *out = findings->newest;
        out->is_active = out->is_active && !findings->newest_is_there && is_newest;
    } else {
        *out = (struct activation){
            .is_active = workspace->activation == ACTIVATION_AUTOMATIC && is_newest};
    }
    out->tracing = workspace->tracing;
    if (findings->level)
        (void)!tracing_parse(findings->level, &out->tracing, NULL); /* it was parsed before */
}

bool activation_get(const struct service *service, size_t index, struct activation *out,
                    struct error *err)
{
    struct findings findings;
    if (!find(service, index, &findings, err))
        return false;
    conclude(&findings, index, out);
    return true;
}

static bool read_all(const struct service *service, struct activation_table *table,
                     struct error *err)
{
    for (size_t i = 0; i < table->count && i < service_flow_count(service); i++) {
        struct activation activation;
        if (!activation_get(service, i, &activation, err))
            return false;
        atomic_store(&table->standings[i].is_active, activation.is_active);
        atomic_store(&table->standings[i].tracing, activation.tracing);
    }
    return true;
}

/* What holds when the store cannot be read is what held before; a table never read has nothing active. */
static void refresh(const struct service *service, struct activation_table *table)
{
    struct error err = {0};
    pthread_mutex_lock(&table->refreshing);
    unsigned changes = store_changes(service_store(service));
    if (!atomic_load(&table->is_read) || atomic_load(&table->seen) != changes) {
        if (read_all(service, table, &err)) {
            atomic_store(&table->seen, changes);
            atomic_store(&table->is_read, true);
        } else {
            log_line(LOG_ERROR, NULL, "cannot read which flows are active: %s", err.message);
        }
    }
    pthread_mutex_unlock(&table->refreshing);
}

static const struct standing *standing_of(const struct service *service, size_t index)
{
    struct activation_table *table = service_activations(service);
    if (!atomic_load(&table->is_read) ||
        atomic_load(&table->seen) != store_changes(service_store(service)))
        refresh(service, table);
    return &table->standings[index];
}

bool service_is_active(const struct service *service, size_t index)
{
    return atomic_load(&standing_of(service, index)->is_active);
}

static enum tracing tracing_of(const struct service *service, size_t index)
{
    return (enum tracing)atomic_load(&standing_of(service, index)->tracing);
}

enum tracing activation_tracing(const struct service *service, const struct manifest *manifest)
{
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *known = service_manifest(service, i);
        if (strcmp(known->identifier, manifest->identifier) == 0 &&
            strcmp(known->version, manifest->version) == 0)
            return tracing_of(service, i);
    }
    return service_workspace(service)->tracing;
}

/* The newest active version that is there, or index. */
static size_t active_version_of(const struct service *service, size_t index)
{
    const char *identifier = service_manifest(service, index)->identifier;
    size_t found = index;
    for (size_t i = 0; i < service_flow_count(service); i++)
        if (strcmp(service_manifest(service, i)->identifier, identifier) == 0 &&
            service_is_active(service, i))
            found = i;
    return found;
}

bool activation_find(const struct service *service, const char *name, size_t *index,
                     struct error *err)
{
    if (!service_find(service, name, index, err))
        return false;
    if (manifest_is_called(service_manifest(service, *index), name))
        *index = active_version_of(service, *index); /* neither a version nor a module is named */
    return activation_require(service, *index, err);
}

static bool is_only_version(const struct service *service, const char *identifier)
{
    size_t count = 0;
    for (size_t i = 0; i < service_flow_count(service); i++)
        count += strcmp(service_manifest(service, i)->identifier, identifier) == 0;
    return count == 1;
}

bool activation_require(const struct service *service, size_t index, struct error *err)
{
    const struct manifest *manifest = service_manifest(service, index);
    if (service_is_active(service, index))
        return true;
    if (is_only_version(service, manifest->identifier))
        return error_set(err, ERROR_REFUSED, "flow '%s' is not active: sluice activate %s",
                         manifest->identifier, manifest->identifier);
    return error_set(err, ERROR_REFUSED,
                     "version %s of flow '%s' is not active: sluice activate '%s|%s'",
                     manifest->version, manifest->identifier, manifest->identifier, manifest->version);
}

/* ---- decisions --------------------------------------------------------------------------------- */

static struct activation_record record_of(const struct manifest *manifest, enum decision decision,
                                          const char *level, const char *actor, int64_t at_ms)
{
    return (struct activation_record){.flow = manifest->identifier, .version = manifest->version,
                                      .decision = decision, .tracing = level, .actor = actor,
                                      .at_ms = at_ms};
}

/* The other versions of the line stop when this one starts: adds them behind its record. */
static bool retire_others(const struct service *service, size_t index,
                          struct activation_record *records, size_t *count, struct error *err)
{
    const struct manifest *manifest = service_manifest(service, index);
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *other = service_manifest(service, i);
        struct findings findings;
        if (i == index || !is_in_line(other, manifest->identifier, manifest->version))
            continue;
        if (!find(service, i, &findings, err))
            return false;
        records[(*count)++] = record_of(other, DECISION_INACTIVE, findings.level, records[0].actor,
                                        records[0].at_ms);
    }
    return true;
}

static bool write_activation(struct service *service, size_t index, const char *level,
                             const struct actor *actor, struct error *err)
{
    size_t count = 1;
    struct activation_record *records = calloc(REGISTRY_FLOWS_MAX, sizeof *records);
    if (!records)
        return error_set(err, ERROR_LIMIT, "out of memory");
    records[0] = record_of(service_manifest(service, index), DECISION_ACTIVE, level, actor->name,
                           clock_wall_ms());
    bool ok = retire_others(service, index, records, &count, err) &&
              store_set_activations(service_store(service), records, count, err);
    free(records);
    return ok;
}

static bool activate(struct service *service, size_t index, const enum tracing *tracing,
                     const struct actor *actor, activation_problem_fn *fn, void *context,
                     struct error *err)
{
    const struct manifest *manifest = service_manifest(service, index);
    struct findings findings;
    if (!find(service, index, &findings, err))
        return false;
    if (findings.own.is_decided && findings.own.is_active)
        return error_set(err, ERROR_EXISTS, "flow '%s' %s is active already", manifest->identifier,
                         manifest->version);
    if (!activation_check(service, index, fn, context, err))
        return false;
    return write_activation(service, index, tracing ? tracing_names[*tracing] : findings.level, actor,
                            err);
}

bool activation_activate(struct service *service, size_t index, const enum tracing *tracing,
                         const struct actor *actor, activation_problem_fn *fn, void *context,
                         struct error *err)
{
    struct error why = {0};
    bool ok = activate(service, index, tracing, actor, fn, context, &why);
    return audit_change(service, actor, "activate", index, tracing ? tracing_names[*tracing] : NULL,
                        ok, &why, err);
}

static bool check_schedule(const struct service *service, size_t index, struct error *err)
{
    struct timetable_entry entry = {0};
    struct error why = {0};
    if (!timetable_get(service, index, &entry, &why)) {
        if (why.kind == ERROR_NOT_FOUND || why.kind == ERROR_INVALID)
            return true; /* nothing that could start it */
        if (err)
            *err = why;
        return false;
    }
    bool is_started = entry.state == SCHEDULE_STARTED && entry.flow == index;
    timetable_entry_release(&entry);
    const char *flow = service_manifest(service, index)->identifier;
    return !is_started ||
           error_set(err, ERROR_REFUSED, "the schedule of flow '%s' is started; stop it first: sluice "
                                         "schedules stop %s", flow, flow);
}

static bool deactivate(struct service *service, size_t index, const struct actor *actor,
                       struct error *err)
{
    const struct manifest *manifest = service_manifest(service, index);
    struct activation activation;
    struct findings findings;
    if (!find(service, index, &findings, err))
        return false;
    conclude(&findings, index, &activation);
    if (!activation.is_active)
        return error_set(err, ERROR_EXISTS, "flow '%s' %s is not active", manifest->identifier,
                         manifest->version);
    if (!check_schedule(service, index, err))
        return false;
    const struct activation_record record =
        record_of(manifest, DECISION_INACTIVE, findings.level, actor->name, clock_wall_ms());
    return store_set_activations(service_store(service), &record, 1, err);
}

bool activation_deactivate(struct service *service, size_t index, const struct actor *actor,
                           struct error *err)
{
    struct error why = {0};
    bool ok = deactivate(service, index, actor, &why);
    return audit_change(service, actor, "deactivate", index, NULL, ok, &why, err);
}

static bool set_tracing(struct service *service, size_t index, enum tracing tracing,
                        const struct actor *actor, struct error *err)
{
    struct findings findings;
    if (!find(service, index, &findings, err))
        return false;
    enum decision decision = !findings.own.is_decided  ? DECISION_NONE
                             : findings.own.is_active ? DECISION_ACTIVE
                                                       : DECISION_INACTIVE;
    const struct activation *own = &findings.own; /* stays as it was: who decided it, and when */
    const struct activation_record record =
        record_of(findings.manifest, decision, tracing_names[tracing],
                  own->is_decided ? own->actor : actor->name,
                  own->is_decided ? own->at_ms : clock_wall_ms());
    return store_set_activations(service_store(service), &record, 1, err);
}

bool activation_set_tracing(struct service *service, size_t index, enum tracing tracing,
                            const struct actor *actor, struct error *err)
{
    struct error why = {0};
    bool ok = set_tracing(service, index, tracing, actor, &why);
    return audit_change(service, actor, "tracing", index, tracing_names[tracing], ok, &why, err);
}
