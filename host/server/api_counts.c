/* SPDX-License-Identifier: MIT */
/* Monitoring: executions counted by flow and in all, and the audit trail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/api_monitoring.h"

#define GROUPS_MAX 1024 /* flows and versions that ran in one time window */

/* ---- by flow ---------------------------------------------------------------------------------------- */

static const struct api_field counts_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: timewindow or startdate and enddate, code, version"},
};

#define COUNT_FIELDS                                                                               \
    {.name = "noOfMsgsReceived", .kind = API_NUMBER, .about = "executions in all"},                \
        {.name = "noOfMsgsProcessed", .kind = API_NUMBER, .about = "that are over"},               \
        {.name = "noOfSuccess", .kind = API_NUMBER, .about = "that completed"},                    \
        {.name = "noOfErrors", .kind = API_NUMBER, .about = "that failed"},                        \
        {.name = "noOfAborted", .kind = API_NUMBER, .about = "that were aborted"},                 \
        {.name = "noOfInProgress", .kind = API_NUMBER, .about = "that go on"},                     \
        {.name = "successRate", .kind = API_NUMBER,                                                \
         .about = "whole percent of those that are over; 100 if none is"}

static const struct api_field flow_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "CODE|VERSION"},
    {.name = "code", .kind = API_TEXT, .about = "identifier"},
    {.name = "version", .kind = API_TEXT, .about = "version"},
    {.name = "name", .kind = API_TEXT, .may_lack = true, .about = "display name"},
    COUNT_FIELDS,
    {.name = "lastCreationDate", .kind = API_TIME, .may_lack = true,
     .about = "start of the newest execution"},
};
static const struct api_schema flow_schema =
    API_SCHEMA("IntegrationCounts", "Executions of one version of a flow.", flow_fields);
static const struct api_field page_fields[] = {API_PAGE_FIELDS(flow_schema)};
static const struct api_schema page_schema =
    API_SCHEMA("IntegrationsCounts", "A page of counts: all flows, also those that did not run.",
               page_fields);
static const struct api_field summary_fields[] = {COUNT_FIELDS};
static const struct api_schema summary_schema =
    API_SCHEMA("MessagesSummary", "Executions of all flows.", summary_fields);

struct group {
    char code[MANIFEST_NAME_SIZE_MAX + 1], version[64], name[128];
    int64_t total, completed, failed, aborted, in_progress, newest_ms;
};

struct groups {
    struct group *list;
    size_t count;
};

static void add_group(struct groups *groups, const char *code, const char *version, const char *name)
{
    struct group *group = &groups->list[groups->count++];
    snprintf(group->code, sizeof group->code, "%s", code);
    snprintf(group->version, sizeof group->version, "%s", version ? version : "");
    snprintf(group->name, sizeof group->name, "%s", name ? name : "");
}

static bool take_group(void *context, const struct group_row *row)
{
    struct groups *groups = context;
    add_group(groups, row->key, row->version, row->name);
    struct group *group = &groups->list[groups->count - 1];
    group->total = row->total;
    group->completed = row->completed;
    group->failed = row->failed;
    group->aborted = row->aborted;
    group->in_progress = row->in_progress;
    group->newest_ms = row->newest_ms;
    return groups->count < GROUPS_MAX;
}

static bool has_group(const struct groups *groups, const char *code, const char *version)
{
    for (size_t i = 0; i < groups->count; i++)
        if (strcmp(groups->list[i].code, code) == 0 && strcmp(groups->list[i].version, version) == 0)
            return true;
    return false;
}

static void add_idle(struct api_call *call, const struct store_filter *filter, struct groups *groups)
{
    for (size_t i = 0; i < service_flow_count(call->service); i++) {
        const struct manifest *manifest = service_manifest(call->service, i);
        bool is_asked = (!filter->flow || strcmp(filter->flow, manifest->identifier) == 0) &&
                        (!filter->version || strcmp(filter->version, manifest->version) == 0);
        if (is_asked && groups->count < GROUPS_MAX &&
            !has_group(groups, manifest->identifier, manifest->version))
            add_group(groups, manifest->identifier, manifest->version, manifest->name);
    }
}

static int by_code(const void *a, const void *b)
{
    const struct group *left = a, *right = b;
    int order = strcmp(left->code, right->code);
    return order ? order : strcmp(left->version, right->version);
}

static void write_counts(struct document *document, const struct group *group)
{
    int64_t over = group->completed + group->failed + group->aborted;
    document_number(document, "noOfMsgsReceived", group->total);
    document_number(document, "noOfMsgsProcessed", over);
    document_number(document, "noOfSuccess", group->completed);
    document_number(document, "noOfErrors", group->failed);
    document_number(document, "noOfAborted", group->aborted);
    document_number(document, "noOfInProgress", group->in_progress);
    document_number(document, "successRate", over ? group->completed * 100 / over : 100);
}

static void write_group(struct document *document, const struct group *group)
{
    char id[API_FLOW_ID_SIZE];
    document_open(document, NULL, '{');
    document_text(document, "id", api_flow_id(group->code, group->version, id));
    document_text(document, "code", group->code);
    document_text(document, "version", group->version);
    if (group->name[0])
        document_text(document, "name", group->name);
    write_counts(document, group);
    api_time(document, "lastCreationDate", group->newest_ms);
    document_close(document, '}');
}

