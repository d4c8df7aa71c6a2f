/* SPDX-License-Identifier: MIT */
/* One span as JSON; see otlp.h. */
#include "transfer/otlp.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define STATUS_ERROR 2 /* Status.StatusCode */

static void append_text(struct buf *out, const char *text)
{
    size_t size = strnlen(text, OTLP_TEXT_SIZE_MAX);
    if (text[size])
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--; /* not inside a character */
    json_append_text(out, text, size);
}

static bool is_left_out(const struct otlp_attribute *attribute)
{
    return attribute->text && !attribute->text[0];
}

static void append_attributes(struct buf *out, const struct otlp_span *span)
{
    bool is_first = true;
    buf_append_text(out, ",\"attributes\":[");
    for (size_t i = 0; i < span->attribute_count; i++) {
        const struct otlp_attribute *attribute = &span->attributes[i];
        if (is_left_out(attribute))
            continue;
        buf_printf(out, "%s{\"key\":\"%s\",\"value\":{", is_first ? "" : ",", attribute->key);
        is_first = false;
        if (attribute->text) {
            buf_append_text(out, "\"stringValue\":");
            append_text(out, attribute->text);
        } else {
            buf_printf(out, "\"intValue\":\"%lld\"", (long long)attribute->number);
        }
        buf_append_text(out, "}}");
    }
    buf_append_char(out, ']');
}

static void append_status(struct buf *out, const struct otlp_span *span)
{
    if (!span->has_failed)
        return;
    buf_printf(out, ",\"status\":{\"code\":%d", STATUS_ERROR);
    if (span->message && span->message[0]) {
        buf_append_text(out, ",\"message\":");
        append_text(out, span->message);
    }
    buf_append_char(out, '}');
}

void otlp_append_span(struct buf *out, const struct otlp_span *span)
{
    buf_printf(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", span->trace, span->span);
    if (span->parent && span->parent[0])
        buf_printf(out, ",\"parentSpanId\":\"%s\"", span->parent);
    if (span->state && span->state[0]) {
        buf_append_text(out, ",\"traceState\":");
        json_append_text(out, span->state, strlen(span->state));
    }
    buf_append_text(out, ",\"name\":");
    append_text(out, span->name);
    buf_printf(out, ",\"kind\":%d,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\"",
               span->kind, (long long)span->start_ns, (long long)span->end_ns);
    append_attributes(out, span);
    append_status(out, span);
    buf_append_char(out, '}');
}
