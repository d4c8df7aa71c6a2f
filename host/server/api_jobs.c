/* SPDX-License-Identifier: MIT */
/* Monitoring: how far resubmissions in the background are. */
#include <string.h>

#include "server/api_call.h"
#include "server/api_recovery.h"

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

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/monitoring/errors/recoveryJobs", .id = "listRecoveryJobs",
     .role = API_READ, .about = "Lists resubmissions that were asked for, newest first.",
     .is_paged = true, .results = {{200, "a page", &jobs_schema, NULL}}, .run = list_jobs},
    {.method = "GET", .path = "/monitoring/errors/recoveryJobs/{id}", .id = "getRecoveryJob",
     .role = API_READ, .about = "One of them, and how far it is.",
     .results = {{200, "the job", &job_schema, NULL}, {404, "no job has that id", NULL, NULL}},
     .run = get_job},
};

const struct api_area api_jobs = {"RecoveryJobs", "Resubmissions in the background.", operations,
                                  API_COUNT(operations)};
