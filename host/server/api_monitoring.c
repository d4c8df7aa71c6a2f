/* SPDX-License-Identifier: MIT */
/* Filters and instances; see api_monitoring.h. */
#include "server/api_monitoring.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define DAY_MS 86400000ll
#define TRACKS_MAX 3 /* OIC's primary, secondary, tertiary */

const char *const monitoring_levels[] = {"Production", "Audit", "Debug", NULL};
const char *const monitoring_states[] = {"IN_PROGRESS", "COMPLETED", "FAILED",
                                         "ABORTED",     "RECOVERING", NULL};

/* ---- schemas ---------------------------------------------------------------------------------------- */

static const struct api_field track_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "tracking variable"},
    {.name = "value", .kind = API_TEXT, .about = "its value"},
    {.name = "primary", .kind = API_FLAG, .about = "whether it is the first one"},
};
static const struct api_schema track_schema =
    API_SCHEMA("Tracking", "A tracking variable of an instance.", track_fields);
static const struct api_field files_fields[] = {
    {.name = "found", .kind = API_NUMBER, .about = "files that the instance found"},
    {.name = "transferred", .kind = API_NUMBER, .about = "that got across"},
    {.name = "notTransferred", .kind = API_NUMBER, .about = "that did not"},
    {.name = "postponed", .kind = API_NUMBER, .about = "left for the next run: still growing"},
};
static const struct api_schema files_schema =
    API_SCHEMA("InstanceFiles", "How the files of an instance fared.", files_fields);

#define INSTANCE_FIELDS(lacks)                                                                     \
    {.name = "id", .kind = API_TEXT, .about = "22 characters"},                                    \
        {.name = "instanceId", .kind = API_TEXT, .may_lack = lacks, .about = "the id"},            \
        {.name = "integration", .kind = API_TEXT, .may_lack = lacks, .about = "CODE|VERSION"},     \
        {.name = "integrationId", .kind = API_TEXT, .may_lack = lacks, .about = "identifier"},     \
        {.name = "integrationName", .kind = API_TEXT, .may_lack = true, .about = "display name"},  \
        {.name = "integrationVersion", .kind = API_TEXT, .may_lack = lacks, .about = "version"},   \
        {.name = "status", .kind = API_TEXT, .may_lack = lacks, .words = monitoring_states,        \
         .about = "state; RECOVERING: its process ended, and another one goes on with it"},        \
        {.name = "creationDate", .kind = API_TIME, .may_lack = lacks, .about = "start"},           \
        {.name = "date", .kind = API_TIME, .may_lack = lacks, .about = "start"},                   \
        {.name = "lastTrackedTime", .kind = API_TIME, .may_lack = lacks,                           \
         .about = "end, or start while it runs"},                                                  \
        {.name = "processingEndDate", .kind = API_TIME, .may_lack = true, .about = "end"},         \
        {.name = "duration", .kind = API_NUMBER, .may_lack = true, .about = "milliseconds"},       \
        {.name = "invokedBy", .kind = API_TEXT, .may_lack = true, .about = "user or flow"},        \
        {.name = "trigger", .kind = API_TEXT, .may_lack = true,                                    \
         .about = "manual, schedule, rest, call or resubmit"},                                     \
        {.name = "instanceReportingLevel", .kind = API_TEXT, .may_lack = true,                     \
         .words = monitoring_levels, .about = "tracing level that it began with"},                 \
        {.name = "hasRecoverableFaults", .kind = API_FLAG, .may_lack = lacks,                      \
         .about = "whether it failed and may be resubmitted"},                                     \
        {.name = "isPurged", .kind = API_FLAG, .may_lack = lacks, .about = "always false"},        \
        {.name = "primaryTrackingName", .kind = API_TEXT, .may_lack = true, .about = "first variable"}, \
        {.name = "primaryTrackingValue", .kind = API_TEXT, .may_lack = true, .about = "its value"}, \
        {.name = "secondaryTrackingName", .kind = API_TEXT, .may_lack = true,                      \
         .about = "second variable"},                                                              \
        {.name = "secondaryTrackingValue", .kind = API_TEXT, .may_lack = true, .about = "its value"}, \
        {.name = "tertiaryTrackingName", .kind = API_TEXT, .may_lack = true,                       \
         .about = "third variable"},                                                               \
        {.name = "tertiaryTrackingValue", .kind = API_TEXT, .may_lack = true, .about = "its value"}, \
        {.name = "trackings", .kind = API_LIST, .may_lack = true, .of = &track_schema,             \
         .about = "all of them"},                                                                  \
        {.name = "parentInstanceId", .kind = API_TEXT, .may_lack = true, .about = "who called it"}, \
        {.name = "resubmissionOf", .kind = API_TEXT, .may_lack = true,                             \
         .about = "the instance that this one does again"},                                        \
        {.name = "resubmittedAs", .kind = API_TEXT, .may_lack = true,                              \
         .about = "the newest instance that does this one again"},                                 \
        {.name = "resubmissions", .kind = API_NUMBER, .may_lack = lacks, .about = "how often"},    \
        {.name = "discardedDate", .kind = API_TIME, .may_lack = true, .about = "when it was discarded"}, \
        {.name = "errorCode", .kind = API_TEXT, .may_lack = true, .about = "code of the fault"},   \
        {.name = "errorMessage", .kind = API_TEXT, .may_lack = true, .about = "what went wrong"},  \
        {.name = "errorDetails", .kind = API_TEXT, .may_lack = true,                               \
         .about = "what exactly; cut in lists"},                                                   \
        {.name = "files", .kind = API_OBJECT, .may_lack = true, .of = &files_schema,               \
         .about = "of a transfer"},                                                                \
        {.name = "links", .kind = API_LIST, .may_lack = lacks, .of = &api_link_schema,             \
         .about = "itself"}

