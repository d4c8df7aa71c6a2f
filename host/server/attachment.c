/* SPDX-License-Identifier: MIT */
/* Parts to message and file; see attachment.h. */
#include "server/attachment.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"

#define WAIT_MS 50 /* how late a deadline may be noticed */

enum fetch {
    FETCH_PART,
    FETCH_DATA, /* attachment->piece */
    FETCH_PART_END,
    FETCH_WAIT, /* nothing came yet */
    FETCH_END,  /* the body is whole */
    FETCH_BAD,
};

/* ---- the body -------------------------------------------------------------------------------- */

static enum fetch end_body(const struct attachment *attachment, bool is_cut, struct error *err)
{
    if (is_cut)
        error_set(err, ERROR_BROKEN, "the client went away in the middle of its request");
    else if (multipart_is_whole(&attachment->parser))
        return FETCH_END;
    else
        error_set(err, ERROR_INVALID, "the body ends before its last boundary");
    return FETCH_BAD;
}

static enum fetch fetch(struct attachment *attachment, int wait_ms, struct error *err)
{
    size_t got;
    for (;;) {
        switch (multipart_next(&attachment->parser, &attachment->input, &attachment->piece, err)) {
        case MULTIPART_PART:
            return FETCH_PART;
        case MULTIPART_DATA:
            return FETCH_DATA;
        case MULTIPART_PART_END:
            return FETCH_PART_END;
        case MULTIPART_BAD:
            err->kind = ERROR_INVALID; /* also a limit of the form: the file is not what is too large */
            return FETCH_BAD;
        case MULTIPART_END:
            continue; /* what is left of the input must be parsed, too */
        case MULTIPART_MORE:
            break;
        }
        switch (attachment->body.read(attachment->body.context, attachment->buffer,
                                      sizeof attachment->buffer, wait_ms, &got)) {
        case HTTP_READ_BYTES:
            attachment->input = (struct multipart_piece){attachment->buffer, got};
            break;
        case HTTP_READ_WAIT:
            return FETCH_WAIT;
        case HTTP_READ_END:
            return end_body(attachment, false, err);
        case HTTP_READ_CUT:
            return end_body(attachment, true, err);
        }
    }
}

/* ---- parts ----------------------------------------------------------------------------------- */

static bool is_type(const char *type, const char *wanted)
{
    size_t size = strcspn(type, "; \t");
    return size == strlen(wanted) && strncasecmp(type, wanted, size) == 0;
}

static bool has_file_name(const struct multipart *parser)
{
    char name[MULTIPART_FIELDS_SIZE_MAX];
    const char *disposition = multipart_field(parser, "Content-Disposition");
    return disposition && (is_type(disposition, "attachment") ||
                           multipart_parameter(disposition, "filename", name, sizeof name) ||
                           multipart_parameter(disposition, "filename*", name, sizeof name));
}

/* JSON by its type, or a plain value of a form. */
static bool is_message(const struct multipart *parser)
{
    const char *type = multipart_field(parser, "Content-Type");
    return type && !is_type(type, "text/plain") ? text_is_json_type(type) : !has_file_name(parser);
}

static bool check_encoding(const struct multipart *parser, struct error *err)
{
    const char *encoding = multipart_field(parser, "Content-Transfer-Encoding");
    if (!encoding || is_type(encoding, "binary") || is_type(encoding, "8bit") ||
        is_type(encoding, "7bit"))
        return true;
    return error_set(err, ERROR_INVALID,
                     "a part has the Content-Transfer-Encoding '%.40s'; expected binary", encoding);
}

static bool read_size(struct attachment *attachment, struct error *err)
{
    const char *text = multipart_field(&attachment->parser, "Content-Length");
    int64_t size;
    if (!text)
        return true;
    if (!text_parse_int(text, 0, INT64_MAX, &size))
        return error_set(err, ERROR_INVALID, "the Content-Length of a part is not a number");
    attachment->size = (uint64_t)size;
    return true;
}

static bool begin_part(struct attachment *attachment, struct error *err)
{
    const struct multipart *parser = &attachment->parser;
    if (!check_encoding(parser, err))
        return false;
    if (!attachment->has_message && is_message(parser)) {
        attachment->part = PART_MESSAGE;
        return true;
    }
    if (attachment->has_file)
        return error_set(err, ERROR_INVALID, "the body holds more than one file");
    attachment->has_file = true;
    attachment->part = attachment->has_message ? PART_STREAM : PART_HELD;
    return read_size(attachment, err);
}

/* Adds attachment->piece to what is held; *status on error. */
static bool hold(struct attachment *attachment, int *status, struct error *err)
{
    bool is_message = attachment->part == PART_MESSAGE;
    struct buf *target = is_message ? &attachment->message : &attachment->held;
    buf_append(target, attachment->piece.data, attachment->piece.size);
    if (!target->failed)
        return true;
    if (!is_message)
        return error_set(err, ERROR_INVALID,
                         "the message must stand before a file of more than %u bytes",
                         ATTACHMENT_HELD_SIZE_MAX);
    *status = 413;
    return error_set(err, ERROR_LIMIT, "the message is larger than the %zu bytes that the flow takes",
                     target->size_max);
}

