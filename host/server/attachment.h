/* SPDX-License-Identifier: MIT */
/*
 * The multipart body of a request at a flow's address: one message, which is JSON and held in memory,
 * and at most one file, which is read while it comes. The message may stand behind a file that is small
 * enough to be held. Used by the pool thread that runs the request.
 */
#ifndef SERVER_ATTACHMENT_H
#define SERVER_ATTACHMENT_H
#include "base/multipart.h"
#include "server/http_server.h"
#include "transfer/transfer.h"

#define ATTACHMENT_HELD_SIZE_MAX (1u << 20) /* of a file that stands before the message */
#define ATTACHMENT_BUFFER_SIZE (64u << 10)

enum attachment_part { PART_NONE, PART_MESSAGE, PART_HELD, PART_STREAM };

/* Where a body comes from; read as http_exchange_read. */
struct attachment_body {
    const char *content_type;
    enum http_read (*read)(void *context, char *buffer, size_t size, int wait_ms, size_t *got);
    void *context;
};

struct attachment {
    struct attachment_body body;
    struct multipart parser;
    struct multipart_piece input, piece; /* what is not parsed yet; content that is not taken yet */
    enum attachment_part part;
    bool has_message, has_file;
    struct buf message, held;
    size_t held_given;
    struct error failure; /* why the stream ended; ERROR_NONE: it did not fail */
    struct remote_stream stream; /* the file, if has_file */
    uint64_t size;               /* of it; REMOTE_SIZE_UNKNOWN */
    char buffer[ATTACHMENT_BUFFER_SIZE];
};

/* That of an exchange that streams. */
struct attachment_body attachment_body_of(struct http_exchange *exchange);

/*
 * Reads the body until the message is known and the file begins, or to the body's end. body is copied.
 * deadline_ms: clock_monotonic_ms() value for that. On error *status is 400, 408 or 413.
 * attachment_close in any case. The stream fails with ERROR_INVALID when what is behind the file is
 * not the body's end, and ERROR_BROKEN when the client went away: it ends well only with the body.
 */
MUST_USE bool attachment_open(struct attachment **out, const struct attachment_body *body,
                              size_t message_size_max, int64_t deadline_ms, int *status,
                              struct error *err);
void attachment_close(struct attachment *attachment); /* NULL is fine */
#endif
