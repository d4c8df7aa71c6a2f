/* SPDX-License-Identifier: MIT */
/* Monitoring: failed instances resubmitted, one or many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/version.h"
#include "flow/activation.h"
#include "server/api_monitoring.h"
#include "server/api_recovery.h"
#include "server/api_selection.h"

/* ---- schemas ---------------------------------------------------------------------------------------- */

static const char *const sync_words[] = {"sync", "minimal", "summary", NULL};
static const struct api_field return_query[] = {
    {.name = "return", .kind = API_TEXT, .may_lack = true, .words = sync_words,
     .about = "with it the answer is 200 and tells which were accepted; without it 202 and empty"},
};
static const struct api_field one_fields[] = {
    {.name = "recoveryTraceLevel", .kind = API_TEXT, .may_lack = true, .words = monitoring_levels,
     .about = "how much is recorded of it; else as is set for the flow"},
    {.name = "recoveryVersion", .kind = API_TEXT, .may_lack = true,
     .about = "of the flow, that does it; else the one that failed"},
};
static const struct api_schema one_schema =
    API_SCHEMA("ResubmitOptions", "How to resubmit.", one_fields);
static const struct api_field many_fields[] = {
    {.name = "ids", .kind = API_TEXTS, .may_lack = true, .about = "these instances; at most 1000"},
    {.name = "flowCode", .kind = API_TEXT, .may_lack = true, .about = "instead: errors of this flow"},
    {.name = "flowVersion", .kind = API_TEXT, .may_lack = true, .about = "of this version"},
    {.name = "connectionCode", .kind = API_TEXT, .may_lack = true,
     .about = "instead: errors whose newest failed call was on this connection"},
    {.name = "timewindow", .kind = API_TEXT, .may_lack = true,
     .about = "1h (default), 6h, 1d, 2d, 3d or RETENTIONPERIOD; for errors"},
    {.name = "startDate", .kind = API_TEXT, .may_lack = true,
     .about = "instead of timewindow: UTC, YYYY-MM-DD HH:MM:SS"},
    {.name = "endDate", .kind = API_TEXT, .may_lack = true, .about = "as startDate"},
    {.name = "recoveryTraceLevel", .kind = API_TEXT, .may_lack = true, .words = monitoring_levels,
     .about = "how much is recorded of them; else as is set for each flow"},
    {.name = "recoveryVersion", .kind = API_TEXT, .may_lack = true,
     .about = "of the flow, that does them; else the one that failed"},
};
static const struct api_schema many_schema =
    API_SCHEMA("ResubmitMany", "Ids, or what the errors have in common.", many_fields);
static const struct api_field resubmitted_fields[] = {
    SELECTION_FIELDS,
    {.name = "resubmitRequested", .kind = API_FLAG, .about = "whether any was accepted"},
    {.name = "resubmittedInstancesCount", .kind = API_NUMBER, .about = "how many were accepted"},
    {.name = "resubmittedFailedInstances", .kind = API_TEXTS,
     .about = "always empty: see the recovery job"},
    {.name = "recoveryJobId", .kind = API_TEXT, .may_lack = true, .about = "the job that does it"},
    {.name = "links", .kind = API_LIST, .may_lack = true, .of = &api_link_schema, .about = "the job"},
};
static const struct api_schema resubmitted_schema =
    API_SCHEMA("Resubmitted", "What becomes of a resubmission.", resubmitted_fields);

/* ---- which instances --------------------------------------------------------------------------------- */

/* The version that the body asks for; NULL: none. */
static const char *version_of(const struct api_call *call)
{
    return api_body_text(call, "recoveryVersion");
}

static bool check_version(struct api_call *call)
{
    struct version ignored;
    const char *version = version_of(call);
    return !version || version_parse(version, strlen(version), &ignored) ||
           api_fault(call, 400, "invalid", "recoveryVersion: expected two or three numbers, as in "
                     "01.23.3000");
}

static bool may_resubmit(struct api_call *call, const char *id, struct error *err)
{
    return service_check_resubmission(call->service, id, version_of(call), err);
}

