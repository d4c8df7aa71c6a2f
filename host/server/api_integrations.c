/* SPDX-License-Identifier: MIT */
/* Integrations, as OIC calls flows: the list, one of them, and whether it is active. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow/activation.h"
#include "flow/timetable.h"
#include "server/api_integrations.h"

/* ---- schemas ---------------------------------------------------------------------------------------- */

const char *const api_integration_states[] = {"ACTIVATED", "CONFIGURED", NULL};
static const char *const style_words[] = {"FREEFORM", "FREEFORM_SCHEDULED", NULL};
static const char *const role_words[] = {"SOURCE", "TARGET", NULL};

static const struct api_field connection_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "as the connections of the API are called"},
    {.name = "name", .kind = API_TEXT, .about = "name of the connection"},
};
static const struct api_schema connection_schema =
    API_SCHEMA("ConnectionReference", "A connection.", connection_fields);
static const struct api_field endpoint_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "name of the connection"},
    {.name = "role", .kind = API_TEXT, .words = role_words, .about = "who calls whom"},
    {.name = "connection", .kind = API_OBJECT, .of = &connection_schema, .about = "the connection"},
    {.name = "operations", .kind = API_TEXTS, .about = "what the manifest grants on it"},
};
static const struct api_schema endpoint_schema =
    API_SCHEMA("EndPoint", "A connection that a flow may use, or is called through.",
               endpoint_fields);

static const struct api_field integration_fields[] = {
    {.name = "id", .kind = API_TEXT, .about = "CODE|VERSION"},
    {.name = "code", .kind = API_TEXT, .about = "identifier"},
    {.name = "version", .kind = API_TEXT, .about = "version"},
    {.name = "name", .kind = API_TEXT, .about = "display name"},
    {.name = "description", .kind = API_TEXT, .may_lack = true, .about = "what it does"},
    {.name = "packageName", .kind = API_TEXT, .may_lack = true, .about = "package"},
    {.name = "status", .kind = API_TEXT, .words = api_integration_states, .about = "whether it may run"},
    {.name = "style", .kind = API_TEXT, .words = style_words, .about = "how it is started"},
    {.name = "lockedFlag", .kind = API_FLAG, .about = "always false: nothing is locked here"},
    {.name = "tracingEnabledFlag", .kind = API_FLAG, .about = "tracing level audit or debug"},
    {.name = "payloadTracingEnabledFlag", .kind = API_FLAG, .about = "tracing level debug"},
    {.name = "tracingLevel", .kind = API_TEXT, .about = "production, audit or debug"},
    {.name = "scheduleApplicable", .kind = API_FLAG, .about = "whether it can have a schedule"},
    {.name = "scheduleDefined", .kind = API_FLAG, .about = "whether it has one"},
    {.name = "endPointURI", .kind = API_TEXT, .may_lack = true, .about = "path of its trigger"},
    {.name = "endPoints", .kind = API_LIST, .of = &endpoint_schema, .about = "its connections"},
    {.name = "lookups", .kind = API_TEXTS, .about = "lookups that it may read"},
    {.name = "moduleDigest", .kind = API_TEXT, .about = "SHA-256 of its module"},
    {.name = "lastUpdated", .kind = API_TIME, .may_lack = true,
     .about = "when it was activated or deactivated last"},
    {.name = "lastUpdatedBy", .kind = API_TEXT, .may_lack = true, .about = "by whom"},
    {.name = "links", .kind = API_LIST, .of = &api_link_schema, .about = "itself"},
};
const struct api_schema api_integration_schema =
    API_SCHEMA("Integration", "One version of a flow.", integration_fields);
static const struct api_field page_fields[] = {API_PAGE_FIELDS(api_integration_schema)};
static const struct api_schema page_schema =
    API_SCHEMA("Integrations", "A page of flows.", page_fields);

static const struct api_field activation_fields[] = {
    {.name = "code", .kind = API_TEXT, .about = "identifier"},
    {.name = "version", .kind = API_TEXT, .about = "version"},
    {.name = "status", .kind = API_TEXT, .words = api_integration_states, .about = "whether it may run"},
    {.name = "tracingLevel", .kind = API_TEXT, .about = "production, audit or debug"},
    {.name = "lastUpdated", .kind = API_TIME, .may_lack = true, .about = "last decision of a person"},
    {.name = "lastUpdatedBy", .kind = API_TEXT, .may_lack = true, .about = "who decided"},
};
static const struct api_schema activation_schema =
    API_SCHEMA("ActivationStatus", "Whether a flow may run, and who said so.", activation_fields);

/* ---- reading ----------------------------------------------------------------------------------------- */

static bool is_scheduled(const struct manifest *manifest)
{
    return strcmp(manifest->trigger_type, "schedule") == 0;
}

