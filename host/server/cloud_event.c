/* SPDX-License-Identifier: MIT */
/* One table of attributes for both modes; see cloud_event.h. */
#include "server/cloud_event.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_slice.h"
#include "base/rfc3339.h"
#include "base/text.h"

#define MEDIA_TYPE "application/cloudevents"

static const struct attribute {
    const char *name, *field; /* in JSON, in a header */
    size_t offset;
    bool required;
} attributes[] = {
    {"id", "ce-id", offsetof(struct cloud_event, id), true},
    {"source", "ce-source", offsetof(struct cloud_event, source), true},
    {"type", "ce-type", offsetof(struct cloud_event, type), true},
    {"subject", "ce-subject", offsetof(struct cloud_event, subject), false},
    {"time", "ce-time", offsetof(struct cloud_event, time), false},
    {"traceparent", "ce-traceparent", offsetof(struct cloud_event, traceparent), false},
    {"tracestate", "ce-tracestate", offsetof(struct cloud_event, tracestate), false},
    {"datacontenttype", NULL, offsetof(struct cloud_event, data_content_type), false},
};
#define ATTRIBUTE_COUNT (sizeof attributes / sizeof attributes[0])

bool cloud_event_is_structured(const char *content_type)
{
    return content_type && strncasecmp(content_type, MEDIA_TYPE, strlen(MEDIA_TYPE)) == 0;
}

bool cloud_event_is_binary(cloud_event_field_fn *field, void *context)
{
    return field(context, "ce-specversion") != NULL;
}

void cloud_event_append_value(struct buf *out, const char *value)
{
    for (const char *at = value; *at; at++) {
        bool plain = *at > 0x20 && *at < 0x7F && *at != '"' && *at != '%';
        if (plain)
            buf_append_char(out, *at);
        else
            buf_printf(out, "%%%02X", (unsigned char)*at);
    }
}

/* ---- attributes ---- */

static bool put(struct cloud_event *event, const struct attribute *attribute, const char *value,
                struct error *err)
{
    size_t size = strlen(value);
    if (size == 0 || size > CLOUD_EVENT_ATTRIBUTE_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "attribute '%s' must have 1 to %u bytes",
                         attribute->name, CLOUD_EVENT_ATTRIBUTE_SIZE_MAX);
    if (!text_is_utf8(value, size) || text_has_control(value))
        return error_set(err, ERROR_INVALID,
                         "attribute '%s' is not UTF-8 text without control characters",
                         attribute->name);
    char *copy = strdup(value);
    if (!copy)
        return error_set(err, ERROR_LIMIT, "out of memory");
    memcpy((char *)event + attribute->offset, &copy, sizeof copy);
    return true;
}

static bool check_version(const char *value, struct error *err)
{
    if (value && strcmp(value, "1.0") == 0)
        return true;
    return error_set(err, ERROR_INVALID, "attribute 'specversion' is %s%.40s%s; expected 1.0",
                     value ? "'" : "missing", value ? value : "", value ? "'" : "");
}

static bool check_attributes(const struct cloud_event *event, struct error *err)
{
    int64_t time_ms;
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        const char *value;
        memcpy(&value, (const char *)event + attributes[i].offset, sizeof value);
        if (attributes[i].required && !value)
            return error_set(err, ERROR_INVALID, "attribute '%s' is missing", attributes[i].name);
    }
    if (event->time && !rfc3339_parse(event->time, &time_ms))
        return error_set(err, ERROR_INVALID,
                         "attribute 'time' must be a time of RFC 3339 such as 2026-11-24T02:37:00Z");
    return true;
}

/* ---- binary mode ---- */

/* Undoes double quotes and backslashes (RFC 7230, 3.2.6). False: not closed at the end, or too
 * long. */
static bool unquote(const char *value, char *out, size_t out_size)
{
    size_t used = 0;
    bool is_quoted = value[0] == '"';
    const char *at = value + is_quoted;
    for (; *at && !(is_quoted && *at == '"'); at++) {
        if (is_quoted && *at == '\\' && at[1])
            at++;
        if (used == out_size - 1)
            return false;
        out[used++] = *at;
    }
    out[used] = '\0';
    return !is_quoted || (at[0] == '"' && at[1] == '\0');
}

/* Then one round of percent signs is decoded, and no more. */
static bool decode_field(const char *value, char *out, size_t out_size)
{
    char plain[3 * CLOUD_EVENT_ATTRIBUTE_SIZE_MAX + 1];
    return unquote(value, plain, sizeof plain) && text_decode_percent(plain, false, out, out_size);
}