/* Whether the newest failed call of the instance was on that connection; NULL: any. */
static bool failed_at(struct store *store, const char *instance, const char *connection)
{
    char name[256], id[API_ARGUMENT_SIZE];
    struct error ignored;
    return !connection ||
           (store_failed_connection(store, instance, name, sizeof name, &ignored) &&
            (strcmp(name, connection) == 0 || strcmp(api_connection_id(name, id), connection) == 0));
}

static bool add_row(void *context, const struct instance_row *row)
{
    struct selection *selection = context;
    struct api_call *call = selection->call;
    struct error err = {0};
    if (!failed_at(call->store, row->id, api_body_text(call, "connectionCode")))
        return true;
    bool ok = may_resubmit(call, row->id, &err);
    selection_add(selection, row->id, ok, &err);
    return selection->count < SELECTION_IDS_MAX;
}

static bool read_times(struct api_call *call, struct store_filter *filter)
{
    const char *window = api_body_text(call, "timewindow");
    const char *start = api_body_text(call, "startDate"), *end = api_body_text(call, "endDate");
    int64_t window_ms, retention_ms = service_workspace(call->service)->retention_days * 86400000ll;
    if (window && (start || end))
        return api_fault(call, 400, "invalid", "give timewindow, or startDate and endDate, not both");
    if (!api_filter_window(window ? window : "1h", retention_ms, &window_ms))
        return api_fault(call, 400, "invalid", "timewindow: expected 1h, 6h, 1d, 2d, 3d or "
                         "RETENTIONPERIOD");
    if ((start && !api_filter_date(start, &filter->updated_from_ms)) ||
        (end && !api_filter_date(end, &filter->updated_to_ms)))
        return api_fault(call, 400, "invalid", "startDate and endDate: expected UTC in the form "
                         "2026-11-24 02:37:00");
    if (!start && !end)
        filter->updated_from_ms = clock_wall_ms() - window_ms;
    return true;
}

static bool add_matching(struct selection *selection)
{
    struct api_call *call = selection->call;
    const char *code = api_body_text(call, "flowCode");
    bool has_connection = api_body_text(call, "connectionCode") != NULL;
    struct store_filter filter = {.open_errors = true, .version = api_body_text(call, "flowVersion")};
    struct error err = {0};
    size_t flow;
    if (!code && !has_connection)
        return api_fault(call, 400, "invalid", "give ids, flowCode or connectionCode");
    if (code && !service_find(call->service, code, &flow, &err))
        return api_fail(call, &err);
    if (code)
        filter.flow = service_manifest(call->service, flow)->identifier;
    if (!read_times(call, &filter))
        return false;
    if (!store_instances(call->store, &filter, add_row, selection, &err))
        return api_fail(call, &err);
    selection_reverse(selection); /* what failed first is done again first */
    return true;
}

/* ---- the answer -------------------------------------------------------------------------------------- */

static void write_resubmitted(const struct selection *selection, const char *job)
{
    struct api_call *call = selection->call;
    struct document *document = &call->document;
    document_open(document, NULL, '{');
    selection_write(selection);
    document_flag(document, "resubmitRequested", selection->accepted > 0);
    document_number(document, "resubmittedInstancesCount", (int64_t)selection->accepted);
    document_open(document, "resubmittedFailedInstances", '[');
    document_close(document, ']');
    if (selection->accepted > 0) {
        document_text(document, "recoveryJobId", job);
        api_links(call, "recoveryJob", "/monitoring/errors/recoveryJobs/", job);
    }
    document_close(document, '}');
    api_answer_document(call, 200);
}

/* The level that the body asks for; false: none. */
static bool level_of(const struct api_call *call, enum tracing *tracing)
{
    struct error err = {0};
    const char *level = api_body_text(call, "recoveryTraceLevel");
    return level && tracing_parse(level, tracing, &err);
}

_Static_assert(SELECTION_IDS_MAX <= RECOVERY_IDS_MAX, "one job takes all that one call selects");