static void write_connection(struct document *document, const char *name)
{
    char id[API_ARGUMENT_SIZE];
    document_open(document, "connection", '{');
    document_text(document, "id", api_connection_id(name, id));
    document_text(document, "name", name);
    document_close(document, '}');
}

static void write_source(struct document *document, const char *name)
{
    document_open(document, NULL, '{');
    document_text(document, "name", name);
    document_text(document, "role", "SOURCE");
    write_connection(document, name);
    document_open(document, "operations", '[');
    document_close(document, ']');
    document_close(document, '}');
}

static void write_target(struct document *document, const struct grant *grant)
{
    document_open(document, NULL, '{');
    document_text(document, "name", grant->connection);
    document_text(document, "role", "TARGET");
    write_connection(document, grant->connection);
    document_open(document, "operations", '[');
    for (size_t i = 0; i < grant->operation_count; i++)
        document_text(document, NULL, grant->operations[i]);
    document_close(document, ']');
    document_close(document, '}');
}

static void write_manifest(struct document *document, const struct manifest *manifest)
{
    api_text(document, "endPointURI", manifest->trigger_path);
    document_open(document, "endPoints", '[');
    if (manifest->trigger_connection)
        write_source(document, manifest->trigger_connection);
    for (size_t i = 0; i < manifest->grant_count; i++)
        write_target(document, &manifest->grants[i]);
    document_close(document, ']');
    document_open(document, "lookups", '[');
    for (size_t i = 0; i < manifest->lookup_count; i++)
        document_text(document, NULL, manifest->lookups[i]);
    document_close(document, ']');
}

static void write_decision(struct document *document, const struct activation *activation)
{
    if (!activation->is_decided)
        return;
    api_time(document, "lastUpdated", activation->at_ms);
    document_text(document, "lastUpdatedBy", activation->actor);
}

static bool has_schedule(const struct api_call *call, size_t flow)
{
    struct timetable_entry entry = {.flow = 0};
    struct error ignored;
    bool has = timetable_get(call->service, flow, &entry, &ignored);
    timetable_entry_release(&entry);
    return has;
}

static void write_integration(struct api_call *call, size_t flow,
                              const struct activation *activation)
{
    const struct manifest *manifest = service_manifest(call->service, flow);
    struct document *document = &call->document;
    char id[API_FLOW_ID_SIZE];
    api_flow_id(manifest->identifier, manifest->version, id);
    document_open(document, NULL, '{');
    document_text(document, "id", id);
    document_text(document, "code", manifest->identifier);
    document_text(document, "version", manifest->version);
    document_text(document, "name", manifest->name);
    api_text(document, "description", manifest->description);
    api_text(document, "packageName", manifest->package);
    document_text(document, "status", activation_status_name(activation->is_active));
    document_text(document, "style", is_scheduled(manifest) ? "FREEFORM_SCHEDULED" : "FREEFORM");
    document_flag(document, "lockedFlag", false);
    document_flag(document, "tracingEnabledFlag", activation->tracing != TRACING_PRODUCTION);
    document_flag(document, "payloadTracingEnabledFlag", activation->tracing == TRACING_DEBUG);
    document_text(document, "tracingLevel", tracing_names[activation->tracing]);
    document_flag(document, "scheduleApplicable", is_scheduled(manifest));
    document_flag(document, "scheduleDefined", is_scheduled(manifest) && has_schedule(call, flow));
    write_manifest(document, manifest);
    document_text(document, "moduleDigest", service_digest(call->service, flow));
    write_decision(document, activation);
    api_links(call, "self", "/integrations/", id);
    document_close(document, '}');
}

/* Which flows the list is asked for: {status:'ACTIVATED', name:/X/, ...}. */
static bool is_asked(const struct api_filter *filter, const struct manifest *manifest,
                     const struct activation *activation)
{
    const char *code = api_filter_value(filter, FILTER_CODE);
    const char *version = api_filter_value(filter, FILTER_VERSION);
    const char *status = api_filter_value(filter, FILTER_STATUS);
    return (!code || manifest_is_called(manifest, code)) &&
           (!version || strcmp(version, manifest->version) == 0) &&
           api_filter_takes_name(filter, manifest->name) &&
           (!status || strcasecmp(status, activation_status_name(activation->is_active)) == 0);
}

struct listed {
    size_t flow;
    const char *name;
    struct activation activation;
};

static int by_name(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->flow > right->flow) - (left->flow < right->flow);
}

/* The newest decision first, then what nobody decided about. */
static int by_time(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    int64_t left_ms = left->activation.is_decided ? left->activation.at_ms : 0;
    int64_t right_ms = right->activation.is_decided ? right->activation.at_ms : 0;
    int order = (left_ms < right_ms) - (left_ms > right_ms);
    return order ? order : (left->flow > right->flow) - (left->flow < right->flow);
}

