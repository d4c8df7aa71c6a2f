/* SPDX-License-Identifier: MIT */
/* Monitoring: instances, their activity streams, and stopping what runs. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "flow/recurrence.h"
#include "server/api_monitoring.h"

#define STREAM_LIMIT_DEFAULT 1000
#define STREAM_LIMIT_MAX 10000 /* activities of one answer */

/* ---- the list --------------------------------------------------------------------------------------- */

static const char *const orders[] = {"lastupdateddate", "creationdate", "executiontime", NULL};
static const char *const fields_words[] = {"all", "id", "runId", NULL};
static const char *const return_words[] = {"summary", "metadata", "metadataminimal", "minimal", NULL};

static const struct api_field list_query[] = {
    MONITORING_Q,
    {.name = "orderBy", .kind = API_TEXT, .may_lack = true, .words = orders,
     .about = "what runs and then what finished last (default), newest start, or longest duration"},
    {.name = "fields", .kind = API_TEXT, .may_lack = true, .words = fields_words,
     .about = "id and runId: the ids alone"},
    {.name = "return", .kind = API_TEXT, .may_lack = true, .words = return_words,
     .about = "minimal and metadataminimal: without tracking values"},
};
static const struct api_field page_fields[] = {API_PAGE_FIELDS(monitoring_item_schema)};
static const struct api_schema page_schema =
    API_SCHEMA("Instances", "A page of instances.", page_fields);

struct listing {
    struct api_call *call;
    enum monitoring_form form;
};

static bool write_item(void *context, const struct instance_row *row)
{
    struct listing *listing = context;
    document_open(&listing->call->document, NULL, '{');
    monitoring_write_instance(listing->call, row, listing->form);
    document_close(&listing->call->document, '}');
    return true;
}

static enum monitoring_form form_of(struct api_call *call)
{
    char value[API_QUERY_SIZE];
    const char *fields = api_argument(call, "fields", value);
    if (fields && strcasecmp(fields, "all") != 0)
        return MONITORING_ID;
    const char *what = api_argument(call, "return", value);
    return what && strcasestr(what, "minimal") ? MONITORING_BRIEF : MONITORING_ITEM;
}

static enum store_order order_of(struct api_call *call)
{
    char value[API_QUERY_SIZE];
    const char *order = api_argument(call, "orderBy", value);
    if (order && strcasecmp(order, "creationdate") == 0)
        return STORE_BY_START;
    return order && strcasecmp(order, "executiontime") == 0 ? STORE_BY_DURATION : STORE_BY_UPDATE;
}

static void list_instances(struct api_call *call)
{
    struct api_filter parsed;
    struct store_filter filter = {.limit = call->limit, .offset = call->offset,
                                  .order = order_of(call)};
    struct listing listing = {call, form_of(call)};
    struct error err = {0};
    int64_t total = 0;
    if (!monitoring_filter(call, MONITORING_KEYS | FILTER(STATUS), &parsed, &filter) ||
        !monitoring_count(call, &filter, &total))
        return;
    document_open(&call->document, NULL, '{');
    document_open(&call->document, "items", '[');
    bool ok = store_instances(call->store, &filter, write_item, &listing, &err);
    document_close(&call->document, ']');
    api_page(call, total);
    document_close(&call->document, '}');
    if (ok)
        api_answer_document(call, 200);
    else
        api_fail(call, &err);
}

static void get_instance(struct api_call *call)
{
    document_open(&call->document, NULL, '{');
    bool found = monitoring_write_found(call, call->arguments[0]);
    document_close(&call->document, '}');
    if (found)
        api_answer_document(call, 200);
}

/* ---- activity streams ------------------------------------------------------------------------------- */

static const char *const directions[] = {"asc", "desc", NULL};
#define STREAM_QUERY                                                                               \
    {.name = "timezone", .kind = API_TEXT, .may_lack = true,                                       \
     .about = "IANA name of the zone of modifiedTimestamp; default UTC"},                          \
        {.name = "limit", .kind = API_NUMBER, .may_lack = true, .min = 1, .max = STREAM_LIMIT_MAX, \
         .about = "how many activities at most; default 1000"},                                    \
        {.name = "offset", .kind = API_NUMBER, .may_lack = true, .max = INT32_MAX,                 \
         .about = "how many to leave out before; default 0"}

static const struct api_field stream_query[] = {
    {.name = "order", .kind = API_TEXT, .may_lack = true, .words = directions,
     .about = "asc (default, as ascList) or desc (as descList)"},
    STREAM_QUERY,
};
static const struct api_field details_query[] = {STREAM_QUERY};

