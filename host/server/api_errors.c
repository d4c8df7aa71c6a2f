/* SPDX-License-Identifier: MIT */
/* Monitoring: what failed and waits for somebody; the lists of it, and one of it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "server/api_monitoring.h"

#define CONNECTION_SIZE 256

/* ---- schemas ---------------------------------------------------------------------------------------- */

static const char *const grouping_words[] = {"messages", "integration", "connection", NULL};
static const char *const return_words[] = {"integration", "connection", NULL};
static const struct api_field list_query[] = {
    MONITORING_Q,
    {.name = "groupBy", .kind = API_TEXT, .may_lack = true, .words = grouping_words,
     .about = "counts instead of errors: by what went wrong, by flow, by connection"},
    {.name = "return", .kind = API_TEXT, .may_lack = true, .words = return_words,
     .about = "both give the flow and the connection"},
};

static const struct api_field error_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "of the instance: what resubmit and discard take"},
    {.name = "instanceId", .kind = API_TEXT, .about = "the same"},
    {.name = "integration", .kind = API_TEXT, .about = "CODE|VERSION"},
    {.name = "integrationId", .kind = API_TEXT, .about = "identifier"},
    {.name = "integrationName", .kind = API_TEXT, .may_lack = true, .about = "display name"},
    {.name = "integrationVersion", .kind = API_TEXT, .about = "version"},
    {.name = "status", .kind = API_TEXT, .words = monitoring_states,
     .about = "FAILED or ABORTED, or RECOVERING where it cannot go on now"},
    {.name = "creationDate", .kind = API_TIME, .about = "start"},
    {.name = "lastUpdatedDate", .kind = API_TIME, .may_lack = true, .about = "end"},
    {.name = "errorCode", .kind = API_TEXT, .about = "code of the fault"},
    {.name = "errorMessage", .kind = API_TEXT, .about = "what went wrong"},
    {.name = "errorDetails", .kind = API_TEXT, .may_lack = true, .about = "what exactly; cut in lists"},
    {.name = "connectionName", .kind = API_TEXT, .may_lack = true,
     .about = "of the newest call that failed"},
    {.name = "currentTraceLevel", .kind = API_TEXT, .may_lack = true, .words = monitoring_levels,
     .about = "tracing level that it began with"},
    {.name = "recoverable", .kind = API_FLAG, .about = "whether it may be resubmitted"},
    {.name = "retryCount", .kind = API_NUMBER, .about = "how often it was resubmitted, at most 10"},
    {.name = "resubmittedAs", .kind = API_TEXT, .may_lack = true,
     .about = "the newest instance that does it again"},
    {.name = "primaryTrackingName", .kind = API_TEXT, .may_lack = true, .about = "first variable"},
    {.name = "primaryTrackingValue", .kind = API_TEXT, .may_lack = true, .about = "its value"},
    {.name = "links", .kind = API_LIST, .of = &api_link_schema, .about = "the instance"},
};
static const struct api_schema error_schema =
    API_SCHEMA("Error", "A failed or aborted instance that waits for somebody.", error_fields);

static const struct api_field group_fields[] = {
    {.name = "errorCode", .kind = API_TEXT, .may_lack = true, .about = "groupBy=messages"},
    {.name = "errorMessage", .kind = API_TEXT, .may_lack = true, .about = "groupBy=messages"},
    {.name = "integrationId", .kind = API_TEXT, .may_lack = true, .about = "groupBy=integration"},
    {.name = "integrationName", .kind = API_TEXT, .may_lack = true, .about = "groupBy=integration"},
    {.name = "integrationVersion", .kind = API_TEXT, .may_lack = true,
     .about = "groupBy=integration"},
    {.name = "connectionName", .kind = API_TEXT, .may_lack = true,
     .about = "groupBy=connection; missing where no call of a connection failed"},
    {.name = "errorCount", .kind = API_NUMBER, .about = "how many"},
    {.name = "lastCreationDate", .kind = API_TIME, .may_lack = true, .about = "start of the newest"},
};
static const struct api_schema group_schema =
    API_SCHEMA("ErrorGroup", "Errors that have something in common.", group_fields);

