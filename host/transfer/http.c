/* SPDX-License-Identifier: MIT */
/*
 * http_call: one request to a REST service with the connection's authentication; see transfer.h.
 * A file goes along as the second part of multipart/mixed (RFC 2046 5.1), streamed from where it
 * is.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "transfer/http_answer.h"
#include "transfer/oauth.h"
#include "transfer/object_http.h"

#define METHOD_SIZE_MAX 20
#define BOUNDARY_SIZE 33
#define PART_HEAD_SIZE_MAX 4096

/* The body: head, the file, tail; or head alone. */
struct body {
    struct buf head, tail;
    size_t head_given, tail_given;
    struct pump *pump;
    bool has_failed;
    struct error failure;
};

struct exchange {
    struct transfer *transfer;
    const struct connection *connection;
    const struct http_request *request;
    const struct transfer_call *call;
    struct body body;
    struct buf token; /* the bearer token of this attempt; wiped */
};

/* ---- what may be sent again ---- */

bool http_is_repeatable(const char *method)
{
    return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

enum error_retry http_answer_retry(const char *method, const struct http_response *response,
                                   uint32_t *after_ms)
{
    int status = response->status;
    *after_ms = http_retry_after_ms(response, clock_wall_ms() / 1000);
    if (status == 429 || status == 503)
        return RETRY_LATER;
    if (!http_is_repeatable(method))
        return RETRY_NEVER;
    return status == 408 || status == 502 || status == 504 ? RETRY_LATER
           : status == 500                                 ? RETRY_FEW
                                                           : RETRY_NEVER;
}

/* ---- checks ---- */

static bool is_method(const char *method)
{
    size_t size = strlen(method);
    for (size_t i = 0; i < size; i++)
        if (!isupper((unsigned char)method[i]))
            return false;
    return size > 0 && size <= METHOD_SIZE_MAX && strcmp(method, "CONNECT") != 0;
}

static bool check_request(const struct connection *connection, const struct http_request *request,
                          struct error *err)
{
    if (!is_method(request->method))
        return connection_error(connection, err, ERROR_INVALID,
                                "a method is a word of capital letters such as GET or PATCH");
    if (request->path[0] != '/')
        return connection_error(connection, err, ERROR_INVALID, "a path begins with '/'");
    if (request->content_type && text_has_control(request->content_type))
        return connection_error(connection, err, ERROR_INVALID,
                                "the content type holds a control byte");
    if (request->attachment && (!request->attachment_name || !request->attachment_name[0] ||
                                text_has_control(request->attachment_name) ||
                                strlen(request->attachment_name) > REMOTE_NAME_SIZE_MAX))
        return connection_error(connection, err, ERROR_INVALID,
                                "an attachment needs a name without control bytes");
    return true;
}

/* ---- multipart/mixed ---- */

static bool make_boundary(char text[static BOUNDARY_SIZE])
{
    unsigned char random[BOUNDARY_SIZE / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    return true;
}

/* RFC 6266 style: a quoted fallback, and the UTF-8 name where it differs. */
static void append_disposition(struct buf *out, const char *name)
{
    bool is_plain = true;
    buf_append_text(out, "Content-Disposition: attachment; filename=\"");
    for (const char *at = name; *at; at++) {
        bool plain = (unsigned char)*at < 0x80 && *at != '"' && *at != '\\';
        buf_append_char(out, plain ? *at : '_');
        is_plain = is_plain && plain;
    }
    buf_append_char(out, '"');
    if (!is_plain) {
        buf_append_text(out, "; filename*=UTF-8''");
        buf_append_percent(out, name);
    }
    buf_append_text(out, "\r\n");
}

static bool build_multipart(struct exchange *exchange, struct handle *handle, struct error *err)
{
    const struct http_request *request = exchange->request;
    struct body *body = &exchange->body;
    char boundary[BOUNDARY_SIZE], type[80];
    if (!make_boundary(boundary))
        return connection_error(exchange->connection, err, ERROR_INTERNAL, "no random numbers");
    buf_init(&body->head, request->body_size + PART_HEAD_SIZE_MAX * 2);
    buf_init(&body->tail, 128);
    buf_printf(&body->head, "--%s\r\nContent-Type: %s\r\nContent-ID: <message>\r\n\r\n", boundary,
               request->content_type && request->content_type[0] ? request->content_type
                                                                 : "application/json");
    buf_append(&body->head, request->body, request->body_size);
    buf_printf(&body->head, "\r\n--%s\r\nContent-Type: application/octet-stream\r\n", boundary);
    append_disposition(&body->head, request->attachment_name);
    buf_append_text(&body->head, "Content-ID: <file>\r\n");
    uint64_t size = remote_file_size(request->attachment);
    if (size != REMOTE_SIZE_UNKNOWN)
        buf_printf(&body->head, "Content-Length: %llu\r\n", (unsigned long long)size);
    buf_append_text(&body->head, "\r\n");
    buf_printf(&body->tail, "\r\n--%s--\r\n", boundary);
    if (body->head.failed || body->tail.failed)
        return connection_error(exchange->connection, err, ERROR_INTERNAL, "out of memory");
    snprintf(type, sizeof type, "multipart/mixed; boundary=%s", boundary);
    return http_header(handle, "Content-Type", type, err);
}

static bool open_attachment(struct exchange *exchange, struct error *err)
{
    struct source source = {.fd = -1};
    struct body *body = &exchange->body;
    const struct remote_file *file = exchange->request->attachment;
    if (!remote_read(exchange->transfer, file, exchange->call, &source, err))
        return false;
    body->pump = pump_open(&source, exchange->call, err);
    return body->pump != NULL;
}

static size_t give(const struct buf *from, size_t *given, char *buffer, size_t size)
{
    size_t count = from->size - *given < size ? from->size - *given : size;
    if (count > 0)
        memcpy(buffer, from->data + *given, count);
    *given += count;
    return count;
}

/* Head, file, tail. The tail is given only after the source ended well: a receiver that sees no
 * final boundary and too few bytes refuses the rest. */
static size_t feed(char *buffer, size_t unit, size_t count, void *context)
{
    struct body *body = context;
    size_t got = give(&body->head, &body->head_given, buffer, unit * count);
    if (got > 0 || !body->pump)
        return got;
    got = body->tail_given == 0 ? pump_read(buffer, unit, count, body->pump) : 0;
    if (got != 0 && got != CURL_READFUNC_ABORT)
        return got;
    if (body->tail_given == 0 && !pump_finish(body->pump, &body->failure)) {
        body->has_failed = true;
        return CURL_READFUNC_ABORT;
    }
    return give(&body->tail, &body->tail_given, buffer, unit * count);
}

/* A body of unknown size is sent in chunks (RFC 9112 7.1). */
static bool stream_body(struct exchange *exchange, struct handle *handle, struct error *err)
{
    struct body *body = &exchange->body;
    uint64_t size = remote_file_size(exchange->request->attachment);
    bool is_known = size != REMOTE_SIZE_UNKNOWN;
    curl_off_t whole = (curl_off_t)(body->head.size + size + body->tail.size);
    curl_easy_setopt(handle->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE_LARGE, is_known ? whole : (curl_off_t)-1);
    curl_easy_setopt(handle->easy, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(handle->easy, CURLOPT_READDATA, body);
    curl_easy_setopt(handle->easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    return is_known || http_header(handle, "Transfer-Encoding", "chunked", err);
}

static void release_body(struct body *body)
{
    pump_close(body->pump);
    buf_release(&body->head);
    buf_release(&body->tail);
    *body = (struct body){0};
}

/* ---- one attempt ---- */

static bool set_body(struct exchange *exchange, struct handle *handle, struct http_answer *answer,
                     struct error *err)
{
    const struct http_request *request = exchange->request;
    if (request->attachment) {
        http_send_once(handle, answer);
        return build_multipart(exchange, handle, err) && open_attachment(exchange, err) &&
               stream_body(exchange, handle, err);
    }
    bool has_type = request->content_type && request->content_type[0];
    bool has_body = has_type || request->body_size > 0;
    bool wants_length = strcmp(request->method, "POST") == 0 ||
                        strcmp(request->method, "PUT") == 0 ||
                        strcmp(request->method, "PATCH") == 0;
    if (!has_body && !wants_length) {
        if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
            http_send_once(handle, answer);
        return true;
    }
    http_send_body(handle, answer, request->body, request->body_size);
    /* Small bodies do not wait for 100 Continue; without a type, libcurl would claim a form. */
    bool is_signed = exchange->connection->auth == AUTH_OCI_SIGNATURE_V1;
    return handle_append(handle, HTTP_LIST, "Expect:", err) &&
           (has_type ? is_signed || http_header(handle, "Content-Type", request->content_type, err)
                     : handle_append(handle, HTTP_LIST, "Content-Type:", err));
}

/* Signatures do not cover these. */
static bool add_fields(const struct exchange *exchange, struct handle *handle, struct error *err)
{
    const struct transfer_call *call = exchange->call;
    bool has_state = call && call->tracestate && call->tracestate[0];
    if (call && call->traceparent && !http_header(handle, "traceparent", call->traceparent, err))
        return false;
    if (has_state && !http_header(handle, "tracestate", call->tracestate, err))
        return false;
    for (size_t i = 0; i < exchange->request->field_count; i++) {
        const struct http_field *field = &exchange->request->fields[i];
        if (!http_header(handle, field->name, field->value, err))
            return false;
    }
    return true;
}

static void set_method(struct exchange *exchange, struct handle *handle)
{
    const char *method = exchange->request->method;
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(handle->easy, CURLOPT_CUSTOMREQUEST, method);
}

/* A service may be silent while it works: the request as a whole is limited, and where a file goes
 * along, of which nobody knows how long it takes, silence is. */
static void set_time(struct exchange *exchange, struct handle *handle)
{
    if (exchange->request->attachment)
        http_limit_silence(handle);
    else
        http_limit_time(handle);
}

static bool sign(struct exchange *exchange, struct handle *handle, const struct http_target *target,
                 struct error *err)
{
    const struct http_request *request = exchange->request;
    char date[CLOCK_TEXT_SIZE];
    bool signs_body = strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                      strcmp(request->method, "PATCH") == 0;
    if (request->attachment)
        return connection_error(exchange->connection, err, ERROR_UNSUPPORTED,
                                "a signed request cannot carry a file");
    const struct oci_request signature = {
        .method = request->method,
        .target = buf_text(&target->target),
        .host = buf_text(&target->host),
        .date = clock_format_http(clock_wall_ms() / 1000, date),
        .signs_body = signs_body,
        .content_type = request->content_type && request->content_type[0] ? request->content_type
                                                                          : "application/json",
        .body = request->body,
        .body_size = request->body_size};
    return oci_sign_request(exchange->transfer, handle, &signature, err);
}

static bool authenticate(struct exchange *exchange, struct handle *handle,
                         const struct http_target *target, struct error *err)
{
    switch (exchange->connection->auth) {
    case AUTH_NONE:
        return true;
    case AUTH_BASIC:
        curl_easy_setopt(handle->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        return handle_login(handle, err);
    case AUTH_OAUTH2_CLIENT:
        curl_easy_setopt(handle->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(handle->easy, CURLOPT_XOAUTH2_BEARER, buf_text(&exchange->token));
        return true;
    case AUTH_OCI_SIGNATURE_V1:
        return sign(exchange, handle, target, err);
    }
    return connection_error(exchange->connection, err, ERROR_INTERNAL, "unknown kind of auth");
}

/* A request that may have taken effect is worth repeating only where that changes nothing. */
static bool explain(struct exchange *exchange, CURLcode code, struct error *err)
{
    const char *method = exchange->request->method;
    bool repeats = http_is_repeatable(method);
    if (exchange->body.has_failed) {
        if (err)
            *err = exchange->body.failure;
        return repeats ? false : error_advise(err, RETRY_NEVER);
    }
    bool changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
    if (!changes || !http_reply_lost(code) || code == CURLE_ABORTED_BY_CALLBACK)
        return false;
    enum error_retry retry = err && repeats ? err->retry : RETRY_NEVER;
    if (err && code == CURLE_WEIRD_SERVER_REPLY)
        error_set(err, ERROR_UNKNOWN,
                  "%s; the request was sent: whether it took effect is not known", err->message);
    else if (code != CURLE_OPERATION_TIMEDOUT)
        connection_error(exchange->connection, err, ERROR_UNKNOWN,
                         "the request was sent, but the connection was lost before an answer "
                         "came: whether it took effect is not known");
    return error_advise(err, retry);
}

static bool attempt(struct exchange *exchange, const struct http_target *target,
                    struct http_response *response, struct error *err)
{
    struct http_answer answer;
    CURLcode code = CURLE_OK;
    struct handle *handle =
        pool_acquire(exchange->transfer, exchange->connection, exchange->call, err);
    bool ok = handle != NULL;
    if (ok) {
        http_expect(handle, target, &answer, response, HTTP_RESPONSE_SIZE_MAX);
        ok = set_body(exchange, handle, &answer, err) &&
             authenticate(exchange, handle, target, err) && add_fields(exchange, handle, err);
    }
    if (ok) {
        set_method(exchange, handle);
        set_time(exchange, handle);
        ok = http_perform(handle, &answer, &code, err) || explain(exchange, code, err);
    }
    pool_release(exchange->transfer, handle);
    release_body(&exchange->body);
    return ok;
}

/* With a token: a 401 may only mean that it ended early, so one new one is tried. */
static bool attempt_with_token(struct exchange *exchange, const struct http_target *target,
                               struct http_response *response, struct error *err)
{
    buf_init(&exchange->token, OAUTH_TOKEN_SIZE_MAX);
    bool ok = oauth_token(exchange->transfer, exchange->connection, exchange->call, NULL,
                          &exchange->token, err) &&
              attempt(exchange, target, response, err);
    if (ok && response->status == 401) {
        struct buf refused = exchange->token;
        buf_init(&exchange->token, OAUTH_TOKEN_SIZE_MAX);
        http_response_release(response);
        metric_count(METRIC_RETRIES, "token", "", 1);
        ok = oauth_token(exchange->transfer, exchange->connection, exchange->call,
                         buf_text(&refused), &exchange->token, err) &&
             attempt(exchange, target, response, err);
        if (refused.data)
            explicit_bzero(refused.data, refused.capacity);
        buf_release(&refused);
    }
    if (exchange->token.data)
        explicit_bzero(exchange->token.data, exchange->token.capacity);
    buf_release(&exchange->token);
    return ok;
}

bool http_call(struct transfer *transfer, const struct connection *connection,
               const struct http_request *request, const struct transfer_call *call,
               struct http_response *response, struct error *err)
{
    struct exchange exchange = {.transfer = transfer, .connection = connection, .request = request,
                                .call = call};
    struct http_target target = {0};
    *response = (struct http_response){0};
    bool ok = check_request(connection, request, err) &&
              http_target_build(connection, request->path, &target, err) &&
              (connection->auth == AUTH_OAUTH2_CLIENT
                   ? attempt_with_token(&exchange, &target, response, err)
                   : attempt(&exchange, &target, response, err));
    http_target_release(&target);
    return ok;
}
