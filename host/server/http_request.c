/* SPDX-License-Identifier: MIT */
/*
 * The way of one request. The library calls http_on_target when it has the first line, then
 * http_on_request: with the header, with pieces of the body, with its end; and again after a connection
 * was resumed. An answer before the body was begun ends the connection (the library's rule).
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/answer.h"
#include "server/http_internal.h"

/* ---- what handlers ask ---- */

static const char *value_of(const struct http_exchange *exchange, enum MHD_ValueKind kind,
                            const char *name)
{
    const struct request *request = (const struct request *)exchange;
    return exchange->streams ? http_body_field(request, kind, name)
                             : MHD_lookup_connection_value(request->connection, kind, name);
}

const char *http_exchange_field(const struct http_exchange *exchange, const char *name)
{
    return value_of(exchange, MHD_HEADER_KIND, name);
}

struct joining {
    const char *name;
    struct buf *out;
};

static enum MHD_Result join_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    const struct joining *joining = context;
    if (strcasecmp(name, joining->name) != 0)
        return MHD_YES;
    if (joining->out->size > 0)
        buf_append_char(joining->out, ',');
    buf_append_text(joining->out, value ? value : "");
    return MHD_YES;
}

const char *http_exchange_fields(const struct http_exchange *exchange, const char *name,
                                 struct buf *out)
{
    const struct request *request = (const struct request *)exchange;
    struct joining joining = {name, out};
    const char *first = http_exchange_field(exchange, name);
    if (!first)
        return NULL;
    if (exchange->streams)
        buf_append_text(out, first); /* the connection may be gone; of each name one was kept */
    else
        MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join_field, &joining);
    return buf_text(out);
}

bool http_exchange_has_argument(const struct http_exchange *exchange, const char *name)
{
    return value_of(exchange, MHD_GET_ARGUMENT_KIND, name) != NULL;
}

bool http_exchange_argument(const struct http_exchange *exchange, const char *name, char *value,
                            size_t value_size)
{
    const char *text = value_of(exchange, MHD_GET_ARGUMENT_KIND, name);
    return text && text_decode_percent(text, true, value, value_size);
}

void http_answer_field(struct http_answer *answer, const char *name, const char *value)
{
    buf_printf(&answer->fields, "%s: %s\n", name, value);
}

/* ---- life ---- */

static void enter(const struct request *request, enum peer_phase phase)
{
    peers_move(&request->server->peers, request->peer, phase, clock_monotonic_ms());
}

static void *socket_context(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void *http_on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->server = context;
    request->connection = connection;
    request->peer = socket_context(connection);
    request->target_size = strlen(target);
    request->is_target = http_strict_is_target(target);
    return request;
}

static void request_free(struct request *request)
{
    struct http_exchange *exchange = &request->exchange;
    if (request->has_begun) {
        atomic_fetch_sub(&request->server->bodies_size, exchange->body.size);
        atomic_fetch_sub(&request->server->busy, 1);
        http_count(request->server, METRIC_HTTP_IN_FLIGHT, -1);
    }
    http_body_release(request);
    buf_release(&exchange->body);
    buf_release(&exchange->answer.body);
    buf_release(&exchange->answer.fields);
    free(request);
}

void http_on_completed(void *context, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode how)
{
    struct request *request = *state;
    int streaming = REQUEST_STREAMING;
    (void)context, (void)connection, (void)how;
    *state = NULL;
    if (!request)
        return;
    enter(request, PEER_HEADER);
    if (atomic_load(&request->stage) == REQUEST_STREAMING)
        http_body_end(request, false);
    if (!atomic_compare_exchange_strong(&request->stage, &streaming, REQUEST_ABANDONED))
        request_free(request);
}

/* ---- the answer ---- */

