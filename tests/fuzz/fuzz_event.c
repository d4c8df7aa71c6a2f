/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as an event: a CloudEvent in either mode, an invocation, a request of
 * payload format 2.0, a time, overrides of attributes. What is taken must lie inside what was
 * given, and be text where text is promised.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_slice.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "server/end_event.h"
#include "server/invocation.h"
#include "server/lambda_event.h"
#include "fuzz/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes as every header field. */
static const char *field_of(void *context, const char *name)
{
    return strcmp(name, "ce-specversion") == 0 ? "1.0" : context;
}

static void check_event(const struct cloud_event *event)
{
    const char *const texts[] = {event->id, event->source, event->type};
    for (size_t i = 0; i < 3; i++)
        if (!texts[i] || !*texts[i] || text_has_control(texts[i]) ||
            !text_is_utf8(texts[i], strlen(texts[i])))
            abort();
}

static void fuzz_cloud_events(const char *text, size_t size)
{
    struct cloud_event event;
    struct buf value;
    if (cloud_event_read(&event, CLOUD_EVENT_STRUCTURED, field_of, NULL, text, size, NULL))
        check_event(&event);
    cloud_event_release(&event);
    if (cloud_event_read(&event, "text/plain", field_of, (void *)(uintptr_t)text, text, size, NULL))
        check_event(&event);
    cloud_event_release(&event);
    buf_init(&value, 4 * size + 1);
    cloud_event_append_value(&value, text);
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] <= 0x20 || value.data[i] >= 0x7F)
            abort();
    buf_clear(&value);
    if (!end_event_overrides(text, &value, NULL))
        buf_clear(&value);
    buf_release(&value);
}

static void fuzz_invocations(const char *text, size_t size)
{
    char schedule[] = "schedule";
    const struct manifest manifest = {.identifier = schedule, .trigger_type = schedule};
    struct invocation invocation;
    struct flow_input input;
    struct json_slice slice;
    if (invocation_read(&invocation, "application/json", NULL, NULL, text, size, NULL) &&
        invocation.data_size > 0 &&
        ((const char *)invocation.data < text ||
         (const char *)invocation.data + invocation.data_size > text + size))
        abort();
    if (flow_input_read(&input, &manifest, text, size, NULL) &&
        input.parameter_count > INVOCATION_PARAMETERS_MAX)
        abort();
    flow_input_release(&input);
    invocation_release(&invocation);
    if (json_slice_member(text, size, "data", &slice) &&
        (slice.text < text || slice.text + slice.size > text + size))
        abort();
}

static void fuzz_requests(const char *text, size_t size)
{
    struct lambda_request request;
    cJSON *json = json_parse(text, size, "event", JSON_STRICT, NULL);
    if (json && lambda_event_is_request(json)) {
        if (lambda_request_read(&request, json, NULL) && request.path[0] != '/')
            abort();
        lambda_request_release(&request);
    }
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t wall_ms;
    char *text = input_text(data, size);
    if (!text)
        return 0;
    fuzz_cloud_events(text, size);
    fuzz_invocations(text, size);
    fuzz_requests(text, size);
    if (rfc3339_parse(text, &wall_ms) && wall_ms < 0)
        abort();
    free(text);
    return 0;
}