static bool submit(struct selection *selection, char job[static INSTANCE_ID_SIZE])
{
    struct api_call *call = selection->call;
    struct error err = {0};
    size_t count = 0;
    enum tracing tracing;
    char (*ids)[INSTANCE_ID_SIZE] = calloc(selection->accepted + 1, sizeof *ids);
    if (!ids)
        return api_fault(call, 503, "limit", "out of memory");
    for (size_t i = 0; i < selection->count; i++)
        if (selection->verdicts[i] == SELECTION_ACCEPTED)
            memcpy(ids[count++], selection->ids[i], sizeof *ids);
    const struct recovery_request request = {
        .ids = ids, .count = count, .user = call->user, .version = version_of(call),
        .tracing = level_of(call, &tracing) ? &tracing : NULL};
    bool ok = count == 0 || recovery_jobs_submit(api_recovery(call->api), &request, job, &err);
    free(ids);
    snprintf(call->note, sizeof call->note, "%zu of %zu accepted", selection->accepted,
             selection->count);
    if (ok)
        return true;
    call->exchange->answer.retry_after_s = 1;
    return api_fault(call, 429, "busy", "%s", err.message);
}

static int refusal_status(const struct error *err)
{
    return err->kind == ERROR_NOT_FOUND ? 404 : 412;
}

static void answer_selection(struct selection *selection)
{
    struct api_call *call = selection->call;
    char value[API_QUERY_SIZE], job[INSTANCE_ID_SIZE] = "";
    bool wants_body = api_argument(call, "return", value) != NULL;
    if (selection->accepted == 0 && selection->count > 0 && !wants_body) {
        api_fault(call, refusal_status(&selection->refusal), "refused", "%s",
                  selection->refusal.message);
        return;
    }
    if (!submit(selection, job))
        return;
    if (wants_body)
        write_resubmitted(selection, job);
    else
        api_answer_nothing(call, 202);
}

static void resubmit_many(struct api_call *call)
{
    struct selection selection = {.ids = NULL};
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(call->body, "ids");
    if (check_version(call) && selection_init(&selection, call) &&
        (cJSON_IsArray(ids) ? selection_act(&selection, ids, may_resubmit)
                            : add_matching(&selection)))
        answer_selection(&selection);
    free(selection.ids);
}

static void resubmit_one(struct api_call *call)
{
    struct selection selection;
    struct error err = {0};
    struct monitoring_instance instance;
    if (!monitoring_find(call, call->arguments[0], &instance) || !check_version(call) ||
        !selection_init(&selection, call))
        return;
    bool ok = may_resubmit(call, instance.id, &err);
    if (ok)
        selection_add(&selection, instance.id, ok, &err);
    if (ok)
        answer_selection(&selection);
    else
        api_fault(call, 412, error_kind_name(err.kind), "%s", err.message);
    free(selection.ids);
}

#define REFUSED_RESULT                                                                             \
    {404, "no instance has that id", NULL, NULL},                                                  \
        {412, "it did not fail, is discarded or done already, is being resubmitted, was "          \
              "resubmitted ten times, or the version that it was of is not active", NULL, NULL}
#define BUSY_RESULT {429, "16 recovery jobs wait already; see Retry-After", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "POST", .path = "/monitoring/errors/{id}/resubmit", .id = "resubmitError",
     .role = API_CHANGE,
     .about = "Does a failed instance again, as a new one, in the background, by the version of the "
              "flow that it was of: an acknowledgement with its stored message, a transfer with the "
              "files that are not yet across.",
     .query = return_query, .query_count = API_COUNT(return_query), .body = &one_schema,
     .body_may_lack = true,
     .results = {{200, "accepted; with the query argument return", &resubmitted_schema, NULL},
                 {202, "accepted", NULL, NULL}, REFUSED_RESULT, BUSY_RESULT},
     .run = resubmit_one},
    {.method = "POST", .path = "/monitoring/errors/resubmit", .id = "resubmitErrors",
     .role = API_CHANGE,
     .about = "Does many failed instances again, one after the other, in the background: those that "
              "are named, or at most 1000 that match.",
     .query = return_query, .query_count = API_COUNT(return_query), .body = &many_schema,
     .results = {{200, "what was accepted; with the query argument return", &resubmitted_schema, NULL},
                 {202, "some or all were accepted, or nothing matched", NULL, NULL},
                 {404, "none of them is known, or the flow is not", NULL, NULL},
                 {412, "none of them may be resubmitted", NULL, NULL}, BUSY_RESULT},
     .run = resubmit_many},
};

const struct api_area api_resubmissions = {"Resubmissions", "Failed instances done again.",
                                           operations, API_COUNT(operations)};