static void add_field(void *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

static void add_fields(const struct request *request, struct MHD_Response *response)
{
    answer_each_field(&request->exchange.answer, add_field, response);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (atomic_load(&request->server->is_quiet) || (request->peer && request->peer->is_extra))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static void count_answer(const struct request *request)
{
    char code[16];
    snprintf(code, sizeof code, "%d", request->exchange.answer.status);
    if (request->server->options.is_counted)
        metric_count(METRIC_HTTP_REQUESTS, code, "", 1);
}

static enum MHD_Result send_answer(struct request *request)
{
    struct http_answer *answer = &request->exchange.answer;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.size, (void *)buf_text(&answer->body), MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    add_fields(request, response);
    enter(request, PEER_ANSWER);
    if (request->peer)
        request->peer->leave = request->is_over ? LEAVE_LOOK : LEAVE_SLOWLY;
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    count_answer(request);
    return queued;
}

/* ---- pool threads ---- */

static void refuse(struct request *request)
{
    const struct http_handler *handler = &request->server->options.handler;
    handler->refuse(handler->context, &request->exchange);
}

/* The request is the pool thread's no more, unless nobody else is left. */
static void hand_back(struct request *request)
{
    struct http_server *server = request->server;
    struct MHD_Connection *connection = request->connection;
    bool streams = request->exchange.streams;
    if (streams)
        http_body_stop(request);
    switch (atomic_exchange(&request->stage, REQUEST_ANSWERED)) {
    case REQUEST_RUNNING:
    case REQUEST_WAITING:
        MHD_resume_connection(connection);
        break;
    case REQUEST_ABANDONED:
        request_free(request);
        break;
    default: /* the thread of the sockets still reads, and comes to see the stage */
        break;
    }
    if (streams)
        atomic_fetch_sub(&server->streams, 1);
}

void http_run_request(void *context, void *item)
{
    struct http_server *server = context;
    struct request *request = item;
    server->options.handler.run(server->options.handler.context, &request->exchange);
    hand_back(request);
}

/* False: there are as many as there may be. */
static bool admit_stream(struct http_server *server)
{
    if (atomic_fetch_add(&server->streams, 1) < server->streams_max)
        return true;
    atomic_fetch_sub(&server->streams, 1);
    return false;
}

static enum MHD_Result go_on(struct request *request);

static enum MHD_Result hand_over(struct request *request)
{
    bool is_extra = request->peer && request->peer->is_extra;
    if (is_extra || (request->exchange.streams && !admit_stream(request->server))) {
        request->exchange.streams = false;
        refuse(request);
        atomic_store(&request->stage, REQUEST_ANSWERED);
        return go_on(request);
    }
    enter(request, PEER_RUN);
    MHD_suspend_connection(request->connection); /* before a pool thread can resume it */
    atomic_store(&request->stage, REQUEST_RUNNING);
    if (!work_queue_submit(request->server->queue, request)) {
        refuse(request);
        hand_back(request);
    }
    return MHD_YES;
}

/* ---- the header ---- */

static void name_peer(struct MHD_Connection *connection, char address[HTTP_ADDRESS_SIZE])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *peer = info ? info->client_addr : NULL;
    socklen_t size = peer && peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                         : sizeof(struct sockaddr_in);
    if (peer && peer->sa_family == AF_UNIX)
        snprintf(address, HTTP_ADDRESS_SIZE, "local");
    else if (!peer ||
             getnameinfo(peer, size, address, HTTP_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(address, HTTP_ADDRESS_SIZE, "unknown");
}

/* A target in absolute form (RFC 9112 3.2.2) names us, too: only its path counts. */
static const char *path_of(const char *target)
{
    bool is_absolute = strncasecmp(target, "http://", 7) == 0 ||
                       strncasecmp(target, "https://", 8) == 0;
    const char *path = is_absolute ? strchr(strstr(target, "//") + 2, '/') : target;
    return path ? path : "/";
}

static void fill_exchange(struct request *request, const char *method, const char *target)
{
    struct http_exchange *exchange = &request->exchange;
    struct MHD_Connection *connection = request->connection;
    exchange->method = method;
    exchange->path = path_of(target);
    exchange->authorization = http_exchange_field(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    exchange->content_type = http_exchange_field(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
    exchange->body_size = request->framing.body_size;
    name_peer(connection, exchange->address);
}

/* Whether the answer should wait until the body, which nobody wants, has been read. */
static bool is_worth_reading(const struct request *request)
{
    uint64_t size = request->framing.body_size; /* unknown is the largest one */
    return size == 0 || (!request->framing.expects_continue && size <= HTTP_DROP_SIZE_MAX);
}

static enum MHD_Result read_body(struct request *request, enum peer_phase phase)
{
    request->has_continued = true;
    if (request->framing.body_size > 0)
        enter(request, phase);
    return MHD_YES;
}

static enum MHD_Result refuse_framing(struct request *request, int status, const char *why)
{
    int wanted = request->server->options.malformed_status;
    answer_fault(&request->exchange.answer, wanted ? wanted : status, "malformed",
                 "The request is malformed", why);
    return send_answer(request); /* and the connection ends: who knows where the next one begins */
}

static enum MHD_Result begin_streaming(struct request *request)
{
    if (http_body_open(request))
        return hand_over(request);
    request->exchange.streams = false;
    refuse(request);
    atomic_store(&request->stage, REQUEST_ANSWERED);
    return go_on(request);
}

static enum MHD_Result begin(struct request *request, const struct http_first_line *line)
{
    struct http_server *server = request->server;
    struct http_exchange *exchange = &request->exchange;
    const struct http_handler *handler = &server->options.handler;
    const char *why;
    request->has_begun = true;
    atomic_fetch_add(&server->busy, 1);
    http_count(server, METRIC_HTTP_IN_FLIGHT, 1);
    buf_init(&exchange->answer.body, SIZE_MAX / 2);
    buf_init(&exchange->answer.fields, HTTP_HEADER_SIZE_MAX);
    int status = http_strict_check(request->connection, line, &request->framing, &why);
    if (status != 0)
        return refuse_framing(request, status, why);
    fill_exchange(request, line->method, line->target);
    request->ceiling = handler->begin(handler->context, exchange);
    buf_init(&exchange->body, request->ceiling);
    if (exchange->answer.status != 0)
        return is_worth_reading(request) ? read_body(request, PEER_BODY) : send_answer(request);
    if (exchange->streams)
        return begin_streaming(request);
    exchange->is_too_large = exchange->body_size != HTTP_BODY_SIZE_UNKNOWN &&
                             exchange->body_size > request->ceiling;
    if (exchange->is_too_large && !is_worth_reading(request))
        return hand_over(request);
    return read_body(request, PEER_BODY);
}

/* ---- the body ---- */

static void forget_body(struct request *request)
{
    atomic_fetch_sub(&request->server->bodies_size, request->exchange.body.size);
    buf_release(&request->exchange.body);
    buf_init(&request->exchange.body, 0);
}

static void receive(struct request *request, const char *data, size_t size)
{
    struct http_server *server = request->server;
    struct http_exchange *exchange = &request->exchange;
    if (size > request->ceiling - exchange->body.size) {
        exchange->is_too_large = true;
        forget_body(request);
        return;
    }
    size_t before = exchange->body.size;
    bool fits = atomic_load(&server->bodies_size) + size <= server->options.bodies_size_max;
    if (fits)
        buf_append(&exchange->body, data, size);
    atomic_fetch_add(&server->bodies_size, exchange->body.size - before);
    if (!fits || exchange->body.failed) {
        forget_body(request);
        refuse(request);
    }
}

/* MHD_NO, which ends the connection, when that has gone on for too long. */
static enum MHD_Result drop(struct request *request, size_t size)
{
    int64_t now_ms = clock_monotonic_ms();
    request->dropped += size;
    if (request->drop_until_ms == 0)
        request->drop_until_ms = now_ms + HTTP_DROP_MS;
    bool streams = request->exchange.streams;
    if (streams)
        enter(request, PEER_FILE);
    if (streams ? now_ms < request->drop_until_ms : request->dropped <= HTTP_DROP_SIZE_MAX)
        return MHD_YES;
    if (request->peer)
        request->peer->leave = LEAVE_NOW;
    return MHD_NO;
}

static enum MHD_Result take_piece(struct request *request, const char *data, size_t *size)
{
    const struct http_exchange *exchange = &request->exchange;
    size_t all = *size;
    if (atomic_load(&request->stage) == REQUEST_STREAMING) {
        http_body_take(request, data, size);
        return MHD_YES;
    }
    *size = 0;
    if (exchange->answer.status != 0 || exchange->is_too_large)
        return drop(request, all);
    receive(request, data, all);
    return MHD_YES;
}

/* The pool thread still works while the body has come to its end. */
static enum MHD_Result await_answer(struct request *request)
{
    int streaming = REQUEST_STREAMING;
    enter(request, PEER_RUN);
    http_body_end(request, true);
    MHD_suspend_connection(request->connection); /* before the pool thread can resume it */
    if (!atomic_compare_exchange_strong(&request->stage, &streaming, REQUEST_WAITING))
        MHD_resume_connection(request->connection);
    return MHD_YES;
}

/* Nothing is to be received now: the body is not begun, or is over, or the connection was resumed. */
static enum MHD_Result go_on(struct request *request)
{
    switch (atomic_load(&request->stage)) {
    case REQUEST_RECEIVING:
        return request->exchange.answer.status == 0 ? hand_over(request) : send_answer(request);
    case REQUEST_STREAMING:
        return request->is_over ? await_answer(request) : read_body(request, PEER_FILE);
    case REQUEST_ANSWERED:
        return request->is_over || !is_worth_reading(request) ? send_answer(request)
                                                              : read_body(request, PEER_BODY);
    default: /* a pool thread's: the library does not call then */
        return MHD_YES;
    }
}

enum MHD_Result http_on_request(void *context, struct MHD_Connection *connection,
                                const char *target, const char *method, const char *version,
                                const char *data, size_t *size, void **state)
{
    struct request *request = *state;
    (void)context, (void)connection;
    if (!request)
        return MHD_NO; /* out of memory */
    if (!request->has_begun) {
        bool is_platform = !request->server->options.listen;
        const struct http_first_line line = {
            method, target, version, request->target_size, request->is_target,
            is_platform ? HTTP_PLATFORM_HEADER_SIZE_MAX : HTTP_HEADER_SIZE_MAX};
        return begin(request, &line);
    }
    if (*size > 0)
        return take_piece(request, data, size);
    request->is_over = request->is_over || request->has_continued;
    return go_on(request);
}
