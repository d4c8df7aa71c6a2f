/* SPDX-License-Identifier: MIT */
/* Monitoring: failed instances resubmitted or discarded, one or many, and the jobs that do it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/activation.h"
#include "server/api_monitoring.h"
#include "server/api_recovery.h"

/* ---- schemas ---------------------------------------------------------------------------------------- */

static const char *const sync_words[] = {"sync", "minimal", "summary", NULL};
static const struct api_field return_query[] = {
    {.name = "return", .kind = API_TEXT, .may_lack = true, .words = sync_words,
     .about = "with it the answer is 200 and tells which were accepted; without it 202 and empty"},
};
static const struct api_field one_fields[] = {
    {.name = "recoveryTraceLevel", .kind = API_TEXT, .may_lack = true, .words = monitoring_levels,
     .about = "how much is recorded of it; else as is set for the flow"},
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
};
static const struct api_schema many_schema =
    API_SCHEMA("ResubmitMany", "Ids, or what the errors have in common.", many_fields);
static const struct api_field discard_fields[] = {
    {.name = "ids", .kind = API_TEXTS, .about = "these instances; at most 1000"},
};
static const struct api_schema discard_many_schema =
    API_SCHEMA("DiscardMany", "Instances to discard.", discard_fields);

#define VERDICT_FIELDS                                                                             \
    {.name = "acceptedIds", .kind = API_TEXTS, .about = "what is done"},                           \
        {.name = "invalidIds", .kind = API_TEXTS, .about = "no instance has that id"},             \
        {.name = "nonRecoverableIds", .kind = API_TEXTS,                                           \
         .about = "did not fail, is discarded or done already, is being resubmitted, or was "      \
                  "resubmitted ten times"},                                                        \
        {.name = "message", .kind = API_TEXT, .may_lack = true, .about = "why the first was refused"}

static const struct api_field resubmitted_fields[] = {
    VERDICT_FIELDS,
    {.name = "resubmitRequested", .kind = API_FLAG, .about = "whether any was accepted"},
    {.name = "resubmittedInstancesCount", .kind = API_NUMBER, .about = "how many were accepted"},
    {.name = "resubmittedFailedInstances", .kind = API_TEXTS,
     .about = "always empty: see the recovery job"},
    {.name = "recoveryJobId", .kind = API_TEXT, .may_lack = true, .about = "the job that does it"},
    {.name = "links", .kind = API_LIST, .may_lack = true, .of = &api_link_schema, .about = "the job"},
};
static const struct api_schema resubmitted_schema =
    API_SCHEMA("Resubmitted", "What becomes of a resubmission.", resubmitted_fields);
static const struct api_field discarded_fields[] = {VERDICT_FIELDS};
static const struct api_schema discarded_schema =
    API_SCHEMA("Discarded", "What was discarded.", discarded_fields);

static const char *const job_states[] = {"WAITING", "IN_PROGRESS", "COMPLETED", "ABORTED", NULL};
static const struct api_field job_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "of the job"},
    {.name = "recoveryJobId", .kind = API_TEXT, .about = "the same"},
    {.name = "status", .kind = API_TEXT, .words = job_states,
     .about = "ABORTED: the server was stopped; what had not begun is an error still"},
    {.name = "requestedBy", .kind = API_TEXT, .about = "user or client"},
    {.name = "creationDate", .kind = API_TIME, .about = "when it was asked for"},
    {.name = "lastUpdatedDate", .kind = API_TIME, .may_lack = true, .about = "when it was over"},
    {.name = "totalInstances", .kind = API_NUMBER, .about = "instances to do again"},
    {.name = "completedInstances", .kind = API_NUMBER, .about = "whose resubmission completed"},
    {.name = "failedInstances", .kind = API_NUMBER, .about = "whose resubmission failed"},
    {.name = "refusedInstances", .kind = API_NUMBER,
     .about = "that could not begin, as when another run of the flow went on"},
};
static const struct api_schema job_schema =
    API_SCHEMA("RecoveryJob", "Resubmissions that were asked for together.", job_fields);
