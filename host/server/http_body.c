/* SPDX-License-Identifier: MIT */
/*
 * A body that is handled while it comes. The thread of the sockets offers what it received to a ring
 * and suspends the connection while that is full; the pool thread that reads it resumes it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "server/http_internal.h"

#define FIELDS_SIZE_MAX (2 * HTTP_HEADER_SIZE_MAX) /* with a NUL and a kind for each */

/* ---- copies of what the library forgets with the connection ---- */

/* "kind name\0value\0" each. */
static enum MHD_Result copy_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct buf *fields = context;
    buf_append_char(fields, kind == MHD_HEADER_KIND ? 'h' : 'a');
    buf_append(fields, name, strlen(name) + 1);
    value = value ? value : "";
    buf_append(fields, value, strlen(value) + 1);
    return fields->failed ? MHD_NO : MHD_YES;
}

const char *http_body_field(const struct request *request, enum MHD_ValueKind kind, const char *name)
{
    const char *at = buf_text(&request->fields), *end = at + request->fields.size;
    bool is_header = kind == MHD_HEADER_KIND;
    while (at < end) {
        const char *found = at + 1, *value = found + strlen(found) + 1;
        if (*at == (is_header ? 'h' : 'a') &&
            (is_header ? strcasecmp(found, name) : strcmp(found, name)) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool http_body_open(struct request *request)
{
    struct http_exchange *exchange = &request->exchange;
    buf_init(&request->fields, FIELDS_SIZE_MAX);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, copy_field, &request->fields);
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, copy_field,
                              &request->fields);
    request->method = strdup(exchange->method);
    request->path = strdup(exchange->path);
    if (!request->method || !request->path)
        return false; /* the exchange still has the connection's own */
    exchange->method = request->method;
    exchange->path = request->path;
    exchange->authorization =
        http_body_field(request, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    exchange->content_type =
        http_body_field(request, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    return !request->fields.failed && ring_init(&request->ring, HTTP_STREAM_RING_SIZE);
}

void http_body_release(struct request *request)
{
    ring_release(&request->ring);
    buf_release(&request->fields);
    free(request->method);
    free(request->path);
}

/* ---- the thread of the sockets ---- */

static void on_room(void *context)
{
    struct request *request = context;
    MHD_resume_connection(request->connection);
}

void http_body_take(struct request *request, const char *data, size_t *size)
{
    struct peers *peers = &request->server->peers;
    size_t taken = ring_offer(&request->ring, data, *size);
    *size -= taken;
    peers_move(peers, request->peer, *size > 0 ? PEER_RUN : PEER_FILE, clock_monotonic_ms());
    if (*size == 0)
        return;
    MHD_suspend_connection(request->connection); /* before on_room can be called */
    if (!ring_park(&request->ring, on_room, request))
        MHD_resume_connection(request->connection);
}

void http_body_end(struct request *request, bool is_whole)
{
    atomic_store(&request->is_cut, !is_whole);
    ring_end(&request->ring);
}

/* ---- the pool thread ---- */

enum http_read http_exchange_read(struct http_exchange *exchange, char *buffer, size_t size,
                                  int wait_ms, size_t *got)
{
    struct request *request = request_of(exchange);
    int running = REQUEST_RUNNING;
    *got = 0;
    if (atomic_compare_exchange_strong(&request->stage, &running, REQUEST_STREAMING))
        MHD_resume_connection(request->connection); /* only now the body is asked for */
    switch (ring_read(&request->ring, buffer, size, wait_ms, got)) {
    case RING_BYTES:
        return HTTP_READ_BYTES;
    case RING_END:
        return atomic_load(&request->is_cut) ? HTTP_READ_CUT : HTTP_READ_END;
    case RING_WAIT:
    default:
        return HTTP_READ_WAIT;
    }
}

void http_body_stop(struct request *request)
{
    ring_stop(&request->ring);
}
