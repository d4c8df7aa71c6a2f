/* SPDX-License-Identifier: MIT */
/* See unmarked_value.h. */
#include "capability/unmarked_value.h"

#include <stdio.h>
#include <string.h>

#include "base/pack.h"

void unmarked_key(const char *connection, const char *folder, const char *name, struct buf *key)
{
    buf_init(key, UNMARKED_KEY_SPACE);
    buf_printf(key, "%s\n%s\n%s", connection, folder, name);
}

void unmarked_pack(const struct call *call, const struct remote_file *source,
                   const struct remote_receipt *receipt, struct buf *out)
{
    pack_number(out, source->info.size);
    pack_number(out, source->etag ? 0 : (uint64_t)source->info.modified_s);
    pack_text(out, source->etag);
    pack_text(out, call->connection->name);
    pack_text(out, call->args[1].text);
    pack_text(out, call->args[2].text);
    pack_text(out, receipt->name);
    pack_text(out, receipt->digest);
    pack_number(out, receipt->size);
    pack_text(out, call->execution->instance);
}

static bool unpack_receipt(struct unpack *in, struct remote_receipt *receipt)
{
    const char *name = unpack_text(in), *digest = unpack_text(in);
    receipt->size = unpack_number(in);
    if (in->failed || !name || !digest || strlen(name) > REMOTE_NAME_SIZE_MAX)
        return false;
    snprintf(receipt->name, sizeof receipt->name, "%s", name);
    snprintf(receipt->digest, sizeof receipt->digest, "%s", digest);
    return true;
}

bool unmarked_unpack(const void *bytes, size_t size, struct unmarked_delivery *delivery)
{
    struct unpack in;
    *delivery = (struct unmarked_delivery){.size = 0};
    unpack_begin(&in, bytes, size);
    delivery->size = unpack_number(&in);
    delivery->modified_s = unpack_number(&in);
    delivery->etag = unpack_text(&in);
    delivery->connection = unpack_text(&in);
    delivery->folder = unpack_text(&in);
    delivery->name = unpack_text(&in);
    bool ok = unpack_receipt(&in, &delivery->receipt) && delivery->connection && delivery->folder &&
              delivery->name;
    delivery->instance = ok && !unpack_end(&in) ? unpack_text(&in) : NULL;
    return ok && unpack_end(&in);
}