static const struct api_field jobs_fields[] = {API_PAGE_FIELDS(job_schema)};
static const struct api_schema jobs_schema = API_SCHEMA(
    "RecoveryJobs", "The newest 100 jobs since the server was started, newest first.", jobs_fields);

/* ---- which instances --------------------------------------------------------------------------------- */

enum verdict { ACCEPTED, UNKNOWN, REFUSED, VERDICT_COUNT };

struct selection {
    struct api_call *call;
    char (*ids)[INSTANCE_ID_SIZE]; /* of all verdicts, as they came */
    enum verdict verdicts[RECOVERY_IDS_MAX];
    size_t count, accepted;
    bool is_newest_first;   /* as lists come; else as the caller named them */
    const char *connection; /* only errors of it; NULL: any */
    struct error refusal;   /* of the first that was refused */
};

static bool selection_init(struct selection *selection, struct api_call *call)
{
    *selection = (struct selection){.call = call};
    selection->ids = calloc(RECOVERY_IDS_MAX, sizeof *selection->ids);
    return selection->ids || api_fault(call, 503, "limit", "out of memory");
}

static void add(struct selection *selection, const char *id, bool ok, const struct error *err)
{
    size_t index = selection->count++;
    snprintf(selection->ids[index], INSTANCE_ID_SIZE, "%s", id);
    selection->verdicts[index] = ok ? ACCEPTED : err->kind == ERROR_NOT_FOUND ? UNKNOWN : REFUSED;
    selection->accepted += ok;
    if (!ok && selection->refusal.kind == ERROR_NONE)
        selection->refusal = *err;
}

/* What is done with each id that a body names. */
typedef bool act_fn(struct store *store, const char *id, struct error *err);

/* All of the list is looked at before anything is done. */
static bool check_ids(struct api_call *call, const cJSON *ids)
{
    if (cJSON_GetArraySize(ids) > RECOVERY_IDS_MAX)
        return api_fault(call, 400, "limit", "ids: at most %d at once", RECOVERY_IDS_MAX);
    for (const cJSON *one = ids->child; one; one = one->next)
        if (strlen(one->valuestring) >= INSTANCE_ID_SIZE)
            return api_fault(call, 400, "invalid", "ids: '%.64s' is not an instance id",
                             one->valuestring);
    return true;
}

static bool add_ids(struct selection *selection, const cJSON *ids, act_fn *act)
{
    if (!check_ids(selection->call, ids))
        return false;
    for (const cJSON *one = ids->child; one; one = one->next) {
        struct error err = {0};
        bool ok = act(selection->call->store, one->valuestring, &err);
        add(selection, one->valuestring, ok, &err);
    }
    return true;
}

/* Whether the newest failed call of the instance was on the connection that is asked for. */
static bool failed_there(const struct selection *selection, const char *instance)
{
    char name[256], id[API_ARGUMENT_SIZE];
    struct error ignored;
    return store_failed_connection(selection->call->store, instance, name, sizeof name, &ignored) &&
           (strcmp(name, selection->connection) == 0 ||
            strcmp(api_connection_id(name, id), selection->connection) == 0);
}

static bool add_row(void *context, const struct instance_row *row)
{
    struct selection *selection = context;
    struct error err = {0};
    if (selection->connection && !failed_there(selection, row->id))
        return true;
    bool ok = store_check_resubmission(selection->call->store, row->id, &err);
    add(selection, row->id, ok, &err);
    return selection->count < RECOVERY_IDS_MAX;
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
    struct store_filter filter = {.open_errors = true, .version = api_body_text(call, "flowVersion")};
    struct error err = {0};
    size_t flow;
    selection->connection = api_body_text(call, "connectionCode");
    selection->is_newest_first = true;
    if (!code && !selection->connection)
        return api_fault(call, 400, "invalid", "give ids, flowCode or connectionCode");
    if (code && !service_find(call->service, code, &flow, &err))
        return api_fail(call, &err);
    if (code)
        filter.flow = service_manifest(call->service, flow)->identifier;
    return read_times(call, &filter) &&
           (store_instances(call->store, &filter, add_row, selection, &err) || api_fail(call, &err));
}

