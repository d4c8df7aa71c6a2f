/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as an object that the journal kept: a file, a listing, an answer. The first byte
 * chooses the kind. What is accepted is packed and must be the same bytes again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capability/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unpack in;
    struct error err;
    struct buf again;
    handle_release_fn *release;
    if (size == 0)
        return 0;
    enum handle_kind kind = (enum handle_kind)(1 + data[0] % HANDLE_RESPONSE);
    unpack_begin(&in, data + 1, size - 1);
    void *object = object_unpack(kind, &in, NULL, &release, &err);
    if (!object)
        return 0;
    buf_init(&again, size + 1024);
    object_pack(kind, object, &again);
    /* Connections are left out without a workspace, so a file's bytes may be fewer. */
    if (kind != HANDLE_FILE && unpack_end(&in) &&
        (again.size != size - 1 || memcmp(buf_text(&again), data + 1, size - 1) != 0))
        abort();
    buf_release(&again);
    release(object);
    return 0;
}