static const struct api_field activity_fields[] = {
    {.name = "milestone", .kind = API_TEXT, .about = "the import: ftp.store, http.request, log, ..."},
    {.name = "message", .kind = API_TEXT, .about = "what was done, for people"},
    {.name = "timestamp", .kind = API_TIME, .may_lack = true, .about = "when it began"},
    {.name = "modifiedTimestamp", .kind = API_TEXT, .may_lack = true,
     .about = "the same in the asked for zone, to the second"},
    {.name = "elapsedTime", .kind = API_TEXT, .about = "how long it took, for people"},
    {.name = "elapsedMicroseconds", .kind = API_NUMBER, .about = "how long it took"},
    {.name = "isErrorMilestone", .kind = API_FLAG, .about = "whether it failed"},
    {.name = "errorDetails", .kind = API_TEXT, .may_lack = true, .about = "why it failed"},
    {.name = "connection", .kind = API_TEXT, .may_lack = true, .about = "the connection"},
    {.name = "result", .kind = API_TEXT, .may_lack = true, .about = "ok, or the kind of error"},
    {.name = "bytes", .kind = API_NUMBER, .about = "bytes moved or received"},
};
static const struct api_schema activity_schema =
    API_SCHEMA("Activity", "One call of the host, or a line that the flow wrote.", activity_fields);

#define STREAM_FIELDS                                                                              \
    {.name = "id", .kind = API_TEXT, .about = "of the instance"},                                  \
        {.name = "integration", .kind = API_TEXT, .about = "CODE|VERSION"},                        \
        {.name = "status", .kind = API_TEXT, .words = monitoring_states, .about = "its state"},    \
        {.name = "hasMore", .kind = API_FLAG, .about = "whether there are more activities"},       \
        {.name = "limit", .kind = API_NUMBER, .about = "as asked for"},                            \
        {.name = "offset", .kind = API_NUMBER, .about = "as asked for"}

static const struct api_field stream_fields[] = {
    STREAM_FIELDS,
    {.name = "ascList", .kind = API_LIST, .may_lack = true, .of = &activity_schema,
     .about = "oldest first"},
    {.name = "descList", .kind = API_LIST, .may_lack = true, .of = &activity_schema,
     .about = "newest first"},
};
static const struct api_schema stream_schema =
    API_SCHEMA("ActivityStream", "What an instance asked of the host.", stream_fields);
static const struct api_field details_fields[] = {
    STREAM_FIELDS,
    {.name = "items", .kind = API_LIST, .of = &activity_schema, .about = "oldest first"},
};
static const struct api_schema details_schema =
    API_SCHEMA("ActivityStreamDetails", "What an instance asked of the host.", details_fields);

struct stream {
    struct api_call *call;
    struct recurrence *zone; /* formats local times */
    int64_t limit, offset, count;
};

/* A rule that is never asked when it is due: it knows the zone's clock. */
static bool open_zone(struct api_call *call, struct recurrence **zone)
{
    char value[API_QUERY_SIZE], warning[RECURRENCE_WARNING_SIZE];
    struct error err = {0};
    const char *name = api_argument(call, "timezone", value);
    return recurrence_parse(zone, "FREQ=YEARLY", name ? name : "UTC", NULL, NULL, warning, &err) ||
           api_fault(call, 400, "invalid", "query argument 'timezone': %s", err.message);
}

static int64_t number_of(struct api_call *call, const char *name, int64_t standard)
{
    char value[API_QUERY_SIZE];
    const char *text = api_argument(call, name, value);
    return text ? strtoll(text, NULL, 10) : standard; /* its field has checked it */
}

static void write_message(struct document *document, const struct activity *row)
{
    struct buf message;
    buf_init(&message, 1u << 20);
    if (strcmp(row->import, "log") == 0) {
        buf_append_text(&message, row->detail ? row->detail : "");
    } else {
        buf_append_text(&message, row->import);
        if (row->subject)
            buf_printf(&message, " %s", row->subject);
        if (row->detail)
            buf_printf(&message, ": %s", row->detail);
    }
    document_text(document, "message", buf_text(&message));
    buf_release(&message);
}

static void write_elapsed(struct document *document, int64_t duration_us)
{
    char text[32];
    snprintf(text, sizeof text, "%lld.%03lld ms", (long long)(duration_us / 1000),
             (long long)(duration_us % 1000));
    document_text(document, "elapsedTime", text);
    document_number(document, "elapsedMicroseconds", duration_us);
}

static bool write_activity(void *context, const struct activity *row)
{
    struct stream *stream = context;
    struct document *document = &stream->call->document;
    char local[RECURRENCE_LOCAL_SIZE];
    bool failed = row->result && strcmp(row->result, "ok") != 0 && strcmp(row->import, "log") != 0;
    if (stream->count++ == stream->limit)
        return false;
    document_open(document, NULL, '{');
    document_text(document, "milestone", row->import);
    write_message(document, row);
    api_time(document, "timestamp", row->at_ms);
    if (row->at_ms)
        document_text(document, "modifiedTimestamp",
                      recurrence_local(stream->zone, row->at_ms, local));
    write_elapsed(document, row->duration_us);
    document_flag(document, "isErrorMilestone", failed);
    if (failed)
        document_text(document, "errorDetails", row->detail ? row->detail : row->result);
    api_text(document, "connection", row->connection);
    api_text(document, "result", row->result);
    document_number(document, "bytes", (int64_t)row->bytes);
    document_close(document, '}');
    return true;
}

