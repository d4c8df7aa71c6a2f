/* SPDX-License-Identifier: MIT */
/* Which part is the message and which the file; what is wrong with a body is found in time. */
#include <stdlib.h>

#include "check.h"
#include "base/buf.h"
#include "body_pieces.h"
#include "server/attachment.h"

#define MESSAGE_MAX 100
#define JSON "--B\r\nContent-Type: application/json\r\n\r\n"
#define FILE_ "\r\n--B\r\nContent-Type: text/csv\r\n\r\n"
#define END "\r\n--B--\r\n"

/* The outcome as text: "message|file", "message|" without a file, "status kind" or, when the stream
 * failed, "message|!kind". */
static void take(const char *data, size_t size, size_t step, bool is_cut, struct buf *out)
{
    struct body_pieces body = {.exchange = {.content_type = "multipart/mixed; boundary=B"},
                               .data = data, .size = size, .step = step, .is_cut = is_cut};
    const struct attachment_body whole = attachment_body_of(&body.exchange);
    struct attachment *attachment;
    struct error err = {0};
    int status = 0;
    buf_init(out, 1u << 22);
    if (!attachment_open(&attachment, &whole, MESSAGE_MAX, INT64_MAX, &status, &err)) {
        buf_printf(out, "%d %s", status, error_kind_name(err.kind));
        attachment_close(attachment);
        return;
    }
    buf_printf(out, "%s|", buf_text(&attachment->message));
    struct remote_stream *stream = &attachment->stream;
    for (char buffer[1000]; attachment->has_file;) {
        size_t got = 0;
        enum stream_outcome outcome = stream->read(stream->context, buffer, sizeof buffer, 1, &got, &err);
        if (outcome == STREAM_BYTES)
            buf_append(out, buffer, got);
        if (outcome == STREAM_FAILED)
            buf_printf(out, "!%s", error_kind_name(err.kind));
        if (outcome == STREAM_FAILED || outcome == STREAM_END) {
            CHECK_EQ_INT(stream->read(stream->context, buffer, sizeof buffer, 1, &got, &err), outcome);
            break;
        }
    }
    attachment_close(attachment);
}

static void check_taken(const char *data, bool is_cut, const char *expected)
{
    static const size_t steps[] = {1, 2, 7, 100, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct buf got;
        take(data, strlen(data), steps[i], is_cut, &got);
        CHECK_EQ_TEXT(buf_text(&got), expected);
        buf_release(&got);
    }
}

static void test_message_and_file(void)
{
    check_taken(JSON "{}" FILE_ "file" END, false, "{}|file");
    check_taken(JSON "{}" FILE_ END, false, "{}|");
    check_taken(JSON "{}" END, false, "{}|");
    check_taken("--B\r\nContent-Disposition: form-data; name=x\r\n\r\n{}" FILE_ "f" END, false, "{}|f");
    check_taken("--B\r\n\r\n{}" FILE_ "f" END, false, "{}|f");
    check_taken(JSON "1\r\n" JSON "2" END, false, "1|2"); /* the first JSON is the message */
    check_taken("--B\r\nContent-Type: text/csv\r\n\r\nfile\r\n" JSON "{}" END, false, "{}|file");
    check_taken("--B\r\nContent-Disposition: attachment\r\n\r\nf\r\n" JSON "{}" END, false, "{}|f");
    check_taken("--B\r\nContent-Disposition: x; filename*=UTF-8''a\r\n\r\nf\r\n" JSON "{}" END, false, "{}|f");
}

static void test_bodies_that_cannot_be_used(void)
{
    check_taken(END, false, "400 invalid");
    check_taken("", false, "400 invalid");
    check_taken("", true, "400 broken");
    check_taken("--B\r\nContent-Type: text/csv\r\n\r\nfile" END, false, "400 invalid");
    check_taken("--B\r\nContent-Type: a/b\r\n\r\nf" FILE_ "g\r\n" JSON "{}" END, false, "400 invalid");
    check_taken(JSON "{}", false, "400 invalid");
    check_taken(JSON "{}" FILE_ "file", false, "{}|file!invalid");
    check_taken(JSON "{}" FILE_ "file", true, "{}|file!broken");
    check_taken(JSON "{}" FILE_ "file" END, true, "{}|file!broken");
    check_taken(JSON "{}" FILE_ "file" FILE_ "two" END, false, "{}|file!invalid");
    check_taken(JSON "{}" FILE_ "file\r\n" JSON "{}" END, false, "{}|file!invalid");
    check_taken(JSON "{}" FILE_ "file\r\n--Bx", false, "{}|file!invalid");
    check_taken("--B\r\nContent-Transfer-Encoding: base64\r\n\r\n{}" END, false, "400 invalid");
    check_taken("--B\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nf\r\n" JSON "{}" END, false,
                "400 invalid");
    check_taken(JSON "{}\r\n--B\r\nContent-Length: -1\r\n\r\nf" END, false, "400 invalid");
}

static void check_size(const char *before, size_t size, const char *after, const char *expected)
{
    struct buf body, got;
    buf_init(&body, 1u << 22);
    buf_append_text(&body, before);
    for (size_t i = 0; i < size; i++)
        buf_append_char(&body, 'x');
    buf_append_text(&body, after);
    take(buf_text(&body), body.size, 4096, false, &got);
    CHECK_CONTAINS(buf_text(&got), expected);
    buf_release(&got);
    buf_release(&body);
}

static void test_limits(void)
{
    check_size(JSON, MESSAGE_MAX, END, "xxx|");
    check_size(JSON, MESSAGE_MAX + 1, END, "413 limit");
    check_size("--B\r\nContent-Type: a/b\r\n\r\n", ATTACHMENT_HELD_SIZE_MAX, "\r\n" JSON "{}" END, "{}|x");
    check_size("--B\r\nContent-Type: a/b\r\n\r\n", ATTACHMENT_HELD_SIZE_MAX + 1, "\r\n" JSON "{}" END,
               "400 invalid");
    check_size(JSON "{}" FILE_, 3u << 20, END, "{}|xxx");
}

static void test_a_message_that_does_not_come_in_time(void)
{
    struct body_pieces body = {.exchange = {.content_type = "multipart/mixed; boundary=B"},
                               .data = JSON "{", .size = strlen(JSON "{"), .step = 1000,
                               .never_ends = true};
    const struct attachment_body whole = attachment_body_of(&body.exchange);
    struct attachment *attachment;
    struct error err;
    int status = 0;
    CHECK_FAILS(attachment_open(&attachment, &whole, MESSAGE_MAX, 0, &status, &err), &err,
                ERROR_TIMEOUT);
    CHECK_EQ_INT(status, 408);
    attachment_close(attachment);
}

CHECK_MAIN(TEST(test_message_and_file), TEST(test_bodies_that_cannot_be_used), TEST(test_limits),
           TEST(test_a_message_that_does_not_come_in_time))
