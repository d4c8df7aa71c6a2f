/* SPDX-License-Identifier: MIT */
/* Capability http: small requests to a REST endpoint, and objects at Object Storage. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "capability/content.h"
#include "capability/handlers.h"
#include "capability/journal.h"
#include "capability/object.h"
#include "capability/retry.h"

static bool is_method(const char *method)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

/* "." or "..", percent-encoded or not: libcurl and servers would take them out of the path and so
 * leave the connection's address. */
static bool is_dots(const char *segment, size_t size)
{
    size_t dots = 0;
    for (size_t i = 0; i < size; dots++) {
        bool is_encoded = size - i >= 3 && strncasecmp(segment + i, "%2e", 3) == 0;
        if (!is_encoded && segment[i] != '.')
            return false;
        i += is_encoded ? 3 : 1;
    }
    return dots == 1 || dots == 2;
}

/* The path goes onto the request line as it is, so it must already be what RFC 3986 allows there. */
static bool is_path(const char *path)
{
    if (path[0] != '/' || path[1] == '/')
        return false;
    for (const char *at = path; *at; at++)
        if (*at <= 0x20 || *at >= 0x7F || strchr("\"<>\\^`{|}#", *at))
            return false;
    for (const char *at = path; *at == '/';) {
        size_t size = strcspn(at + 1, "/?");
        if (is_dots(at + 1, size))
            return false;
        at += 1 + size;
    }
    return true;
}

static bool check_request(struct call *call, const struct http_request *request)
{
    if (call->connection->type != CONNECTION_REST)
        return error_set(&call->error, ERROR_UNSUPPORTED,
                         "connection '%s' is of type \"%s\"; \"http.request\" needs \"rest\"",
                         call->connection->name, connection_type_name(call->connection->type));
    if (!is_method(request->method))
        return error_set(&call->error, ERROR_INVALID, "'%.20s' is not a method of this host",
                         request->method);
    if (!is_path(request->path))
        return error_set(&call->error, ERROR_INVALID,
                         "path must begin with one '/', be percent-encoded, without '.' and '..'");
    if (text_has_control(request->content_type))
        return error_set(&call->error, ERROR_INVALID, "control byte in the content type");
    return true;
}

/* Some CCS releases want the message inside one root property: a setting of the connection, so that
 * the flow need not know. body is empty, or one JSON value. */
static void wrap_body(const struct connection *connection, struct http_request *request,
                      struct buf *wrapped)
{
    bool is_json = strncmp(request->content_type, "application/json", 16) == 0;
    if (!connection->wrapper || !is_json || request->body_size == 0)
        return;
    buf_append_char(wrapped, '{');
    json_append_text(wrapped, connection->wrapper, strlen(connection->wrapper));
    buf_append_char(wrapped, ':');
    buf_append(wrapped, request->body, request->body_size);
    buf_append_char(wrapped, '}');
    request->body = wrapped->data;
    request->body_size = wrapped->size;
}

#define WRAPPED_SIZE_MAX (SLUICE_BYTES_SIZE_MAX + 1024)
#define NOT_CARRIED_OUT "-" /* what is announced behind an attempt that certainly had no effect */

