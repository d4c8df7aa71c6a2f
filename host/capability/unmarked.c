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

/* A file that lies somewhere, so that a run may find it again. */
static bool has_place(const struct remote_file *source)
{
    return source->connection && source->folder;
}

struct delivery {
    uint64_t size, modified_s; /* 0: not told */
    const char *etag;          /* NULL: not told */
    const char *connection, *folder, *name; /* where it went */
    struct remote_receipt receipt;
    const char *instance; /* that sent it; NULL: not noted */
};

static void pack_delivery(const struct call *call, const struct remote_file *source,
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

/* Earlier releases noted no instance. */
static bool unpack_delivery(const void *bytes, size_t size, struct delivery *delivery)
{
    struct unpack in;
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

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static enum unmarked compare(const struct call *call, const struct remote_file *source,
                             const struct delivery *delivery)
{
    uint64_t modified_s = source->etag ? 0 : (uint64_t)source->info.modified_s;
    if (strcmp(delivery->connection, call->connection->name) != 0 ||
        strcmp(delivery->folder, call->args[1].text) != 0 ||
        strcmp(delivery->name, call->args[2].text) != 0 || delivery->size != source->info.size ||
        !is_same_text(delivery->etag, source->etag))
        return UNMARKED_NO;
    if (source->etag || (modified_s && modified_s == delivery->modified_s))
        return UNMARKED_SAME;
    return modified_s && delivery->modified_s ? UNMARKED_NO : UNMARKED_PERHAPS;
}

/* Its value in the store, appended to value. */
static bool find(const struct call *call, const char *connection, const char *folder,
                 const char *name, struct buf *value)
{
    struct buf key;
    make_key(connection, folder, name, &key);
    bool found = !key.failed && store_reminder(call->execution->environment->store, KIND,
                                               buf_text(&key), value);
    buf_release(&key);
    return found && !value->failed;
}

enum unmarked unmarked_find(struct call *call, const struct remote_file *source,
                            struct remote_receipt *receipt)
{
    struct buf value;
    struct delivery delivery = {0};
    enum unmarked finding = UNMARKED_NO;
    if (!has_place(source))
        return UNMARKED_NO;
    buf_init(&value, VALUE_SIZE_MAX);
    if (find(call, source->connection->name, source->folder, source->name, &value) &&
        unpack_delivery(value.data, value.size, &delivery))
        finding = compare(call, source, &delivery);
    if (finding == UNMARKED_SAME)
        *receipt = delivery.receipt;
    if (finding == UNMARKED_PERHAPS) {
        error_set(&call->error, ERROR_EXISTS,
                  "'%s' is not sent again: instance %s has sent a file of that name and size, which was "
                  "not renamed at the source since, and connection '%s' tells no time by which to know "
                  "another one: rename or remove it there",
                  source->name, delivery.instance ? delivery.instance : "(not noted)",
                  source->connection->name);
        error_advise(&call->error, RETRY_NEVER);
    }
    buf_release(&value);
    return finding;
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
    if (!has_place(source))
        return true;
    make_key(source->connection->name, source->folder, source->name, &key);
    buf_init(&value, VALUE_SIZE_MAX);
    pack_delivery(call, source, receipt, &value);
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

/* ---- what is gone ---------------------------------------------------------------------------- */

struct sweep {
    const struct call *call;
    const struct remote_listing *listing;
    struct buf folder; /* "connection\nfolder\n": what the keys of its files begin with */
};

static bool is_listed(const struct remote_listing *listing, const char *name)
{
    size_t from = 0, to = listing->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(listing->entries[middle].name, name);
        if (order == 0)
            return true;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

/* One that cannot be forgotten stays: its file's successor then waits for somebody. */
static bool sweep_one(void *context, const struct reminder *reminder)
{
    struct sweep *sweep = context;
    const struct call *call = sweep->call;
    const char *prefix = call->args[2].text;
    struct delivery delivery = {0};
    struct error ignored;
    if (strncmp(reminder->key, buf_text(&sweep->folder), sweep->folder.size) != 0)
        return true;
    const char *name = reminder->key + sweep->folder.size;
    bool is_gone = strncmp(name, prefix, strlen(prefix)) == 0 &&
                   unpack_delivery(reminder->value, reminder->size, &delivery) && !delivery.etag &&
                   !delivery.modified_s && !is_listed(sweep->listing, name);
    return !is_gone || store_forget(call->execution->environment->store, call->execution->instance,
                                    KIND, reminder->key, &ignored);
}

void unmarked_listed(const struct call *call, const struct remote_listing *listing)
{
    struct sweep sweep = {.call = call, .listing = listing};
    struct error ignored;
    if (listing->is_unproven || listing->unparsed > 0 || listing->count > LISTING_ENTRIES_MAX)
        return; /* no proof of what is not there */
    buf_init(&sweep.folder, KEY_SIZE_MAX);
    buf_printf(&sweep.folder, "%s\n%s\n", call->connection->name, call->args[1].text);
    if (!sweep.folder.failed)
        (void)!store_reminders(call->execution->environment->store, KIND, sweep_one, &sweep, &ignored);
    buf_release(&sweep.folder);
}