static bool end_part(struct attachment *attachment, struct error *err)
{
    bool is_held = attachment->part == PART_HELD;
    attachment->has_message |= attachment->part == PART_MESSAGE;
    attachment->part = PART_NONE;
    if (is_held && attachment->size != REMOTE_SIZE_UNKNOWN &&
        attachment->size != attachment->held.size)
        return error_set(err, ERROR_INVALID, "a part has another size than its Content-Length");
    if (is_held)
        attachment->size = attachment->held.size;
    return true;
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum stream_outcome fail(struct attachment *attachment, struct error *err)
{
    if (attachment->failure.kind == ERROR_NONE)
        attachment->failure = *err;
    *err = attachment->failure;
    return STREAM_FAILED;
}

static size_t give(char *buffer, size_t size, const char *data, size_t data_size)
{
    size_t count = data_size < size ? data_size : size;
    memcpy(buffer, data, count);
    return count;
}

static enum stream_outcome read_held(struct attachment *attachment, char *buffer, size_t size,
                                     size_t *got)
{
    const struct buf *held = &attachment->held;
    *got = give(buffer, size, buf_text(held) + attachment->held_given,
                held->size - attachment->held_given);
    attachment->held_given += *got;
    return *got > 0 ? STREAM_BYTES : STREAM_END;
}

/* remote_stream.read: the file's bytes, then whatever proves that the body is whole. */
static enum stream_outcome read_file(void *context, char *buffer, size_t size, int wait_ms,
                                     size_t *got, struct error *err)
{
    struct attachment *attachment = context;
    if (attachment->held.size > 0)
        return read_held(attachment, buffer, size, got);
    while (attachment->failure.kind == ERROR_NONE) {
        if (attachment->piece.size > 0) {
            *got = give(buffer, size, attachment->piece.data, attachment->piece.size);
            attachment->piece.data += *got;
            attachment->piece.size -= *got;
            return STREAM_BYTES;
        }
        switch (fetch(attachment, wait_ms, err)) {
        case FETCH_DATA:
        case FETCH_PART_END:
            break;
        case FETCH_PART:
            error_set(err, ERROR_INVALID,
                      "behind the file comes another part; the message must stand before it, and "
                      "one file is taken");
            return fail(attachment, err);
        case FETCH_WAIT:
            return STREAM_WAIT;
        case FETCH_END:
            return STREAM_END;
        case FETCH_BAD:
            return fail(attachment, err);
        }
    }
    return fail(attachment, err);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool finish(const struct attachment *attachment, struct error *err)
{
    return attachment->has_message || error_set(err, ERROR_INVALID, "no part of the body is JSON");
}

/* Up to where the file begins, or to the end. */
static bool read_message(struct attachment *attachment, int64_t deadline_ms, int *status,
                         struct error *err)
{
    while (attachment->part != PART_STREAM) {
        switch (fetch(attachment, WAIT_MS, err)) {
        case FETCH_PART:
            if (!begin_part(attachment, err))
                return false;
            break;
        case FETCH_DATA:
            if (!hold(attachment, status, err))
                return false;
            break;
        case FETCH_PART_END:
            if (!end_part(attachment, err))
                return false;
            break;
        case FETCH_WAIT:
            if (clock_monotonic_ms() < deadline_ms)
                break;
            *status = 408;
            return error_set(err, ERROR_TIMEOUT, "the message did not come in time");
        case FETCH_END:
            return finish(attachment, err);
        case FETCH_BAD:
            return false;
        }
    }
    return true;
}

static enum http_read read_exchange(void *context, char *buffer, size_t size, int wait_ms, size_t *got)
{
    return http_exchange_read(context, buffer, size, wait_ms, got);
}

struct attachment_body attachment_body_of(struct http_exchange *exchange)
{
    return (struct attachment_body){exchange->content_type, read_exchange, exchange};
}

bool attachment_open(struct attachment **out, const struct attachment_body *body,
                     size_t message_size_max, int64_t deadline_ms, int *status, struct error *err)
{
    char boundary[MULTIPART_BOUNDARY_SIZE_MAX + 1];
    struct attachment *attachment = *out = calloc(1, sizeof *attachment);
    *status = 400;
    if (!attachment) {
        *status = 503;
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    attachment->body = *body;
    attachment->stream = (struct remote_stream){.read = read_file, .context = attachment};
    attachment->size = REMOTE_SIZE_UNKNOWN;
    buf_init(&attachment->message, message_size_max);
    buf_init(&attachment->held, ATTACHMENT_HELD_SIZE_MAX);
    if (!multipart_boundary(body->content_type, boundary, err))
        return false;
    multipart_init(&attachment->parser, boundary);
    return read_message(attachment, deadline_ms, status, err);
}

void attachment_close(struct attachment *attachment)
{
    if (!attachment)
        return;
    buf_release(&attachment->message);
    buf_release(&attachment->held);
    free(attachment);
}
