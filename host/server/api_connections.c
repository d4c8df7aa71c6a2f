/* SPDX-License-Identifier: MIT */
/* Connections over the API: the list, one of them without secrets, its test. */
#include "server/api_connections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow/flow.h"

/* ---- schemas ------------------------------------------------------------------------------------------ */

static const char *const status_words[] = {"CONFIGURED", "DRAFT", NULL};
static const char *const group_words[] = {"CONNECTION_PROPS", "CREDENTIALS", NULL};
static const char *const source_words[] = {"environment", "file", NULL};

static const struct api_field property_fields[] = {
    {.name = "propertyName", .kind = API_TEXT, .about = "as OIC calls it"},
    {.name = "displayName", .kind = API_TEXT, .about = "for people"},
    {.name = "propertyGroup", .kind = API_TEXT, .words = group_words, .about = "what it belongs to"},
    {.name = "propertyType", .kind = API_TEXT, .about = "URL, STRING, NUMBER or PASSWORD"},
    {.name = "propertyValue", .kind = API_TEXT, .may_lack = true,
     .about = "missing where it is not set, and for every secret"},
    {.name = "configured", .kind = API_FLAG, .about = "whether it is set"},
    {.name = "source", .kind = API_TEXT, .may_lack = true, .words = source_words,
     .about = "where a secret is"},
};
static const struct api_schema property_schema =
    API_SCHEMA("ConnectionProperty", "One property of a connection.", property_fields);
static const struct api_field adapter_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "ftp, sftp, object_storage, rest, smtp or local"},
    {.name = "displayName", .kind = API_TEXT, .about = "for people"},
};
static const struct api_schema adapter_schema =
    API_SCHEMA("AdapterType", "The kind of a connection.", adapter_fields);
static const struct api_field connection_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "capitals and underscores; taken in addresses"},
    {.name = "name", .kind = API_TEXT, .about = "name in connections.json; taken in addresses, too"},
    {.name = "adapterType", .kind = API_OBJECT, .of = &adapter_schema, .about = "its kind"},
    {.name = "securityPolicy", .kind = API_TEXT, .about = "how it logs in"},
    {.name = "status", .kind = API_TEXT, .words = status_words,
     .about = "DRAFT: disabled, nobody may use it"},
    {.name = "lockedFlag", .kind = API_FLAG, .about = "always false: nothing is locked here"},
    {.name = "usage", .kind = API_NUMBER, .about = "how many flows may use it"},
    {.name = "usageActive", .kind = API_NUMBER, .about = "how many of them are active"},
    {.name = "connectionProperties", .kind = API_LIST, .of = &property_schema, .about = "where it leads"},
    {.name = "securityProperties", .kind = API_LIST, .of = &property_schema,
     .about = "how it logs in; secrets have no value here"},
    {.name = "links", .kind = API_LIST, .of = &api_link_schema, .about = "itself"},
};
const struct api_schema api_connection_schema =
    API_SCHEMA("Connection", "A connection, without secrets.", connection_fields);
static const struct api_field page_fields[] = {API_PAGE_FIELDS(api_connection_schema)};
static const struct api_schema page_schema =
    API_SCHEMA("Connections", "A page of connections.", page_fields);

static const struct api_field test_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "of the connection"},
    {.name = "status", .kind = API_TEXT, .about = "always CONFIGURED"},
    {.name = "message", .kind = API_TEXT, .about = "how far the test came"},
    {.name = "banner", .kind = API_TEXT, .may_lack = true, .about = "what the peer calls itself"},
    {.name = "durationMs", .kind = API_NUMBER, .about = "how long it took"},
};
static const struct api_schema test_schema =
    API_SCHEMA("ConnectionTest", "A test that went well.", test_fields);

/* ---- reading ------------------------------------------------------------------------------------------ */

static void write_text_value(struct document *document, const struct connection *connection,
                             const struct connection_property *property)
{
    char number[16];
    const char *value = NULL;
    if (strcmp(property->type, "NUMBER") == 0) {
        snprintf(number, sizeof number, "%u", connection->port);
        value = number;
    } else {
        memcpy(&value, (const char *)connection + property->offset, sizeof value);
    }
    api_text(document, "propertyValue", value);
    document_flag(document, "configured", value != NULL);
}

static void write_secret(struct document *document, const struct secret *secret)
{
    document_flag(document, "configured", secret->env || secret->file);
    if (secret->env || secret->file)
        document_text(document, "source", secret->env ? "environment" : "file");
}

static void write_properties(struct document *document, const char *key,
                             const struct connection *connection, bool credentials)
{
    document_open(document, key, '[');
    for (size_t i = 0; i < connection_property_count; i++) {
        const struct connection_property *property = &connection_properties[i];
        if (property->is_credential != credentials || !connection_has_property(connection, property))
            continue;
        document_open(document, NULL, '{');
        document_text(document, "propertyName", property->name);
        document_text(document, "displayName", property->display);
        document_text(document, "propertyGroup", credentials ? "CREDENTIALS" : "CONNECTION_PROPS");
        document_text(document, "propertyType", property->type);
        if (property->is_secret)
            write_secret(document, connection_secret(connection, property));
        else
            write_text_value(document, connection, property);
        document_close(document, '}');
    }
    document_close(document, ']');
}