static const struct api_field page_fields[] = {
    {.name = "dataFetchTime", .kind = API_TIME, .about = "when this was read"},
    {.name = "items", .kind = API_LIST, .may_lack = true, .of = &error_schema, .about = "the page"},
    {.name = "groups", .kind = API_LIST, .may_lack = true, .of = &group_schema,
     .about = "with groupBy, instead of items"},
    {.name = "totalResults", .kind = API_NUMBER, .about = "how many in all; counted up to 10000"},
    {.name = "hasMore", .kind = API_FLAG, .about = "whether there are more behind this page"},
    {.name = "limit", .kind = API_NUMBER, .about = "as asked for"},
    {.name = "offset", .kind = API_NUMBER, .about = "as asked for"},
};
static const struct api_schema page_schema =
    API_SCHEMA("Errors", "A page of errors, newest first.", page_fields);

/* ---- one error --------------------------------------------------------------------------------------- */

static bool write_primary(void *context, const char *name, const char *value)
{
    struct document *document = context;
    document_text(document, "primaryTrackingName", name);
    document_text(document, "primaryTrackingValue", value);
    return false;
}

static void write_cause(struct api_call *call, const struct instance_row *row, bool is_whole)
{
    struct document *document = &call->document;
    char connection[CONNECTION_SIZE];
    struct error ignored;
    document_text(document, "errorCode", row->fault_code ? row->fault_code : "");
    document_text(document, "errorMessage", row->fault_title ? row->fault_title : "");
    if (row->fault_detail)
        monitoring_write_cut(document, "errorDetails", row->fault_detail,
                             is_whole ? SIZE_MAX : MONITORING_TEXT_MAX);
    if (store_failed_connection(call->store, row->id, connection, sizeof connection, &ignored) &&
        connection[0])
        document_text(document, "connectionName", connection);
    (void)!store_tracks(call->store, row->id, write_primary, document, &ignored);
}

static void write_error(struct api_call *call, const struct instance_row *row, bool is_whole)
{
    struct document *document = &call->document;
    char flow[API_FLOW_ID_SIZE];
    const char *version = row->version ? row->version : "";
    document_open(document, NULL, '{');
    document_text(document, "id", row->id);
    document_text(document, "instanceId", row->id);
    document_text(document, "integration", api_flow_id(row->flow, version, flow));
    document_text(document, "integrationId", row->flow);
    api_text(document, "integrationName", row->flow_name);
    document_text(document, "integrationVersion", version);
    document_text(document, "status", row->state);
    api_time(document, "creationDate", row->started_ms);
    api_time(document, "lastUpdatedDate", row->finished_ms);
    write_cause(call, row, is_whole);
    api_text(document, "currentTraceLevel", monitoring_level(row));
    document_flag(document, "recoverable", row->resubmissions < STORE_RESUBMISSIONS_MAX);
    document_number(document, "retryCount", row->resubmissions);
    api_text(document, "resubmittedAs", row->resubmitted_as);
    api_links(call, "instance", "/monitoring/instances/", row->id);
    document_close(document, '}');
}

static bool write_item(void *context, const struct instance_row *row)
{
    write_error(context, row, false);
    return true;
}

static bool write_whole(void *context, const struct instance_row *row)
{
    write_error(context, row, true);
    return true;
}

/* ---- lists ------------------------------------------------------------------------------------------- */

static bool filter_errors(struct api_call *call, struct api_filter *parsed,
                          struct store_filter *filter)
{
    *filter = (struct store_filter){.open_errors = true, .order = STORE_BY_UPDATE};
    if (!monitoring_filter(call, MONITORING_KEYS | FILTER(STATUS) | FILTER(RECOVERABLE), parsed,
                           filter))
        return false;
    const char *recoverable = api_filter_value(parsed, FILTER_RECOVERABLE);
    filter->recoverable_only = recoverable && strcasecmp(recoverable, "true") == 0;
    filter->used_up_only = recoverable && !filter->recoverable_only;
    return true;
}

