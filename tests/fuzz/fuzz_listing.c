/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a directory listing. The first byte chooses the format and the size of
 * the pieces; in one piece or in many, the same entries must come out.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/ftp_listing.h"
#include "transfer/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool parse(enum listing_format format, const char *bytes, size_t size, size_t piece,
                  struct remote_listing *out)
{
    struct listing_stream stream;
    struct error err;
    *out = (struct remote_listing){0};
    listing_stream_init(&stream, format, "", 1795487820, out);
    for (size_t at = 0; at < size; at += piece)
        if (!listing_stream_feed(&stream, bytes + at, size - at < piece ? size - at : piece, &err))
            return false;
    return listing_stream_finish(&stream, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum listing_format format = data[0] & 1 ? LISTING_MLSD : LISTING_LIST;
    size_t piece = 1 + data[0] / 2;
    struct remote_listing whole, pieces;
    bool ok = parse(format, (const char *)data + 1, size - 1, size, &whole);
    if (parse(format, (const char *)data + 1, size - 1, piece, &pieces) != ok ||
        whole.count != pieces.count || whole.unparsed != pieces.unparsed)
        abort();
    for (size_t i = 0; i < whole.count; i++)
        if (strcmp(whole.entries[i].name, pieces.entries[i].name) != 0 ||
            memcmp(&whole.entries[i].info, &pieces.entries[i].info, sizeof whole.entries[i].info))
            abort();
    listing_finish(&whole);
    listing_finish(&pieces);
    listing_flag_growing(&whole, &pieces);
    remote_listing_release(&whole);
    remote_listing_release(&pieces);
    return 0;
}
