/* SPDX-License-Identifier: MIT */
/* See unmarked_value.h. */
#include "capability/unmarked_value.h"

#include <stdio.h>
#include <string.h>

#include "base/pack.h"
#include "capability/folder.h"
#include "engine/digest.h"
#include "store/store_reminder.h"

static void pack_place(const struct remote_file *source, struct buf *out)
{
    if (source->place)
        pack_text(out, source->place);
    else
        connection_pack_place(source->connection, out);
}

static void pack_target(const struct call *call, struct buf *out)
{
    pack_text(out, call->connection->name);
    pack_text(out, call->args[1].text);
    pack_text(out, call->args[2].text);
}

void unmarked_key(const struct call *call, const struct remote_file *source, struct buf *key)
{
    struct buf rest;
    char digest[DIGEST_TEXT_SIZE];
    buf_init(&rest, UNMARKED_KEY_SPACE + CONNECTION_PLACE_SIZE_MAX);
    pack_target(call, &rest);
    pack_place(source, &rest);
    buf_init(key, UNMARKED_KEY_SPACE);
    buf_printf(key, "%s\n%s\n%s\n%.32s", source->connection->name, source->folder, source->name,
               digest_hex(NULL, buf_text(&rest), rest.size, digest));
    key->failed |= rest.failed;
    buf_release(&rest);
}

bool unmarked_split(char *key, char *parts[3])
{
    if (!reminder_split(key, parts))
        return false;
    parts[2][strcspn(parts[2], "\n")] = '\0';
    return true;
}

const char *unmarked_name_in(const char *key, const char *connection, const char *folder,
                             char copy[static UNMARKED_KEY_SPACE])
{
    char *parts[3];
    snprintf(copy, UNMARKED_KEY_SPACE, "%s", key);
    bool is_there = unmarked_split(copy, parts) && strcmp(parts[0], connection) == 0 &&
                    folder_is_same(parts[1], folder);
    return is_there ? parts[2] : NULL;
}

bool unmarked_is_of(const char *key, const char *connection, const char *folder, const char *name)
{
    char copy[UNMARKED_KEY_SPACE];
    const char *has = unmarked_name_in(key, connection, folder, copy);
    return has && strcmp(has, name) == 0;
}

void unmarked_pack(const struct call *call, const struct remote_file *source,
                   const struct remote_receipt *receipt, struct buf *out)
{
    pack_number(out, source->info.size);
    pack_number(out, source->etag ? 0 : (uint64_t)source->info.modified_s);
    pack_text(out, source->etag);
    pack_target(call, out);
    pack_text(out, receipt->name);
    pack_text(out, receipt->digest);
    pack_number(out, receipt->size);
    pack_text(out, call->execution->instance);
    pack_text(out, execution_root(call->execution)->instance);
    pack_place(source, out);
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
    delivery->instance = in.left > 0 ? unpack_text(&in) : NULL;
    delivery->run = in.left > 0 ? unpack_text(&in) : NULL;
    delivery->place = in.left > 0 ? unpack_text(&in) : NULL;
    return ok && unpack_end(&in);
}
