/* SPDX-License-Identifier: MIT */
/* Payload format 2.0; see lambda_event.h. */
#include "server/lambda_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/answer.h"

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

bool lambda_event_is_request(const cJSON *event)
{
    const cJSON *context = member(event, "requestContext");
    return cJSON_IsObject(context) && (member(context, "http") || member(context, "httpMethod") ||
                                       member(context, "elb"));
}

/* Names of header fields are in lower case there; a comparison without case costs nothing. */
static const char *field_of(void *context, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem((const cJSON *)context, name));
}

/* "/stage/path" where the API has a stage with a name; function URLs and $default have none. */
static char *path_without_stage(const cJSON *json, const cJSON *context)
{
    const char *path = json_text(json, "rawPath"), *stage = json_text(context, "stage");
    size_t size = stage ? strlen(stage) : 0;
    if (!path || path[0] != '/')
        return strdup("/");
    bool has_stage = size > 0 && strncmp(path + 1, stage, size) == 0 &&
                     (path[1 + size] == '/' || path[1 + size] == '\0');
    const char *rest = has_stage ? path + 1 + size : path;
    return strdup(*rest ? rest : "/");
}

/* Who the platform says it is: an authorizer that let the request through has seen to that. */
static void take_caller(struct function_event *event, const cJSON *context)
{
    const cJSON *authorizer = member(context, "authorizer");
    const cJSON *claims = member(member(authorizer, "jwt"), "claims");
    const char *arn = json_text(member(authorizer, "iam"), "userArn");
    const char *subject = json_text(claims, "sub");
    event->is_authenticated = cJSON_IsObject(authorizer);
    event->invoked_by = arn ? arn : subject;
}

static bool take_body(struct lambda_request *out, const cJSON *json, struct error *err)
{
    const char *text = json_text(json, "body");
    size_t size = text ? strlen(text) : 0;
    out->event.body = text ? text : "";
    out->event.body_size = size;
    if (!cJSON_IsTrue(member(json, "isBase64Encoded")))
        return true;
    out->body = malloc(size + 1);
    if (!out->body)
        return error_set(err, ERROR_LIMIT, "out of memory");
    out->event.body = out->body;
    return text_decode_base64(text ? text : "", size, BASE64_PADDED, out->body, size,
                              &out->event.body_size) ||
           error_set(err, ERROR_INVALID, "the event's body is not base64");
}

bool lambda_request_read(struct lambda_request *out, const cJSON *json, struct error *err)
{
    *out = (struct lambda_request){0};
    const cJSON *context = member(json, "requestContext"), *http = member(context, "http");
    const char *version = json_text(json, "version");
    if (!http || !version || strcmp(version, "2.0") != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the request has payload format version '%.16s'; let the "
                         "integration use version 2.0",
                         version ? version : "1.0");
    cJSON *headers = cJSON_GetObjectItemCaseSensitive(json, "headers");
    out->path = path_without_stage(json, context);
    if (!out->path)
        return error_set(err, ERROR_LIMIT, "out of memory");
    const char *method = json_text(http, "method");
    out->event.method = method ? method : "POST";
    out->event.path = out->path;
    out->event.address = json_text(http, "sourceIp");
    out->event.field = field_of;
    out->event.context = headers;
    out->event.authorization = field_of(headers, "authorization");
    out->event.content_type = field_of(headers, "content-type");
    out->event.traceparent = field_of(headers, "traceparent");
    out->event.tracestate = field_of(headers, "tracestate");
    take_caller(&out->event, context);
    return take_body(out, json, err);
}

void lambda_request_release(struct lambda_request *request)
{
    free(request->path);
    free(request->body);
}

/* ---- answers ---- */

/* The format has no place for a field twice: the first stands. */
static void append_pair(void *context, const char *name, const char *value)
{
    struct buf *out = context;
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    if (out->failed || strstr(buf_text(out), key))
        return;
    if (out->data[out->size - 1] != '{')
        buf_append_char(out, ',');
    json_append_text(out, name, strlen(name));
    buf_append_char(out, ':');
    json_append_text(out, value, strlen(value));
}

void lambda_answer_format(const struct http_answer *answer, bool with_body, struct buf *out)
{
    const char *body = buf_text(&answer->body);
    bool is_text = text_is_utf8(body, answer->body.size);
    buf_printf(out, "{\"statusCode\":%d,\"headers\":{", answer->status);
    answer_each_field(answer, append_pair, out);
    buf_append_char(out, '}');
    if (with_body) {
        buf_append_text(out, ",\"body\":");
        if (is_text) {
            json_append_text(out, body, answer->body.size);
        } else {
            buf_append_char(out, '"');
            buf_append_base64(out, body, answer->body.size);
            buf_append_char(out, '"');
        }
        buf_printf(out, ",\"isBase64Encoded\":%s", is_text ? "false" : "true");
    }
    buf_append_char(out, '}');
}
