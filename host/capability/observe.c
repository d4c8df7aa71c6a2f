/* SPDX-License-Identifier: MIT */
/* Numbers and spans of import calls; see observe.h. */
#include "capability/observe.h"

#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "workspace/url.h"

#define ATTRIBUTES_MAX 12

bool observe_is_traced(const struct execution *execution)
{
    return execution->environment->otlp && execution->trace.is_sampled;
}

static void tell_peers(struct execution *execution)
{
    struct trace current = execution->trace;
    memcpy(current.span, execution->call_span, sizeof current.span);
    trace_format(&current, execution->traceparent);
}

void observe_call_begin(struct call *call)
{
    struct execution *execution = call->execution;
    if (call->import->effect <= SLUICE_EFFECT_SETTING || !observe_is_traced(execution))
        return;
    trace_child_span(execution->trace.span, ++execution->call_count, execution->call_span);
    tell_peers(execution);
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static void count(struct execution *execution, const struct activity *activity)
{
    metric_count(METRIC_IMPORT_CALLS, activity->import, activity->result, 1);
    metric_observe(METRIC_IMPORT_SECONDS, activity->import, activity->duration_us);
    if (activity->bytes > 0)
        metric_count(METRIC_IMPORT_BYTES, activity->import, "", (int64_t)activity->bytes);
    execution->bytes += activity->bytes;
}

/* ---- spans ------------------------------------------------------------------------------------- */

struct attributes {
    struct otlp_attribute list[ATTRIBUTES_MAX];
    size_t count;
};

static void add_text(struct attributes *attributes, const char *key, const char *text)
{
    if (text && text[0])
        attributes->list[attributes->count++] = (struct otlp_attribute){.key = key, .text = text};
}

static void add_number(struct attributes *attributes, const char *key, int64_t number)
{
    attributes->list[attributes->count++] = (struct otlp_attribute){.key = key, .number = number};
}

/* Host and port of what a connection's address names. */
static void add_server(struct attributes *attributes, const struct connection *connection,
                       char host[static 256])
{
    struct url_parts parts;
    char why[128];
    if (connection->url && url_parse(connection->url, &parts, why, sizeof why)) {
        memcpy(host, parts.host, sizeof parts.host);
        add_text(attributes, "server.address", host);
        add_number(attributes, "server.port", parts.port);
    } else if (connection->host) {
        add_text(attributes, "server.address", connection->host);
        add_number(attributes, "server.port", connection->port);
    }
}

/* OpenTelemetry's semantic conventions for HTTP clients. Only with a connection: then the arguments
 * have passed their checks, and texts are terminated. */
static void add_http(struct attributes *attributes, const struct call *call)
{
    if (call->import == &imports[IMPORT_http_request])
        add_text(attributes, "http.request.method", call->args[1].text);
    if (call->status > 0)
        add_number(attributes, "http.response.status_code", call->status);
}

static void send_span(const struct call *call, const struct activity *activity)
{
    const struct execution *execution = call->execution;
    const struct connection *connection = call->connection;
    bool is_remote = connection && connection->type != CONNECTION_LOCAL;
    bool failed = strcmp(activity->result, "ok") != 0;
    struct attributes attributes = {.count = 0};
    char host[256];
    add_text(&attributes, "sluice.instance", execution->instance);
    add_text(&attributes, "sluice.connection", activity->connection);
    add_text(&attributes, "sluice.subject", activity->subject);
    add_text(&attributes, "sluice.result", activity->result);
    if (activity->bytes > 0)
        add_number(&attributes, "sluice.bytes", (int64_t)activity->bytes);
    if (is_remote) {
        add_server(&attributes, connection, host);
        add_http(&attributes, call);
    }
    if (failed)
        add_text(&attributes, "error.type", activity->result);
    int64_t end_ns = clock_wall_ns();
    const struct otlp_span span = {
        .trace = execution->trace.id,
        .span = execution->call_span,
        .parent = execution->trace.span,
        .state = execution->trace_state,
        .name = activity->import,
        .kind = is_remote ? OTLP_CLIENT : OTLP_INTERNAL,
        .start_ns = end_ns - activity->duration_us * 1000,
        .end_ns = end_ns,
        .has_failed = failed,
        .message = failed ? activity->detail : NULL,
        .attributes = attributes.list,
        .attribute_count = attributes.count,
    };
    otlp_send(execution->environment->otlp, &span);
}

void observe_call_end(struct call *call, const struct activity *activity)
{
    struct execution *execution = call->execution;
    count(execution, activity);
    if (strcmp(execution->call_span, execution->trace.span) == 0)
        return;
    send_span(call, activity);
    memcpy(execution->call_span, execution->trace.span, sizeof execution->call_span);
    tell_peers(execution);
}
