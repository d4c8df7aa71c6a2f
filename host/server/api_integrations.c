/* SPDX-License-Identifier: MIT */
/* Integrations, as OIC calls flows: the list, one of them, and whether it is active. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "flow/activation.h"
#include "flow/timetable.h"
#include "server/api_call.h"

/* ---- schemas ---------------------------------------------------------------------------------------- */

static const char *const status_words[] = {"ACTIVATED", "CONFIGURED", NULL};
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
    {.name = "status", .kind = API_TEXT, .words = status_words, .about = "whether it may run"},
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
static const struct api_schema integration_schema =
    API_SCHEMA("Integration", "One version of a flow.", integration_fields);
static const struct api_field page_fields[] = {API_PAGE_FIELDS(integration_schema)};
static const struct api_schema page_schema =
    API_SCHEMA("Integrations", "A page of flows, by identifier and version.", page_fields);

static const struct api_field update_fields[] = {
    {.name = "status", .kind = API_TEXT, .may_lack = true, .words = status_words,
     .about = "ACTIVATED to activate, CONFIGURED to deactivate"},
    {.name = "tracingEnabledFlag", .kind = API_FLAG, .may_lack = true,
     .about = "false: production, true: audit, or debug with payloads"},
    {.name = "payloadTracingEnabledFlag", .kind = API_FLAG, .may_lack = true,
     .about = "true: debug; messages are kept"},
};
static const struct api_schema update_schema =
    API_SCHEMA("IntegrationUpdate", "What is to change.", update_fields);

static const struct api_field activation_fields[] = {
    {.name = "code", .kind = API_TEXT, .about = "identifier"},
    {.name = "version", .kind = API_TEXT, .about = "version"},
    {.name = "status", .kind = API_TEXT, .words = status_words, .about = "whether it may run"},
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

/* Which flows the list is asked for: {status:'ACTIVATED', code:'X', ...}. */
static bool is_asked(const struct api_filter *filter, const struct manifest *manifest,
                     const struct activation *activation)
{
    const char *code = api_filter_value(filter, FILTER_CODE);
    const char *version = api_filter_value(filter, FILTER_VERSION);
    const char *name = api_filter_value(filter, FILTER_NAME);
    const char *status = api_filter_value(filter, FILTER_STATUS);
    return (!code || manifest_is_called(manifest, code)) &&
           (!version || strcmp(version, manifest->version) == 0) &&
           (!name || strcasestr(manifest->name, name)) &&
           (!status || strcasecmp(status, activation_status_name(activation->is_active)) == 0);
}

static bool write_all(struct api_call *call, const struct api_filter *filter, int64_t *total)
{
    struct error err = {0};
    for (size_t i = 0; i < service_flow_count(call->service); i++) {
        struct activation activation;
        if (!activation_get(call->service, i, &activation, &err))
            return api_fail(call, &err);
        if (!is_asked(filter, service_manifest(call->service, i), &activation))
            continue;
        if (api_on_page(call, (*total)++))
            write_integration(call, i, &activation);
    }
    return true;
}

static void list_integrations(struct api_call *call)
{
    char q[API_QUERY_SIZE];
    struct api_filter filter;
    struct error err = {0};
    int64_t total = 0;
    if (!api_filter_parse(&filter, api_argument(call, "q", q),
                          FILTER(CODE) | FILTER(VERSION) | FILTER(NAME) | FILTER(STATUS), 0, 0, &err)) {
        api_fail(call, &err);
        return;
    }
    document_open(&call->document, NULL, '{');
    document_open(&call->document, "items", '[');
    if (!write_all(call, &filter, &total))
        return;
    document_close(&call->document, ']');
    api_page(call, total);
    document_close(&call->document, '}');
    api_answer_document(call, 200);
}

static void answer_integration(struct api_call *call, size_t flow)
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
        answer_integration(call, flow);
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

/* ---- changing ---------------------------------------------------------------------------------------- */

/* The level that the two flags mean. False: neither is given. */
static bool tracing_of(const struct api_call *call, enum tracing *tracing)
{
    bool is_traced = false, with_payload = false;
    bool is_given = api_body_flag(call, "tracingEnabledFlag", &is_traced);
    bool is_payload_given = api_body_flag(call, "payloadTracingEnabledFlag", &with_payload);
    if (!is_given)
        is_traced = with_payload;
    *tracing = !is_traced ? TRACING_PRODUCTION : with_payload ? TRACING_DEBUG : TRACING_AUDIT;
    return is_given || is_payload_given;
}

/* What keeps a flow from being activated, all of it. */
static void take_problem(void *context, const char *connection, const struct error *why)
{
    struct buf *problems = context;
    buf_printf(problems, "%s'%s': %s", problems->size ? "; " : "", connection, why->message);
}

static bool fail_move(struct api_call *call, const struct error *err, const struct buf *problems)
{
    if (err->kind != ERROR_EXISTS && err->kind != ERROR_REFUSED)
        return api_fail(call, err);
    return api_fault(call, 412, error_kind_name(err->kind), "%s",
                     problems && problems->size ? buf_text(problems) : err->message);
}

static bool activate(struct api_call *call, size_t flow)
{
    struct buf problems;
    struct error err = {0};
    enum tracing tracing;
    bool has_tracing = tracing_of(call, &tracing);
    const struct actor actor = api_actor(call);
    buf_init(&problems, ERROR_MESSAGE_SIZE);
    bool ok = activation_activate(call->service, flow, has_tracing ? &tracing : NULL, &actor,
                                  take_problem, &problems, &err) ||
              fail_move(call, &err, &problems);
    buf_release(&problems);
    return ok;
}

static bool deactivate(struct api_call *call, size_t flow)
{
    struct error err = {0};
    const struct actor actor = api_actor(call);
    return activation_deactivate(call->service, flow, &actor, &err) || fail_move(call, &err, NULL);
}

static bool set_tracing(struct api_call *call, size_t flow)
{
    struct error err = {0};
    enum tracing tracing;
    const struct actor actor = api_actor(call);
    if (!tracing_of(call, &tracing))
        return api_fault(call, 400, "invalid", "the body says nothing: give status, "
                         "tracingEnabledFlag or payloadTracingEnabledFlag");
    return activation_set_tracing(call->service, flow, tracing, &actor, &err) || api_fail(call, &err);
}

static void update_integration(struct api_call *call)
{
    size_t flow;
    const char *status = api_body_text(call, "status");
    if (!api_find_flow(call, &flow))
        return;
    bool ok = !status                          ? set_tracing(call, flow)
              : strcmp(status, "ACTIVATED") == 0 ? activate(call, flow)
                                                 : deactivate(call, flow);
    if (ok)
        answer_integration(call, flow);
}

static const struct api_field list_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: status (ACTIVATED, CONFIGURED), code, version, name (a part)"},
};
static const struct api_field update_query[] = {
    {.name = "enableAsyncActivationMode", .kind = API_FLAG, .may_lack = true,
     .about = "taken for the sake of scripts: the answer comes when it is done"},
};