static bool may_use(const struct manifest *manifest, const char *connection)
{
    if (manifest->trigger_connection && strcmp(manifest->trigger_connection, connection) == 0)
        return true;
    for (size_t i = 0; i < manifest->grant_count; i++)
        if (strcmp(manifest->grants[i].connection, connection) == 0)
            return true;
    return false;
}

static void write_usage(struct api_call *call, const char *connection)
{
    int64_t usage = 0, active = 0;
    for (size_t i = 0; i < service_flow_count(call->service); i++) {
        bool uses = may_use(service_manifest(call->service, i), connection);
        usage += uses;
        active += uses && service_is_active(call->service, i);
    }
    document_number(&call->document, "usage", usage);
    document_number(&call->document, "usageActive", active);
}

static void write_adapter(struct document *document, enum connection_type type)
{
    static const char *const displays[] = {
        [CONNECTION_FTP] = "FTP",   [CONNECTION_SFTP] = "SFTP", [CONNECTION_OBJECT_STORAGE] = "REST",
        [CONNECTION_REST] = "REST", [CONNECTION_SMTP] = "SMTP", [CONNECTION_LOCAL] = "Local",
    };
    document_open(document, "adapterType", '{');
    document_text(document, "name", connection_type_name(type));
    document_text(document, "displayName", displays[type]);
    document_close(document, '}');
}

static const char *status_of(const struct connection *connection)
{
    return connection->disabled ? "DRAFT" : "CONFIGURED";
}

static void write_connection(struct api_call *call, const struct connection *connection)
{
    struct document *document = &call->document;
    char id[API_ARGUMENT_SIZE];
    document_open(document, NULL, '{');
    document_text(document, "id", api_connection_id(connection->name, id));
    document_text(document, "name", connection->name);
    write_adapter(document, connection->type);
    document_text(document, "securityPolicy", connection_policy(connection));
    document_text(document, "status", status_of(connection));
    document_flag(document, "lockedFlag", false);
    write_usage(call, connection->name);
    write_properties(document, "connectionProperties", connection, false);
    write_properties(document, "securityProperties", connection, true);
    api_links(call, "self", "/connections/", id);
    document_close(document, '}');
}

static bool read_filter(struct api_call *call, struct api_filter *filter)
{
    struct error err = {0};
    char q[API_QUERY_SIZE];
    return (api_filter_parse(filter, api_argument(call, "q", q), FILTER(NAME) | FILTER(STATUS), 0, 0,
                             &err) &&
            api_filter_check_word(filter, FILTER_STATUS, status_words, &err)) ||
           api_fail(call, &err);
}

static int by_name(const void *a, const void *b)
{
    const struct connection *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int by_type(const void *a, const void *b)
{
    const struct connection *const *left = a, *const *right = b;
    int order = strcmp(connection_type_name((*left)->type), connection_type_name((*right)->type));
    return order ? order : by_name(a, b);
}

static void write_page(struct api_call *call, const struct connection **list, size_t count)
{
    char order[API_QUERY_SIZE];
    if (api_argument(call, "orderBy", order) && strcasecmp(order, "time") != 0)
        qsort(list, count, sizeof *list, strcasecmp(order, "type") == 0 ? by_type : by_name);
    document_open(&call->document, NULL, '{');
    document_open(&call->document, "items", '[');
    for (size_t i = 0; i < count; i++)
        if (api_on_page(call, (int64_t)i))
            write_connection(call, list[i]);
    document_close(&call->document, ']');
    api_page(call, (int64_t)count);
    document_close(&call->document, '}');
    api_answer_document(call, 200);
}

static void list_connections(struct api_call *call)
{
    struct api_filter filter;
    size_t count = 0;
    if (!read_filter(call, &filter))
        return;
    const char *status = api_filter_value(&filter, FILTER_STATUS);
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    const struct connection **list = calloc(snapshot->connection_count + 1, sizeof *list);
    for (size_t i = 0; list && i < snapshot->connection_count; i++) {
        const struct connection *one = &snapshot->connections[i];
        if (api_filter_takes_name(&filter, one->name) &&
            (!status || strcasecmp(status, status_of(one)) == 0))
            list[count++] = one;
    }
    if (list)
        write_page(call, list, count);
    else
        api_fault(call, 503, "limit", "out of memory");
    free(list);
    snapshot_release(snapshot);
}

static const struct connection *find_by(const struct snapshot *snapshot, const char *asked,
                                        bool by_id)
{
    char id[API_ARGUMENT_SIZE];
    for (size_t i = 0; i < snapshot->connection_count; i++) {
        const char *name = snapshot->connections[i].name;
        if (strcmp(by_id ? api_connection_id(name, id) : name, asked) == 0)
            return &snapshot->connections[i];
    }
    return NULL;
}

const struct connection *api_find_connection(struct api_call *call, const struct snapshot *snapshot)
{
    struct error err = {0};
    const char *asked = call->arguments[0];
    const struct connection *connection = find_by(snapshot, asked, false);
    if (!connection)
        connection = find_by(snapshot, asked, true);
    if (!connection && !snapshot_connection(snapshot, asked, &err))
        api_fail(call, &err);
    return connection;
}

void api_answer_connection(struct api_call *call, const char *name)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    const struct connection *connection = find_by(snapshot, name, false);
    if (connection) {
        write_connection(call, connection);
        api_answer_document(call, 200);
    } else {
        api_fault(call, 404, "not_found", "connection '%s' is gone", name);
    }
    snapshot_release(snapshot);
}

