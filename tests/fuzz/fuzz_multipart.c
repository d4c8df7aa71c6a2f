/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a multipart body. The first byte chooses the size of the pieces; in one
 * piece or in many, the same events and the same content must come out.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *bytes, size_t size, size_t step, struct buf *out)
{
    struct multipart multipart;
    struct multipart_piece input, piece;
    struct error err;
    enum multipart_event event = MULTIPART_MORE;
    buf_init(out, 1u << 20);
    multipart_init(&multipart, "B");
    for (size_t at = 0; at < size && event != MULTIPART_BAD; at += step) {
        input = (struct multipart_piece){bytes + at, size - at < step ? size - at : step};
        do {
            event = multipart_next(&multipart, &input, &piece, &err);
            if (event == MULTIPART_DATA)
                buf_append(out, piece.data, piece.size);
            else if (event != MULTIPART_MORE)
                buf_printf(out, "<%d %s>", (int)event, multipart_field(&multipart, "a"));
        } while (event != MULTIPART_MORE && event != MULTIPART_BAD);
        if (event == MULTIPART_MORE && input.size > 0)
            abort();
    }
    buf_append_char(out, multipart_is_whole(&multipart) ? '.' : '?');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char boundary[MULTIPART_BOUNDARY_SIZE_MAX + 1], text[256] = "";
    struct error err;
    struct buf whole, pieces;
    if (size == 0)
        return 0;
    parse((const char *)data + 1, size - 1, size, &whole);
    parse((const char *)data + 1, size - 1, 1 + data[0] % 64, &pieces);
    if (whole.size != pieces.size || memcmp(buf_text(&whole), buf_text(&pieces), whole.size) != 0)
        abort();
    buf_release(&whole);
    buf_release(&pieces);
    memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
    if (multipart_boundary(text, boundary, &err) && strlen(boundary) > MULTIPART_BOUNDARY_SIZE_MAX)
        abort();
    return 0;
}