static bool is_read(const struct http_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

/* The intent of a request that changes something. One that is in doubt is repeated if it may be. */
static bool announce(struct call *call, const struct http_request *request)
{
    bool is_known = call->is_in_doubt && call->doubt_size == strlen(NOT_CARRIED_OUT) &&
                    memcmp(call->doubt, NOT_CARRIED_OUT, call->doubt_size) == 0;
    call->is_settled = true; /* by what it may be told: that it is not known */
    if (is_read(request))
        return true;
    if (!call->is_in_doubt || is_known)
        return journal_announce(call, "", 0, JOURNAL_ON_DISK);
    return http_is_repeatable(request->method) ||
           error_set(&call->error, ERROR_UNKNOWN,
                     "%s %s was sent before the process ended, and its answer is not known",
                     request->method, request->path);
}

/* A process that ends in the pause before another attempt leaves no doubt then. */
static void take_back(struct call *call, const struct http_request *request)
{
    if (!is_read(request) && call->error.retry != RETRY_NEVER && !call->execution->stop)
        (void)!journal_announce(call, NOT_CARRIED_OUT, strlen(NOT_CARRIED_OUT), JOURNAL_IN_ORDER);
}

/* Announced last, so that what keeps it from being sent leaves no doubt. */
static bool request_wrapped(struct call *call, struct http_request *request,
                            struct http_response *response)
{
    struct buf wrapped;
    buf_init(&wrapped, WRAPPED_SIZE_MAX);
    wrap_body(call->connection, request, &wrapped);
    bool ok = !wrapped.is_full || error_set(&call->error, ERROR_LIMIT,
                                            "in its wrapper the message has more than %u bytes",
                                            WRAPPED_SIZE_MAX);
    ok = ok && (!wrapped.failed || error_out_of_memory(&call->error));
    ok = ok && announce(call, request) &&
         http_call(call->execution->environment->transfer, call->connection, request,
                   &call->transfer, response, &call->error);
    buf_release(&wrapped);
    return ok;
}

static bool asks_to_come_back(struct call *call, const struct http_request *request,
                              const struct http_response *response)
{
    uint32_t after_ms;
    enum error_retry retry = http_answer_retry(request->method, response, &after_ms);
    return retry != RETRY_NEVER && retry_answer(call, retry, after_ms, response->status);
}

int32_t capability_http_request(struct call *call)
{
    struct http_request request = {
        .method = call->args[1].text,
        .path = call->args[2].text,
        .content_type = call->args[3].text,
        .body = call->args[4].text,
        .body_size = call->args[4].size,
    };
    call->subject = request.path;
    if (!check_request(call, &request))
        return call_failed(call);
    struct http_response *response = calloc(1, sizeof *response);
    if (!response)
        return call_out_of_memory(call);
    if (!request_wrapped(call, &request, response) ||
        asks_to_come_back(call, &request, response)) {
        object_release_response(response);
        take_back(call, &request);
        return call_failed(call);
    }
    char note[32];
    int length = snprintf(note, sizeof note, "HTTP status %d", response->status);
    call->note = arena_copy(&call->execution->scratch, note, (size_t)length);
    call->bytes = response->body.size;
    call->status = response->status;
    return call_open_handle(call, HANDLE_RESPONSE, response, object_release_response);
}

int32_t capability_http_status(struct call *call)
{
    const struct http_response *response = call->args[0].object;
    return response->status;
}

int32_t capability_http_header(struct call *call)
{
    const struct http_response *response = call->args[0].object;
    char name[128], value[8192];
    snprintf(name, sizeof name, "%s", call->args[1].text);
    for (char *at = name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (http_response_header(response, name, value, sizeof value))
        return call_put_text(&call->args[2], value);
    error_set(&call->error, ERROR_NOT_FOUND, "the response has no header '%s'", name);
    return call_failed(call);
}

int32_t capability_http_body(struct call *call)
{
    const struct http_response *response = call->args[0].object;
    return call_put(&call->args[1], buf_text(&response->body), response->body.size);
}

int32_t capability_http_object_list(struct call *call)
{
    return content_check(call, true) ? content_list(call) : call_failed(call);
}

int32_t capability_http_object_open(struct call *call)
{
    return content_check(call, true) ? content_open(call) : call_failed(call);
}

int32_t capability_http_object_store(struct call *call)
{
    return content_check(call, true) ? content_store(call) : call_failed(call);
}

int32_t capability_http_object_stat(struct call *call)
{
    return content_check(call, true) ? content_stat(call) : call_failed(call);
}

int32_t capability_http_object_rename(struct call *call)
{
    return content_check(call, true) ? content_rename(call) : call_failed(call);
}
