/* SPDX-License-Identifier: MIT */
/* See unmarked.h. */
#include "capability/unmarked.h"

#include <string.h>

#include "base/pack.h"
#include "capability/journal.h"
#include "store/store_reminder.h"

#define KIND "unmarked"
#define KEY_SIZE_MAX 16384
#define VALUE_SIZE_MAX 16384

static void make_key(const char *connection, const char *folder, const char *name, struct buf *key)
{
    buf_init(key, KEY_SIZE_MAX);
    buf_printf(key, "%s\n%s\n%s", connection, folder, name);
}

static bool has_version(const struct remote_file *source)
{
    return source->connection && source->folder && (source->etag || source->info.modified_s != 0);
}

/* What must be the same: the version, and where it went. */
static void pack_delivery(const struct call *call, const struct remote_file *source, struct buf *out)
{
    pack_number(out, source->info.size);
    pack_number(out, source->etag ? 0 : (uint64_t)source->info.modified_s);
    pack_text(out, source->etag);
    pack_text(out, call->connection->name);
    pack_text(out, call->args[1].text);
    pack_text(out, call->args[2].text);
}

static bool unpack_receipt(const void *bytes, size_t size, struct remote_receipt *receipt)
{
    struct unpack in;
    unpack_begin(&in, bytes, size);
    const char *name = unpack_text(&in), *digest = unpack_text(&in);
    receipt->size = unpack_number(&in);
    if (!unpack_end(&in) || !name || !digest || strlen(name) > REMOTE_NAME_SIZE_MAX)
        return false;
    snprintf(receipt->name, sizeof receipt->name, "%s", name);
    snprintf(receipt->digest, sizeof receipt->digest, "%s", digest);
    return true;
}

bool unmarked_find(const struct call *call, const struct remote_file *source,
                   struct remote_receipt *receipt)
{
    struct buf key, value, wanted;
    if (!has_version(source))
        return false;
    make_key(source->connection->name, source->folder, source->name, &key);
    buf_init(&value, VALUE_SIZE_MAX);
    buf_init(&wanted, VALUE_SIZE_MAX);
    bool found =
        store_reminder(call->execution->environment->store, KIND, buf_text(&key), &value);
    if (found)
        pack_delivery(call, source, &wanted);
    found = found && !value.failed && value.size > wanted.size &&
            memcmp(value.data, wanted.data, wanted.size) == 0 &&
            unpack_receipt(value.data + wanted.size, value.size - wanted.size, receipt);
    buf_release(&key);
    buf_release(&value);
    buf_release(&wanted);
    return found;
}

/* The store fails for the journal as well: what is not on the disk must not be built upon. */
static bool stop(struct call *call)
{
    if (call->execution->journal)
        journal_suspend(call);
    return false;
}

bool unmarked_note(struct call *call, const struct remote_file *source,
                   const struct remote_receipt *receipt)
{
    struct buf key, value;
    if (!has_version(source))
        return true;
    make_key(source->connection->name, source->folder, source->name, &key);
    buf_init(&value, VALUE_SIZE_MAX);
    pack_delivery(call, source, &value);
    pack_text(&value, receipt->name);
    pack_text(&value, receipt->digest);
    pack_number(&value, receipt->size);
    const struct reminder reminder = {KIND, buf_text(&key), value.data, value.size};
    bool ok = key.failed || value.failed
                  ? error_set(&call->error, ERROR_LIMIT, "out of memory")
                  : store_remind(call->execution->environment->store, call->execution->instance,
                                 &reminder, &call->error);
    buf_release(&key);
    buf_release(&value);
    return ok || stop(call);
}

bool unmarked_done(struct call *call)
{
    struct buf key;
    make_key(call->connection->name, call->args[1].text, call->args[2].text, &key);
    bool ok = store_forget(call->execution->environment->store, call->execution->instance, KIND,
                           buf_text(&key), &call->error);
    buf_release(&key);
    return ok || stop(call);
}
