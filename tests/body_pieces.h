/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the body of a streaming exchange: bytes in pieces of one size, with pauses, whole or
 * cut at the end. Header only; defines http_exchange_read.
 */
#ifndef BODY_PIECES_H
#define BODY_PIECES_H
#include <string.h>

#include "server/http_server.h"

struct body_pieces {
    struct http_exchange exchange; /* first */
    const char *data;
    size_t size, step;
    bool is_cut, never_ends, has_paused;
};

enum http_read http_exchange_read(struct http_exchange *exchange, char *buffer, size_t size,
                                  int wait_ms, size_t *got)
{
    struct body_pieces *body = (struct body_pieces *)exchange;
    (void)wait_ms;
    *got = 0;
    body->has_paused = !body->has_paused;
    if (body->size == 0 ? body->never_ends : body->has_paused)
        return HTTP_READ_WAIT;
    if (body->size == 0)
        return body->is_cut ? HTTP_READ_CUT : HTTP_READ_END;
    *got = body->size < body->step ? body->size : body->step;
    *got = *got < size ? *got : size;
    memcpy(buffer, body->data, *got);
    body->data += *got;
    body->size -= *got;
    return HTTP_READ_BYTES;
}
#endif