static void get_connection(struct api_call *call)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    const struct connection *connection = api_find_connection(call, snapshot);
    if (connection) {
        write_connection(call, connection);
        api_answer_document(call, 200);
    }
    snapshot_release(snapshot);
}

/* ---- testing ------------------------------------------------------------------------------------------ */

static void answer_test(struct api_call *call, const struct connection *connection,
                        const struct connection_report *report)
{
    struct document *document = &call->document;
    char id[API_ARGUMENT_SIZE], message[128];
    snprintf(message, sizeof message, "reached: %s", connection_step_name(report->reached));
    document_open(document, NULL, '{');
    document_text(document, "id", api_connection_id(connection->name, id));
    document_text(document, "status", "CONFIGURED");
    document_text(document, "message", message);
    if (report->banner[0])
        document_text(document, "banner", report->banner);
    document_number(document, "durationMs", report->duration_ms);
    document_close(document, '}');
    api_answer_document(call, 200);
}

/* OIC's words for it: not configured, may not be used as it is, or it did not work out. */
static int failure_status(const struct connection_report *report)
{
    switch (report->failed) {
    case STEP_CONFIGURATION:
        return 409;
    case STEP_LOGIN:
    case STEP_PERMISSION:
        return 412;
    case STEP_NAME:
    case STEP_CONNECT:
    case STEP_TLS:
    default:
        return 500;
    }
}

static void test(struct api_call *call, const struct snapshot *snapshot,
                 const struct connection *connection)
{
    struct connection_report report = {.reached = STEP_CONFIGURATION};
    struct error err = {0};
    struct buf folder;
    if (connection->disabled) {
        api_fault(call, 409, "invalid", "connection '%s' is disabled: fill in its fields, then set "
                  "\"disabled\": false", connection->name);
        return;
    }
    buf_init(&folder, 4096);
    bool known = snapshot_folder_of(snapshot, connection, &folder);
    if (connection->type == CONNECTION_LOCAL ||
        connection_test(service_transfer(call->service), connection,
                        known ? buf_text(&folder) : NULL, &report, &err))
        answer_test(call, connection, &report);
    else
        api_fault(call, failure_status(&report), error_kind_name(err.kind), "at %s: %s",
                  connection_step_name(report.failed), err.message);
    buf_release(&folder);
}

static void test_connection(struct api_call *call)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    const struct connection *connection = api_find_connection(call, snapshot);
    if (connection)
        test(call, snapshot, connection);
    snapshot_release(snapshot);
}

#define NO_CONNECTION {404, "no connection has that name or id; the nearest is named", NULL, NULL}
#define TEST_RESULTS                                                                               \
    {{200, "it works", &test_schema, NULL}, NO_CONNECTION,                                         \
     {409, "it is not configured: disabled, or a secret or key cannot be read", NULL, NULL},       \
     {412, "the peer refuses the login, or to list the folder of the lookups", NULL, NULL},        \
     {500, "the peer cannot be found or reached, or its certificate is not trusted", NULL, NULL}}

static const char *const order_words[] = {"name", "time", "type", NULL};
static const struct api_field list_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: name (name:/x/ means a part of it), status (CONFIGURED, DRAFT)"},
    {.name = "orderBy", .kind = API_TEXT, .may_lack = true, .words = order_words,
     .about = "name or type; time: as in connections.json, as without it"},
};

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/connections", .id = "listConnections", .role = API_READ,
     .query = list_query, .query_count = API_COUNT(list_query), .is_paged = true,
     .about = "Lists the connections, without secrets.",
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_connections},
    {.method = "GET", .path = "/connections/{id}", .id = "getConnection", .role = API_READ,
     .about = "One connection, without secrets.",
     .results = {{200, "the connection", &api_connection_schema, NULL}, NO_CONNECTION},
     .run = get_connection},
    {.method = "POST", .path = "/connections/{id}/test", .id = "testConnection",
     .role = API_CHANGE,
     .about = "Tries a connection step by step: name, connect, TLS, login, permission. Nothing is "
              "written at the peer.",
     .results = TEST_RESULTS, .run = test_connection},
    {.method = "POST", .path = "/connections/{id}/testWithAttachments",
     .id = "testConnectionWithAttachments", .role = API_CHANGE,
     .about = "The same: what was attached is part of the connection.",
     .results = TEST_RESULTS, .run = test_connection},
};

const struct api_area api_connections = {"Connections", "Named endpoints and how they log in.",
                                         operations, API_COUNT(operations)};
