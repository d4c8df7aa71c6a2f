/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as what stands in a header field or a path: credentials, Accept, the trace in three
 * platforms' words, percent encoding, an address of the API. What is taken keeps its promise: it comes out
 * the same when it is written again and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/trace.h"
#include "base/version.h"
#include "server/api_call.h"
#include "server/basic.h"
#include "server/metrics.h"
#include "server/platform_trace.h"
#include "fuzz/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_credentials(const char *text)
{
    struct credentials given;
    struct buf plain, encoded;
    if (!credentials_decode(text, &given))
        return;
    if (strlen(given.name) > USERS_NAME_SIZE_MAX || strlen(given.password) > USERS_PASSWORD_SIZE_MAX ||
        strchr(given.name, ':'))
        abort();
    buf_init(&plain, BASIC_SIZE_MAX + 1);
    buf_init(&encoded, 2 * BASIC_SIZE_MAX + 8);
    buf_printf(&plain, "%s:%s", given.name, given.password);
    buf_append_base64(&encoded, buf_text(&plain), plain.size);
    if (strcmp(buf_text(&encoded), text) != 0)
        abort();
    buf_release(&plain);
    buf_release(&encoded);
}

static void check_parent(const char *text)
{
    struct trace trace, again;
    char formatted[TRACE_PARENT_SIZE];
    if (!trace_parse(text, &trace)) {
        if (trace.id[0] || trace.span[0])
            abort();
        return;
    }
    if (!trace_parse(trace_format(&trace, formatted), &again) || strcmp(again.id, trace.id) != 0 ||
        strcmp(again.span, trace.span) != 0 || again.is_sampled != trace.is_sampled)
        abort();
}

static void fuzz_traces(const char *text)
{
    char state[TRACE_STATE_SIZE], again[TRACE_STATE_SIZE], parent[TRACE_PARENT_SIZE];
    struct trace trace;
    check_parent(text);
    if (trace_state_take(text, state) && (!trace_state_take(state, again) || strcmp(state, again) != 0))
        abort();
    if (platform_trace_xray(text, parent) && !trace_parse(parent, &trace))
        abort();
    const char *behind = strchr(text, '-');
    char *id = strndup(text, behind ? (size_t)(behind - text) : 0);
    if (id && behind && platform_trace_b3(id, behind + 1, "1", NULL, parent) &&
        (!trace_parse(parent, &trace) || !trace.is_sampled))
        abort();
    free(id);
}

static void fuzz_percent(const char *text)
{
    char out[256], again[256];
    struct buf encoded;
    for (int plus = 0; plus < 2; plus++) {
        if (!text_decode_percent(text, plus, out, sizeof out))
            continue;
        if (text_has_control(out) || !text_is_utf8(out, strlen(out)))
            abort();
        buf_init(&encoded, 1024);
        buf_append_percent(&encoded, out);
        if (!text_decode_percent(buf_text(&encoded), plus, again, sizeof again) ||
            strcmp(out, again) != 0)
            abort();
        buf_release(&encoded);
    }
}

/* "METHOD path", or a path that is asked for with each method. */
static void fuzz_route(const char *text)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct api_route route;
    for (size_t i = 0; i < API_COUNT(methods); i++) {
        enum api_match match = api_find(methods[i], NULL, text, &route);
        if (match == API_MATCH && !route.operation)
            abort();
        if (match != API_MATCH)
            continue;
        if (strcmp(route.operation->method, methods[i]) != 0 && strcmp(methods[i], "POST") != 0)
            abort();
        for (size_t j = 0; j < API_ARGUMENTS_MAX; j++)
            if (text_has_control(route.arguments[j]) ||
                !text_is_utf8(route.arguments[j], strlen(route.arguments[j])))
                abort();
    }
}

static void fuzz_versions(const char *text, size_t size)
{
    struct version version, same;
    char written[64];
    if (!version_parse(text, size, &version))
        return;
    int length = snprintf(written, sizeof written, "%u.%u.%u", version.parts[0], version.parts[1],
                          version.parts[2]);
    if (!version_parse(written, (size_t)length, &same) || version_compare(&version, &same) != 0 ||
        !version_covers(&version, &same))
        abort();
}

static void fuzz_accept(const char *text)
{
    char *lower = strdup(text);
    for (char *at = lower; at && *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    if (lower && metrics_negotiate(text) != metrics_negotiate(lower))
        abort();
    free(lower);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = input_text(data, size);
    if (!text)
        return 0;
    fuzz_credentials(text);
    fuzz_traces(text);
    fuzz_percent(text);
    fuzz_route(text);
    fuzz_versions(text, size);
    fuzz_accept(text);
    free(text);
    return 0;
}