static bool write_stream(struct stream *stream, const struct monitoring_instance *instance,
                         const char *key, bool newest_first)
{
    struct api_call *call = stream->call;
    struct document *document = &call->document;
    struct error err = {0};
    char flow[API_FLOW_ID_SIZE];
    document_open(document, NULL, '{');
    document_text(document, "id", instance->id);
    document_text(document, "integration", api_flow_id(instance->flow, instance->version, flow));
    document_text(document, "status", instance->state);
    document_open(document, key, '[');
    bool ok = store_activity_page(call->store, instance->id, newest_first, stream->limit + 1,
                                  stream->offset, write_activity, stream, &err);
    document_close(document, ']');
    document_flag(document, "hasMore", stream->count > stream->limit);
    document_number(document, "limit", stream->limit);
    document_number(document, "offset", stream->offset);
    document_close(document, '}');
    return ok || api_fail(call, &err);
}

static void answer_stream(struct api_call *call, const char *key, bool newest_first)
{
    struct stream stream = {.call = call,
                            .limit = number_of(call, "limit", STREAM_LIMIT_DEFAULT),
                            .offset = number_of(call, "offset", 0)};
    struct monitoring_instance instance;
    if (!monitoring_find(call, call->arguments[0], &instance) || !open_zone(call, &stream.zone))
        return;
    if (write_stream(&stream, &instance, key, newest_first))
        api_answer_document(call, 200);
    recurrence_free(stream.zone);
}

static void get_stream(struct api_call *call)
{
    char value[API_QUERY_SIZE];
    const char *order = api_argument(call, "order", value);
    bool newest_first = order && strcasecmp(order, "desc") == 0;
    answer_stream(call, newest_first ? "descList" : "ascList", newest_first);
}

static void get_details(struct api_call *call)
{
    answer_stream(call, "items", false);
}

/* ---- stopping --------------------------------------------------------------------------------------- */

static const struct api_field abort_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "of the instance"},
    {.name = "message", .kind = API_TEXT, .about = "what happens now"},
};
static const struct api_schema abort_schema =
    API_SCHEMA("Abort", "An instance was asked to stop.", abort_fields);

static void abort_instance(struct api_call *call)
{
    struct monitoring_instance instance;
    struct document *document = &call->document;
    if (!monitoring_find(call, call->arguments[0], &instance))
        return;
    if (strcmp(instance.state, "IN_PROGRESS") != 0) {
        api_fault(call, 409, "exists", "instance %s is not in progress: it is %s", instance.id,
                  instance.state);
        return;
    }
    if (!service_stop_instance(call->service, instance.id)) {
        api_fault(call, 409, "exists", "instance %s does not run in this server: it has just ended, or "
                  "another process runs it and is the one to be stopped", instance.id);
        return;
    }
    document_open(document, NULL, '{');
    document_text(document, "id", instance.id);
    document_text(document, "message", "asked to stop; its state will be ABORTED, unless it ended by "
                                       "itself before");
    document_close(document, '}');
    api_answer_document(call, 200);
}

#define NOT_FOUND {404, "no instance has that id", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/monitoring/instances", .id = "listInstances", .role = API_READ,
     .about = "Lists executions of flows. q also takes status: IN_PROGRESS, COMPLETED, FAILED or "
              "ABORTED. Times are those of the last update: the end, or now while it runs.",
     .query = list_query, .query_count = API_COUNT(list_query), .is_paged = true,
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_instances},
    {.method = "GET", .path = "/monitoring/instances/{id}", .id = "getInstance", .role = API_READ,
     .about = "One execution, with all that is known of it.",
     .results = {{200, "the instance", &monitoring_instance_schema, NULL}, NOT_FOUND},
     .run = get_instance},
    {.method = "GET", .path = "/monitoring/instances/{id}/activityStream", .id = "getActivityStream",
     .role = API_READ, .about = "What an instance asked of the host, in the older form.",
     .query = stream_query, .query_count = API_COUNT(stream_query),
     .results = {{200, "the stream", &stream_schema, NULL}, NOT_FOUND}, .run = get_stream},
    {.method = "GET", .path = "/monitoring/instances/{id}/activityStreamDetails",
     .id = "getActivityStreamDetails", .role = API_READ,
     .about = "What an instance asked of the host: every call, how long it took, what came of it.",
     .query = details_query, .query_count = API_COUNT(details_query),
     .results = {{200, "the stream", &details_schema, NULL}, NOT_FOUND}, .run = get_details},
    {.method = "POST", .path = "/monitoring/instances/{id}/abort", .id = "abortInstance",
     .role = API_CHANGE,
     .about = "Asks an instance that runs in this server to stop, with what it called. Files that got "
              "across stay; nothing incomplete is published.",
     .results = {{200, "asked", &abort_schema, NULL}, NOT_FOUND,
                 {409, "it is not in progress, or another process runs it", NULL, NULL}},
     .run = abort_instance},
};

const struct api_area api_instances = {"Instances", "Executions of flows.", operations,
                                       API_COUNT(operations)};
