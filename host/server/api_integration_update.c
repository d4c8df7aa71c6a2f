/* SPDX-License-Identifier: MIT */
/* Integrations activated, deactivated, traced. */
#include <string.h>

#include "flow/activation.h"
#include "server/api_integrations.h"

static const struct api_field update_fields[] = {
    {.name = "status", .kind = API_TEXT, .may_lack = true, .words = api_integration_states,
     .about = "ACTIVATED to activate, CONFIGURED to deactivate"},
    {.name = "tracingEnabledFlag", .kind = API_FLAG, .may_lack = true,
     .about = "false: production, true: audit, or debug with payloads"},
    {.name = "payloadTracingEnabledFlag", .kind = API_FLAG, .may_lack = true,
     .about = "true: debug; messages are kept"},
};
static const struct api_schema update_schema =
    API_SCHEMA("IntegrationUpdate", "What is to change.", update_fields);

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
        api_answer_integration(call, flow);
}

static const struct api_field update_query[] = {
    {.name = "enableAsyncActivationMode", .kind = API_FLAG, .may_lack = true,
     .about = "taken for the sake of scripts: the answer comes when it is done"},
};

#define NO_FLOW {404, "no flow has that code and version; the nearest are named", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "PATCH", .path = "/integrations/{id}", .id = "updateIntegration",
     .role = API_CHANGE, .is_recorded_below = true,
     .about = "Activates or deactivates a flow, or sets its tracing level. Activating tests every "
              "connection of the flow first and deactivates other versions with the same first two "
              "numbers. What runs is finished.",
     .query = update_query, .query_count = API_COUNT(update_query), .body = &update_schema,
     .results = {{200, "done", &api_integration_schema, NULL}, NO_FLOW,
                 {412, "it is so already, a connection is missing or its test failed, or the "
                       "schedule is started", NULL, NULL}},
     .run = update_integration},
};

const struct api_area api_integration_updates = {"IntegrationUpdates", "Whether flows may run.", operations,
                                                 API_COUNT(operations)};