/* ---- the answer -------------------------------------------------------------------------------------- */

static void write_ids(const struct selection *selection, const char *key, enum verdict verdict)
{
    struct document *document = &selection->call->document;
    document_open(document, key, '[');
    for (size_t i = 0; i < selection->count; i++)
        if (selection->verdicts[i] == verdict)
            document_text(document, NULL, selection->ids[i]);
    document_close(document, ']');
}

static void write_verdicts(const struct selection *selection)
{
    write_ids(selection, "acceptedIds", ACCEPTED);
    write_ids(selection, "invalidIds", UNKNOWN);
    write_ids(selection, "nonRecoverableIds", REFUSED);
    if (selection->refusal.kind != ERROR_NONE)
        document_text(&selection->call->document, "message", selection->refusal.message);
}

static void write_resubmitted(const struct selection *selection, const char *job)
{
    struct api_call *call = selection->call;
    struct document *document = &call->document;
    document_open(document, NULL, '{');
    write_verdicts(selection);
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
    const char *level = call->body ? api_body_text(call, "recoveryTraceLevel") : NULL;
    return level && tracing_parse(level, tracing, &err);
}

static bool submit(struct selection *selection, char job[static INSTANCE_ID_SIZE])
{
    struct api_call *call = selection->call;
    struct error err = {0};
    size_t count = 0;
    enum tracing tracing;
    char (*ids)[INSTANCE_ID_SIZE] = calloc(selection->accepted + 1, sizeof *ids);
    if (!ids)
        return api_fault(call, 503, "limit", "out of memory");
    for (size_t i = 0; i < selection->count; i++) { /* what failed first is done again first */
        size_t index = selection->is_newest_first ? selection->count - 1 - i : i;
        if (selection->verdicts[index] == ACCEPTED)
            memcpy(ids[count++], selection->ids[index], sizeof *ids);
    }
    const struct recovery_request request = {
        ids, count, call->user, level_of(call, &tracing) ? &tracing : NULL};
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
    struct selection selection;
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(call->body, "ids");
    if (selection_init(&selection, call) &&
        (cJSON_IsArray(ids) ? add_ids(&selection, ids, store_check_resubmission)
                            : add_matching(&selection)))
        answer_selection(&selection);
    free(selection.ids);
}

static void resubmit_one(struct api_call *call)
{
    struct selection selection;
    struct error err = {0};
    struct monitoring_instance instance;
    if (!monitoring_find(call, call->arguments[0], &instance) || !selection_init(&selection, call))
        return;
    bool ok = store_check_resubmission(call->store, instance.id, &err);
    if (ok)
        add(&selection, instance.id, ok, &err);
    if (ok)
        answer_selection(&selection);
    else
        api_fault(call, 412, error_kind_name(err.kind), "%s", err.message);
    free(selection.ids);
}

/* ---- discarding --------------------------------------------------------------------------------------- */

static bool discard(struct store *store, const char *id, struct error *err)
{
    return store_discard(store, id, clock_wall_ms(), err);
}

static void discard_many(struct api_call *call)
{
    struct selection selection;
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(call->body, "ids");
    if (selection_init(&selection, call) && add_ids(&selection, ids, discard)) {
        document_open(&call->document, NULL, '{');
        write_verdicts(&selection);
        document_close(&call->document, '}');
        snprintf(call->note, sizeof call->note, "%zu of %zu discarded", selection.accepted,
                 selection.count);
        api_answer_document(call, 200);
    }
    free(selection.ids);
}