/* All groups that the call asks for; the caller frees the list. False: refused. */
static bool read_groups(struct api_call *call, struct groups *groups)
{
    struct api_filter parsed;
    struct store_filter filter = {.limit = 0};
    struct error err = {0};
    if (!monitoring_filter(call, FILTER_TIMES | FILTER_FLOW, &parsed, &filter))
        return false;
    groups->list = calloc(GROUPS_MAX, sizeof *groups->list);
    if (!groups->list)
        return api_fault(call, 503, "limit", "out of memory");
    if (!store_groups(call->store, &filter, STORE_GROUP_FLOW, take_group, groups, &err))
        return api_fail(call, &err);
    add_idle(call, &filter, groups);
    qsort(groups->list, groups->count, sizeof *groups->list, by_code);
    return true;
}

static void list_counts(struct api_call *call)
{
    struct groups groups = {.list = NULL};
    struct document *document = &call->document;
    if (read_groups(call, &groups)) {
        document_open(document, NULL, '{');
        document_open(document, "items", '[');
        for (size_t i = 0; i < groups.count; i++)
            if (api_on_page(call, (int64_t)i))
                write_group(document, &groups.list[i]);
        document_close(document, ']');
        api_page(call, (int64_t)groups.count);
        document_close(document, '}');
        api_answer_document(call, 200);
    }
    free(groups.list);
}

static void get_summary(struct api_call *call)
{
    struct groups groups = {.list = NULL};
    struct group sum = {.total = 0};
    if (read_groups(call, &groups)) {
        for (size_t i = 0; i < groups.count; i++) {
            sum.total += groups.list[i].total;
            sum.completed += groups.list[i].completed;
            sum.failed += groups.list[i].failed;
            sum.aborted += groups.list[i].aborted;
            sum.in_progress += groups.list[i].in_progress;
        }
        document_open(&call->document, NULL, '{');
        write_counts(&call->document, &sum);
        document_close(&call->document, '}');
        api_answer_document(call, 200);
    }
    free(groups.list);
}

/* ---- the audit trail -------------------------------------------------------------------------------- */

static const struct api_field audit_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: timewindow or startdate and enddate, actor, action"},
};
static const struct api_field audit_fields[] = {
    {.name = "time", .kind = API_TIME, .about = "when"},
    {.name = "actor", .kind = API_TEXT, .about = "user or client"},
    {.name = "address", .kind = API_TEXT, .about = "of the peer; empty for this machine"},
    {.name = "actionType", .kind = API_TEXT, .about = "what: for the API the operation's name"},
    {.name = "itemName", .kind = API_TEXT, .about = "what it was about"},
    {.name = "outcome", .kind = API_TEXT, .about = "done, refused or failed"},
    {.name = "detail", .kind = API_TEXT, .may_lack = true, .about = "why, or what was done"},
};
static const struct api_schema audit_schema =
    API_SCHEMA("AuditRecord", "Who changed what, or was refused.", audit_fields);
static const struct api_field audits_fields[] = {API_PAGE_FIELDS(audit_schema)};
static const struct api_schema audits_schema =
    API_SCHEMA("AuditRecords", "A page of the audit trail, newest first.", audits_fields);

static bool write_audit(void *context, const struct audit_record *row)
{
    struct document *document = context;
    document_open(document, NULL, '{');
    api_time(document, "time", row->at_ms);
    document_text(document, "actor", row->actor);
    document_text(document, "address", row->address);
    document_text(document, "actionType", row->action);
    document_text(document, "itemName", row->subject);
    document_text(document, "outcome", row->outcome);
    api_text(document, "detail", row->detail);
    document_close(document, '}');
    return true;
}

static void list_audits(struct api_call *call)
{
    struct api_filter parsed;
    struct store_filter times = {.limit = 0};
    struct error err = {0};
    int64_t total = 0;
    if (!monitoring_filter(call, FILTER_TIMES | FILTER(ACTOR) | FILTER(ACTION), &parsed, &times))
        return;
    const struct audit_filter filter = {
        .actor = api_filter_value(&parsed, FILTER_ACTOR),
        .action = api_filter_value(&parsed, FILTER_ACTION),
        .from_ms = parsed.from_ms, .to_ms = parsed.to_ms,
        .limit = call->limit, .offset = call->offset,
    };
    document_open(&call->document, NULL, '{');
    document_open(&call->document, "items", '[');
    bool ok = store_count_audits(call->store, &filter, API_TOTAL_MAX, &total, &err) &&
              store_audits(call->store, &filter, write_audit, &call->document, &err);
    document_close(&call->document, ']');
    api_page(call, total);
    document_close(&call->document, '}');
    if (ok)
        api_answer_document(call, 200);
    else
        api_fail(call, &err);
}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/monitoring/integrations", .id = "countIntegrations",
     .role = API_READ, .about = "Executions counted by flow, failed and completed.",
     .query = counts_query, .query_count = API_COUNT(counts_query), .is_paged = true,
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_counts},
    {.method = "GET", .path = "/monitoring/integrations/messages/summary", .id = "countMessages",
     .role = API_READ, .about = "Executions of all flows counted.",
     .query = counts_query, .query_count = API_COUNT(counts_query),
     .results = {{200, "the counts", &summary_schema, NULL}}, .run = get_summary},
    {.method = "GET", .path = "/monitoring/auditRecords", .id = "listAuditRecords",
     .role = API_READ, .about = "Who changed what, and who was refused; newest first.",
     .query = audit_query, .query_count = API_COUNT(audit_query), .is_paged = true,
     .results = {{200, "a page", &audits_schema, NULL}}, .run = list_audits},
};

const struct api_area api_counts = {"Counts", "Executions counted, and the audit trail.", operations,
                                    API_COUNT(operations)};