static bool select_all(struct api_call *call, const struct api_filter *filter, struct listed *list,
                       size_t most, size_t *count)
{
    struct error err = {0};
    for (size_t i = 0; i < most; i++) {
        struct listed *one = &list[*count];
        if (!activation_get(call->service, i, &one->activation, &err))
            return api_fail(call, &err);
        const struct manifest *manifest = service_manifest(call->service, i);
        one->flow = i;
        one->name = manifest->name;
        *count += is_asked(filter, manifest, &one->activation);
    }
    return true;
}

static void write_page(struct api_call *call, struct listed *list, size_t count)
{
    char order[API_QUERY_SIZE];
    if (api_argument(call, "orderBy", order))
        qsort(list, count, sizeof *list, strcasecmp(order, "time") == 0 ? by_time : by_name);
    document_open(&call->document, NULL, '{');
    document_open(&call->document, "items", '[');
    for (size_t i = 0; i < count; i++)
        if (api_on_page(call, (int64_t)i))
            write_integration(call, list[i].flow, &list[i].activation);
    document_close(&call->document, ']');
    api_page(call, (int64_t)count);
    document_close(&call->document, '}');
    api_answer_document(call, 200);
}

static bool read_filter(struct api_call *call, struct api_filter *filter)
{
    static const char *const words[] = {"ACTIVATED", "CONFIGURED", "INPROGRESS", "FAILEDACTIVATION",
                                        NULL};
    struct error err = {0};
    char q[API_QUERY_SIZE];
    return (api_filter_parse(filter, api_argument(call, "q", q),
                             FILTER(CODE) | FILTER(VERSION) | FILTER(NAME) | FILTER(STATUS), 0, 0,
                             &err) &&
            api_filter_check_word(filter, FILTER_STATUS, words, &err)) ||
           api_fail(call, &err);
}

static void list_integrations(struct api_call *call)
{
    struct api_filter filter;
    size_t count = 0, most = service_flow_count(call->service);
    struct listed *list = calloc(most + 1, sizeof *list);
    if (!list)
        api_fault(call, 503, "limit", "out of memory");
    else if (read_filter(call, &filter) && select_all(call, &filter, list, most, &count))
        write_page(call, list, count);
    free(list);
}

void api_answer_integration(struct api_call *call, size_t flow)
{
    struct activation activation;
    struct error err = {0};
    if (!activation_get(call->service, flow, &activation, &err)) {
        api_fail(call, &err);
        return;
    }
    write_integration(call, flow, &activation);
    api_answer_document(call, 200);
}

static void get_integration(struct api_call *call)
{
    size_t flow;
    if (api_find_flow(call, &flow))
        api_answer_integration(call, flow);
}

static void get_activation(struct api_call *call)
{
    size_t flow;
    struct activation activation;
    struct error err = {0};
    struct document *document = &call->document;
    if (!api_find_flow(call, &flow))
        return;
    if (!activation_get(call->service, flow, &activation, &err)) {
        api_fail(call, &err);
        return;
    }
    document_open(document, NULL, '{');
    document_text(document, "code", service_manifest(call->service, flow)->identifier);
    document_text(document, "version", service_manifest(call->service, flow)->version);
    document_text(document, "status", activation_status_name(activation.is_active));
    document_text(document, "tracingLevel", tracing_names[activation.tracing]);
    write_decision(document, &activation);
    document_close(document, '}');
    api_answer_document(call, 200);
}

static const char *const order_words[] = {"name", "time", NULL};
static const struct api_field list_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: status (ACTIVATED, CONFIGURED), code, version, name; name:/x/ "
              "means a part of it"},
    {.name = "orderBy", .kind = API_TEXT, .may_lack = true, .words = order_words,
     .about = "name, or time: decided about last comes first; without it by code and version"},
};
#define NO_FLOW {404, "no flow has that code and version; the nearest are named", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/integrations", .id = "listIntegrations", .role = API_READ,
     .about = "Lists the flows, each version by itself.", .query = list_query,
     .query_count = API_COUNT(list_query), .is_paged = true,
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_integrations},
    {.method = "GET", .path = "/integrations/{id}", .id = "getIntegration", .role = API_READ,
     .about = "One version of a flow. The id is CODE%7CVERSION.",
     .results = {{200, "the flow", &api_integration_schema, NULL}, NO_FLOW}, .run = get_integration},
    {.method = "GET", .path = "/integrations/{id}/activationStatus", .id = "getActivationStatus",
     .role = API_READ, .about = "Whether a flow may run, and who said so.",
     .results = {{200, "the status", &activation_schema, NULL}, NO_FLOW}, .run = get_activation},
};

const struct api_area api_integrations = {"Integrations", "Flows, as OIC calls them.", operations,
                                          API_COUNT(operations)};