static void discard_one(struct api_call *call)
{
    struct error err = {0};
    struct monitoring_instance instance;
    if (!monitoring_find(call, call->arguments[0], &instance))
        return;
    if (discard(call->store, instance.id, &err))
        api_answer_nothing(call, 200);
    else if (err.kind == ERROR_EXISTS || err.kind == ERROR_REFUSED)
        api_fault(call, 412, error_kind_name(err.kind), "%s", err.message);
    else
        api_fail(call, &err);
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

struct jobs {
    struct api_call *call;
    const char *only; /* NULL: all */
    int64_t count;
    bool is_found;
};

static void write_job(struct document *document, const struct recovery_row *row)
{
    document_open(document, NULL, '{');
    document_text(document, "id", row->id);
    document_text(document, "recoveryJobId", row->id);
    document_text(document, "status", row->state);
    document_text(document, "requestedBy", row->user);
    api_time(document, "creationDate", row->created_ms);
    api_time(document, "lastUpdatedDate", row->finished_ms);
    document_number(document, "totalInstances", (int64_t)row->total);
    document_number(document, "completedInstances", (int64_t)row->completed);
    document_number(document, "failedInstances", (int64_t)row->failed);
    document_number(document, "refusedInstances", (int64_t)row->refused);
    document_close(document, '}');
}

static bool take_job(void *context, const struct recovery_row *row)
{
    struct jobs *jobs = context;
    bool is_wanted = jobs->only ? strcmp(jobs->only, row->id) == 0
                                : api_on_page(jobs->call, jobs->count);
    jobs->count++;
    if (is_wanted)
        write_job(&jobs->call->document, row);
    jobs->is_found |= is_wanted;
    return !(jobs->only && is_wanted);
}

static void list_jobs(struct api_call *call)
{
    struct jobs jobs = {.call = call};
    document_open(&call->document, NULL, '{');
    document_open(&call->document, "items", '[');
    recovery_jobs_list(api_recovery(call->api), take_job, &jobs);
    document_close(&call->document, ']');
    api_page(call, jobs.count);
    document_close(&call->document, '}');
    api_answer_document(call, 200);
}

static void get_job(struct api_call *call)
{
    struct jobs jobs = {.call = call, .only = call->arguments[0]};
    recovery_jobs_list(api_recovery(call->api), take_job, &jobs);
    if (jobs.is_found)
        api_answer_document(call, 200);
    else
        api_fault(call, 404, "not_found", "no recovery job has the id '%.64s'; the newest 100 since the "
                  "start of the server are kept", call->arguments[0]);
}

#define REFUSED_RESULT                                                                             \
    {404, "no instance has that id", NULL, NULL},                                                  \
        {412, "it did not fail, is discarded or done already, is being resubmitted, or was "       \
              "resubmitted ten times", NULL, NULL}
#define BUSY_RESULT {429, "16 recovery jobs wait already; see Retry-After", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "POST", .path = "/monitoring/errors/{id}/resubmit", .id = "resubmitError",
     .role = API_CHANGE,
     .about = "Does a failed instance again, as a new one, in the background: an acknowledgement with "
              "its stored message, a transfer with the files that are not yet across.",
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
    {.method = "POST", .path = "/monitoring/errors/{id}/discard", .id = "discardError",
     .role = API_CHANGE, .about = "Takes an error off the list for good: it cannot be resubmitted.",
     .results = {{200, "discarded", NULL, NULL}, REFUSED_RESULT}, .run = discard_one},
    {.method = "POST", .path = "/monitoring/errors/discard", .id = "discardErrors",
     .role = API_CHANGE, .about = "Takes many errors off the list for good.",
     .body = &discard_many_schema,
     .results = {{200, "what was discarded", &discarded_schema, NULL}}, .run = discard_many},
    {.method = "GET", .path = "/monitoring/errors/recoveryJobs", .id = "listRecoveryJobs",
     .role = API_READ, .about = "Lists resubmissions that were asked for, newest first.",
     .is_paged = true, .results = {{200, "a page", &jobs_schema, NULL}}, .run = list_jobs},
    {.method = "GET", .path = "/monitoring/errors/recoveryJobs/{id}", .id = "getRecoveryJob",
     .role = API_READ, .about = "One of them, and how far it is.",
     .results = {{200, "the job", &job_schema, NULL}, {404, "no job has that id", NULL, NULL}},
     .run = get_job},
};

const struct api_area api_resubmissions = {"Resubmissions", "Failed instances done again.",
                                           operations, API_COUNT(operations)};