struct grouped {
    struct api_call *call;
    enum store_grouping by;
    int64_t count;
};

static bool write_group(void *context, const struct group_row *row)
{
    static const struct {
        const char *key, *name, *version;
    } members[] = {
        [STORE_GROUP_FLOW] = {"integrationId", "integrationName", "integrationVersion"},
        [STORE_GROUP_FAULT] = {"errorCode", "errorMessage", NULL},
        [STORE_GROUP_CONNECTION] = {"connectionName", NULL, NULL},
    };
    struct grouped *grouped = context;
    struct document *document = &grouped->call->document;
    if (!api_on_page(grouped->call, grouped->count++))
        return true;
    document_open(document, NULL, '{');
    api_text(document, members[grouped->by].key, row->key);
    if (members[grouped->by].name)
        api_text(document, members[grouped->by].name, row->name);
    if (members[grouped->by].version)
        api_text(document, members[grouped->by].version, row->version);
    document_number(document, "errorCount", row->total);
    api_time(document, "lastCreationDate", row->newest_ms);
    document_close(document, '}');
    return true;
}

static bool write_groups(struct api_call *call, const struct store_filter *filter, const char *by,
                         int64_t *total)
{
    struct error err = {0};
    struct grouped grouped = {call, STORE_GROUP_FLOW, 0};
    if (strcasecmp(by, "messages") == 0)
        grouped.by = STORE_GROUP_FAULT;
    if (strcasecmp(by, "connection") == 0)
        grouped.by = STORE_GROUP_CONNECTION;
    document_open(&call->document, "groups", '[');
    bool ok = store_groups(call->store, filter, grouped.by, write_group, &grouped, &err);
    document_close(&call->document, ']');
    *total = grouped.count;
    return ok || api_fail(call, &err);
}

static bool write_items(struct api_call *call, struct store_filter *filter, int64_t *total)
{
    struct error err = {0};
    filter->limit = call->limit;
    filter->offset = call->offset;
    if (!monitoring_count(call, filter, total))
        return false;
    document_open(&call->document, "items", '[');
    bool ok = store_instances(call->store, filter, write_item, call, &err);
    document_close(&call->document, ']');
    return ok || api_fail(call, &err);
}

static void list_errors(struct api_call *call)
{
    char value[API_QUERY_SIZE];
    struct api_filter parsed;
    struct store_filter filter;
    int64_t total = 0;
    const char *by = api_argument(call, "groupBy", value);
    if (!filter_errors(call, &parsed, &filter))
        return;
    document_open(&call->document, NULL, '{');
    api_time(&call->document, "dataFetchTime", clock_wall_ms());
    if (by ? !write_groups(call, &filter, by, &total) : !write_items(call, &filter, &total))
        return;
    api_page(call, total);
    document_close(&call->document, '}');
    api_answer_document(call, 200);
}

static void get_error(struct api_call *call)
{
    struct error err = {0};
    const struct store_filter filter = {.open_errors = true, .id = call->arguments[0], .limit = 1};
    if (!store_instances(call->store, &filter, write_whole, call, &err))
        api_fail(call, &err);
    else if (call->document.text.size == 0)
        api_fault(call, 404, "not_found", "no error has the id '%.64s': the instance did not fail, has "
                  "been done by a resubmission, was discarded, or is unknown", call->arguments[0]);
    else
        api_answer_document(call, 200);
}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/monitoring/errors", .id = "listErrors", .role = API_READ,
     .about = "Failed and aborted instances that wait for somebody: not those that a resubmission has "
              "done, that were discarded, or that a flow called. q also takes status and recoverable "
              "(true, false).",
     .query = list_query, .query_count = API_COUNT(list_query), .is_paged = true,
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_errors},
    {.method = "GET", .path = "/monitoring/errors/{id}", .id = "getError", .role = API_READ,
     .about = "One of them.",
     .results = {{200, "the error", &error_schema, NULL},
                 {404, "there is no such error", NULL, NULL}},
     .run = get_error},
};

const struct api_area api_errors = {"Errors", "What failed and waits for somebody.", operations,
                                    API_COUNT(operations)};
