/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as the multipart body of a request. The first byte chooses the size of the
 * pieces and whether the client goes away; in one piece or in many, the same message and file come out.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "../body_pieces.h"
#include "server/attachment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const uint8_t *data, size_t size, size_t step, bool is_cut, struct buf *out)
{
    struct body_pieces body = {.exchange = {.content_type = "multipart/mixed; boundary=B"},
                               .data = (const char *)data, .size = size, .step = step, .is_cut = is_cut};
    const struct attachment_body whole = attachment_body_of(&body.exchange);
    struct attachment *attachment;
    struct error err = {0};
    int status = 0;
    buf_init(out, 1u << 22);
    bool ok = attachment_open(&attachment, &whole, 1000, INT64_MAX, &status, &err);
    buf_printf(out, "%d %s %s|", ok, ok ? "" : error_kind_name(err.kind),
               ok ? buf_text(&attachment->message) : "");
    enum stream_outcome outcome = ok && attachment->has_file ? STREAM_WAIT : STREAM_END;
    for (char buffer[100]; outcome != STREAM_END && outcome != STREAM_FAILED;) {
        size_t got = 0;
        outcome = attachment->stream.read(attachment, buffer, sizeof buffer, 1, &got, &err);
        buf_append(out, buffer, outcome == STREAM_BYTES ? got : 0);
    }
    buf_printf(out, "|%d", (int)outcome);
    attachment_close(attachment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, pieces;
    if (size == 0)
        return 0;
    take(data + 1, size - 1, size, data[0] & 1, &whole);
    take(data + 1, size - 1, 1 + data[0] / 2, data[0] & 1, &pieces);
    if (whole.size != pieces.size || memcmp(buf_text(&whole), buf_text(&pieces), whole.size) != 0)
        abort();
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