static const struct api_field item_fields[] = {INSTANCE_FIELDS(true)};
const struct api_schema monitoring_item_schema =
    API_SCHEMA("InstanceItem", "An instance in a list; `fields` and `return` leave members out.",
               item_fields);
static const struct api_field instance_fields[] = {
    INSTANCE_FIELDS(false),
    {.name = "parameters", .kind = API_MAP, .about = "what it was started with"},
    {.name = "exitStatus", .kind = API_NUMBER, .about = "0 done, 1 failed, 3 partly done"},
    {.name = "responseStatus", .kind = API_NUMBER, .may_lack = true,
     .about = "HTTP status that its caller got"},
    {.name = "moduleDigest", .kind = API_TEXT, .may_lack = true, .about = "SHA-256 of its module"},
    {.name = "cpuMicroseconds", .kind = API_NUMBER, .about = "CPU time"},
    {.name = "memoryBytes", .kind = API_NUMBER, .about = "memory at its highest"},
    {.name = "importCalls", .kind = API_NUMBER, .about = "calls of the host"},
};
const struct api_schema monitoring_instance_schema =
    API_SCHEMA("Instance", "An execution of a flow.", instance_fields);

/* ---- filters ---------------------------------------------------------------------------------------- */

/* What recovers is in progress. */
static const char *state_of(const struct api_filter *parsed)
{
    static const char *const states[] = {"IN_PROGRESS", "COMPLETED", "FAILED", "ABORTED"};
    const char *given = api_filter_value(parsed, FILTER_STATUS);
    for (size_t i = 0; given && i < API_COUNT(states); i++)
        if (strcasecmp(states[i], given) == 0)
            return states[i];
    return NULL;
}

/* An alias is as good as the identifier; a flow that is gone may have instances still. */
static const char *flow_of(struct api_call *call, const struct api_filter *parsed)
{
    size_t flow;
    const char *code = api_filter_value(parsed, FILTER_CODE);
    if (code && service_find(call->service, code, &flow, NULL))
        return service_manifest(call->service, flow)->identifier;
    return code;
}

static void take_tracking(const struct api_filter *parsed, struct store_filter *filter)
{
    static const enum api_filter_key keys[] = {FILTER_BUSINESS_ID, FILTER_PRIMARY_VALUE,
                                               FILTER_SECONDARY_VALUE, FILTER_TERTIARY_VALUE};
    for (int i = 0; i < (int)API_COUNT(keys); i++) {
        const char *value = api_filter_value(parsed, keys[i]);
        if (!value)
            continue;
        filter->tracking = value;
        filter->tracking_rank = i;
    }
}

