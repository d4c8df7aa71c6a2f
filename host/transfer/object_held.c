/* SPDX-License-Identifier: MIT */
/*
 * Sources of unknown size: the bytes of one part are held before they are sent, because the service
 * wants each body's size before it. What ends within the first one is a single PUT.
 */
#include <stdlib.h>

#include "transfer/object_upload.h"

uint64_t object_held_size(uint64_t size_max, uint64_t wanted)
{
    uint64_t size = wanted && wanted < OBJECT_HELD_SIZE_DEFAULT ? wanted : OBJECT_HELD_SIZE_DEFAULT;
    uint64_t needed = (size_max + OBJECT_PARTS_MAX - 1) / OBJECT_PARTS_MAX;
    needed = (needed + OBJECT_PART_ROUNDING - 1) / OBJECT_PART_ROUNDING * OBJECT_PART_ROUNDING;
    if (needed > OBJECT_HELD_SIZE_MAX)
        return OBJECT_HELD_SIZE_MAX;
    return needed > size ? needed : size;
}

/* As object_store.c chooses for sources of known size. */
static bool send_held(struct upload *upload, uint64_t size, struct error *err)
{
    bool in_parts = upload->held_size == size;
    if (upload->call && upload->call->announce)
        return upload_staged(upload, in_parts ? size : 0, err);
    return in_parts ? upload_parts(upload, size, err) : upload_whole(upload, err);
}

bool upload_held(struct upload *upload, struct error *err)
{
    uint64_t size = object_held_size(upload->call ? upload->call->file_size_max : 0,
                                     upload->connection->part_size);
    upload->held = malloc((size_t)size);
    bool ok = upload->held || connection_error(upload->connection, err, ERROR_INTERNAL,
                                               "out of memory for a part of a file");
    ok = ok && upload_open(upload, err) && upload_hold(upload, size, err) &&
         send_held(upload, size, err);
    pump_close(upload->pump);
    upload->pump = NULL;
    free(upload->held);
    upload->held = NULL;
    return ok;
}