#define NO_FLOW {404, "no flow has that code and version; the nearest are named", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/integrations", .id = "listIntegrations", .role = API_READ,
     .about = "Lists the flows, each version by itself.", .query = list_query,
     .query_count = API_COUNT(list_query), .is_paged = true,
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_integrations},
    {.method = "GET", .path = "/integrations/{id}", .id = "getIntegration", .role = API_READ,
     .about = "One version of a flow. The id is CODE%7CVERSION.",
     .results = {{200, "the flow", &integration_schema, NULL}, NO_FLOW}, .run = get_integration},
    {.method = "GET", .path = "/integrations/{id}/activationStatus", .id = "getActivationStatus",
     .role = API_READ, .about = "Whether a flow may run, and who said so.",
     .results = {{200, "the status", &activation_schema, NULL}, NO_FLOW}, .run = get_activation},
    {.method = "PATCH", .path = "/integrations/{id}", .id = "updateIntegration",
     .role = API_CHANGE, .is_recorded_below = true,
     .about = "Activates or deactivates a flow, or sets its tracing level. Activating tests every "
              "connection of the flow first and deactivates other versions with the same first two "
              "numbers. What runs is finished.",
     .query = update_query, .query_count = API_COUNT(update_query), .body = &update_schema,
     .results = {{200, "done", &integration_schema, NULL}, NO_FLOW,
                 {412, "it is so already, a connection is missing or its test failed, or the "
                       "schedule is started", NULL, NULL}},
     .run = update_integration},
};

const struct api_area api_integrations = {"Integrations", "Flows, as OIC calls them.", operations,
                                          API_COUNT(operations)};