bool monitoring_filter(struct api_call *call, unsigned legal, struct api_filter *parsed,
                       struct store_filter *filter)
{
    char q[API_QUERY_SIZE];
    struct error err = {0};
    int64_t retention_ms = service_workspace(call->service)->retention_days * DAY_MS;
    if (!api_filter_parse(parsed, api_argument(call, "q", q), legal, clock_wall_ms(), retention_ms,
                          &err))
        return api_fail(call, &err);
    unsigned tracking = parsed->given & FILTER_TRACKING;
    if (tracking & (tracking - 1))
        return api_fault(call, 400, "invalid", "q: give one of primaryValue, secondaryValue, "
                         "tertiaryValue and businessIDValue");
    filter->state = state_of(parsed);
    if (api_filter_value(parsed, FILTER_STATUS) && !filter->state)
        return api_fault(call, 400, "invalid", "q: status '%.64s': expected IN_PROGRESS, COMPLETED, "
                         "FAILED or ABORTED", parsed->values[FILTER_STATUS]);
    filter->flow = flow_of(call, parsed);
    filter->version = api_filter_value(parsed, FILTER_VERSION);
    filter->id = api_filter_value(parsed, FILTER_ID);
    filter->updated_from_ms = parsed->from_ms;
    filter->updated_to_ms = parsed->to_ms;
    filter->duration_from_ms = parsed->min_duration_ms;
    filter->duration_to_ms = parsed->max_duration_ms;
    take_tracking(parsed, filter);
    return true;
}

bool monitoring_count(struct api_call *call, const struct store_filter *filter, int64_t *total)
{
    struct error err = {0};
    return store_count_instances(call->store, filter, API_TOTAL_MAX, total, &err) ||
           api_fail(call, &err);
}

/* ---- instances --------------------------------------------------------------------------------------- */

struct tracks {
    struct document *document;
    int count;
};

static bool write_named_track(void *context, const char *name, const char *value)
{
    static const char *const ranks[TRACKS_MAX] = {"primary", "secondary", "tertiary"};
    struct tracks *tracks = context;
    char key[64];
    snprintf(key, sizeof key, "%sTrackingName", ranks[tracks->count]);
    document_text(tracks->document, key, name);
    snprintf(key, sizeof key, "%sTrackingValue", ranks[tracks->count]);
    document_text(tracks->document, key, value);
    return ++tracks->count < TRACKS_MAX;
}

static bool write_track(void *context, const char *name, const char *value)
{
    struct tracks *tracks = context;
    document_open(tracks->document, NULL, '{');
    document_text(tracks->document, "name", name);
    document_text(tracks->document, "value", value);
    document_flag(tracks->document, "primary", tracks->count++ == 0);
    document_close(tracks->document, '}');
    return true;
}

/* Tracking values of an instance that was just read; if they cannot be read they are left out. */
static void write_tracks(struct api_call *call, const char *id)
{
    struct error ignored;
    struct tracks named = {&call->document, 0}, all = {&call->document, 0};
    (void)!store_tracks(call->store, id, write_named_track, &named, &ignored);
    document_open(&call->document, "trackings", '[');
    (void)!store_tracks(call->store, id, write_track, &all, &ignored);
    document_close(&call->document, ']');
}

void monitoring_write_cut(struct document *document, const char *key, const char *value, size_t most)
{
    size_t size = strlen(value);
    if (size > most)
        for (size = most; size > 0 && ((unsigned char)value[size] & 0xC0) == 0x80;)
            size--;
    document_bytes(document, key, value, size);
}

static void write_fault(struct document *document, const struct instance_row *row,
                        enum monitoring_form form)
{
    if (!row->fault_code || !row->fault_code[0])
        return;
    document_text(document, "errorCode", row->fault_code);
    api_text(document, "errorMessage", row->fault_title);
    if (row->fault_detail)
        monitoring_write_cut(document, "errorDetails", row->fault_detail,
                             form == MONITORING_WHOLE ? SIZE_MAX : MONITORING_TEXT_MAX);
}

static void write_files(struct document *document, const struct instance_row *row)
{
    if (row->files_found == 0)
        return;
    document_open(document, "files", '{');
    document_number(document, "found", row->files_found);
    document_number(document, "transferred", row->files_transferred);
    document_number(document, "notTransferred", row->files_not_transferred);
    document_number(document, "postponed", row->files_postponed);
    document_close(document, '}');
}

static void write_times(struct document *document, const struct instance_row *row)
{
    api_time(document, "creationDate", row->started_ms);
    api_time(document, "date", row->started_ms);
    api_time(document, "lastTrackedTime", row->finished_ms ? row->finished_ms : row->started_ms);
    api_time(document, "processingEndDate", row->finished_ms);
    if (row->finished_ms)
        document_number(document, "duration", row->finished_ms - row->started_ms);
}