static bool read_binary(struct cloud_event *event, const char *content_type,
                        cloud_event_field_fn *field, void *context, struct error *err)
{
    char value[CLOUD_EVENT_ATTRIBUTE_SIZE_MAX + 2];
    if (!check_version(field(context, "ce-specversion"), err))
        return false;
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        const char *text = attributes[i].field ? field(context, attributes[i].field) : content_type;
        if (!text)
            continue;
        if (attributes[i].field && !decode_field(text, value, sizeof value))
            return error_set(err, ERROR_INVALID, "header '%s' cannot be decoded, or is over %u bytes",
                             attributes[i].field, CLOUD_EVENT_ATTRIBUTE_SIZE_MAX);
        if (!put(event, &attributes[i], attributes[i].field ? value : text, err))
            return false;
    }
    return true;
}

/* ---- structured mode ---- */

static bool take_base64(struct cloud_event *event, const cJSON *root, struct error *err)
{
    const char *text = json_text(root, "data_base64");
    if (!text)
        return error_set(err, ERROR_INVALID, "'data_base64' must be text");
    if (cJSON_GetObjectItemCaseSensitive(root, "data"))
        return error_set(err, ERROR_INVALID, "'data' and 'data_base64' exclude each other");
    size_t size = strlen(text);
    event->decoded = malloc(size + 1);
    if (!event->decoded)
        return error_set(err, ERROR_LIMIT, "out of memory");
    event->data = event->decoded;
    return text_decode_base64(text, size, BASE64_PADDED, event->decoded, size, &event->data_size) ||
           error_set(err, ERROR_INVALID, "'data_base64' is not base64");
}

static bool is_json(const char *content_type)
{
    if (!content_type)
        return true; /* formats/json-format.md 3.1: as if it were application/json */
    size_t size = strcspn(content_type, "; ");
    return (size >= 5 && strncasecmp(content_type + size - 5, "/json", 5) == 0) ||
           (size >= 5 && strncasecmp(content_type + size - 5, "+json", 5) == 0);
}

/* JSON data as its very bytes; a text that is not JSON by its content type as the text itself. */
static bool take_data(struct cloud_event *event, const cJSON *root, const char *body, size_t size,
                      struct error *err)
{
    struct json_slice slice;
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    if (cJSON_GetObjectItemCaseSensitive(root, "data_base64"))
        return take_base64(event, root, err);
    if (!data)
        return true;
    if (cJSON_IsString(data) && !is_json(event->data_content_type)) {
        event->decoded = strdup(data->valuestring);
        event->data = event->decoded;
        event->data_size = event->decoded ? strlen(event->decoded) : 0;
        return event->decoded || error_set(err, ERROR_LIMIT, "out of memory");
    }
    if (!json_slice_member(body, size, "data", &slice))
        return error_set(err, ERROR_INVALID, "the name of member 'data' must stand without escapes");
    event->data = slice.text;
    event->data_size = slice.size;
    return true;
}

static bool take_members(struct cloud_event *event, const cJSON *root, struct error *err)
{
    if (!cJSON_IsObject(root))
        return error_set(err, ERROR_INVALID, "a structured event is a JSON object");
    if (!check_version(json_text(root, "specversion"), err))
        return false;
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(root, attributes[i].name);
        if (!member || cJSON_IsNull(member))
            continue;
        if (!cJSON_IsString(member))
            return error_set(err, ERROR_INVALID, "attribute '%s' must be text", attributes[i].name);
        if (!put(event, &attributes[i], member->valuestring, err))
            return false;
    }
    return true;
}

static bool read_structured(struct cloud_event *event, const char *content_type, const char *body,
                            size_t size, struct error *err)
{
    size_t length = strlen(CLOUD_EVENT_STRUCTURED);
    if (strncasecmp(content_type, CLOUD_EVENT_STRUCTURED, length) != 0 ||
        !strchr("; \t", content_type[length]))
        return error_set(err, ERROR_UNSUPPORTED, "'%.80s' is not taken: send single events, in binary "
                         "mode or as " CLOUD_EVENT_STRUCTURED, content_type);
    cJSON *root = json_parse(body, size, "event", JSON_STRICT, err);
    bool ok = root && take_members(event, root, err) && take_data(event, root, body, size, err);
    cJSON_Delete(root);
    return ok;
}

bool cloud_event_read(struct cloud_event *out, const char *content_type,
                      cloud_event_field_fn *field, void *context, const void *body, size_t size,
                      struct error *err)
{
    *out = (struct cloud_event){0};
    if (cloud_event_is_structured(content_type))
        return read_structured(out, content_type, body, size, err) && check_attributes(out, err);
    out->data = body;
    out->data_size = size;
    return read_binary(out, content_type, field, context, err) && check_attributes(out, err);
}

void cloud_event_release(struct cloud_event *event)
{
    free(event->id);
    free(event->source);
    free(event->type);
    free(event->subject);
    free(event->time);
    free(event->data_content_type);
    free(event->traceparent);
    free(event->tracestate);
    free(event->decoded);
    *event = (struct cloud_event){0};
}