static void write_links_between(struct document *document, const struct instance_row *row)
{
    api_text(document, "parentInstanceId", row->parent);
    api_text(document, "resubmissionOf", row->resubmission_of);
    api_text(document, "resubmittedAs", row->resubmitted_as);
    document_number(document, "resubmissions", row->resubmissions);
    api_time(document, "discardedDate", row->discarded_ms);
}

const char *monitoring_level(const struct instance_row *row)
{
    for (size_t i = 0; row->tracing && monitoring_levels[i]; i++)
        if (strcasecmp(monitoring_levels[i], row->tracing) == 0)
            return monitoring_levels[i];
    return NULL;
}

static bool is_recoverable(const struct instance_row *row)
{
    bool failed = strcmp(row->state, "FAILED") == 0 || strcmp(row->state, "ABORTED") == 0;
    return failed && !row->parent && !row->resubmission_of && row->discarded_ms == 0 &&
           row->resubmissions < STORE_RESUBMISSIONS_MAX;
}

static void write_rest(struct document *document, const struct instance_row *row)
{
    document_json(document, "parameters", row->parameters ? row->parameters : "{}");
    document_number(document, "exitStatus", row->exit_status);
    if (row->response_status)
        document_number(document, "responseStatus", row->response_status);
    api_text(document, "moduleDigest", row->module_digest);
    document_number(document, "cpuMicroseconds", row->cpu_us);
    document_number(document, "memoryBytes", (int64_t)row->memory_bytes);
    document_number(document, "importCalls", (int64_t)row->import_calls);
}

void monitoring_write_instance(struct api_call *call, const struct instance_row *row,
                               enum monitoring_form form)
{
    struct document *document = &call->document;
    char flow[API_FLOW_ID_SIZE];
    document_text(document, "id", row->id);
    if (form == MONITORING_ID)
        return;
    document_text(document, "instanceId", row->id);
    document_text(document, "integration",
                  api_flow_id(row->flow, row->version ? row->version : "", flow));
    document_text(document, "integrationId", row->flow);
    api_text(document, "integrationName", row->flow_name);
    document_text(document, "integrationVersion", row->version ? row->version : "");
    document_text(document, "status", row->state);
    write_times(document, row);
    api_text(document, "invokedBy", row->invoked_by);
    api_text(document, "trigger", row->trigger);
    api_text(document, "instanceReportingLevel", monitoring_level(row));
    document_flag(document, "hasRecoverableFaults", is_recoverable(row));
    document_flag(document, "isPurged", false);
    write_links_between(document, row);
    write_fault(document, row, form);
    write_files(document, row);
    if (form != MONITORING_BRIEF)
        write_tracks(call, row->id);
    if (form == MONITORING_WHOLE)
        write_rest(document, row);
    api_links(call, "self", "/monitoring/instances/", row->id);
}

/* ---- one of them -------------------------------------------------------------------------------------- */

static bool keep(void *context, const struct instance_row *row)
{
    struct monitoring_instance *out = context;
    snprintf(out->id, sizeof out->id, "%s", row->id);
    snprintf(out->flow, sizeof out->flow, "%s", row->flow);
    snprintf(out->version, sizeof out->version, "%s", row->version ? row->version : "");
    snprintf(out->state, sizeof out->state, "%s", row->state);
    return true;
}

static bool not_there(struct api_call *call, const char *id)
{
    return api_fault(call, 404, "not_found", "no instance has the id '%.64s'; it may have been purged",
                     id);
}

/* The store takes beginnings of ids as people type them; an address names one instance for good. */
static bool look_up(struct api_call *call, const char *id, instance_row_fn *fn, void *context)
{
    struct error err = {0};
    if (strlen(id) != INSTANCE_ID_SIZE - 1)
        return not_there(call, id);
    if (store_instance(call->store, id, fn, context, &err))
        return true;
    return err.kind == ERROR_NOT_FOUND || err.kind == ERROR_INVALID ? not_there(call, id)
                                                                    : api_fail(call, &err);
}

bool monitoring_find(struct api_call *call, const char *id, struct monitoring_instance *out)
{
    return look_up(call, id, keep, out);
}

static bool write_whole(void *context, const struct instance_row *row)
{
    monitoring_write_instance(context, row, MONITORING_WHOLE);
    return true;
}

bool monitoring_write_found(struct api_call *call, const char *id)
{
    return look_up(call, id, write_whole, call);
}
