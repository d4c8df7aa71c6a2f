/* SPDX-License-Identifier: MIT */
/* See unmarked.h. */
#include "capability/unmarked.h"

#include <string.h>

#include "base/pack.h"
#include "capability/journal.h"
#include "capability/unmarked_value.h"
#include "store/store_reminder.h"

#define VALUE_SIZE_MAX 16384
#define EXPECTED_SIZE_MAX (8u << 20) /* of one folder; names have at most REMOTE_NAME_SIZE_MAX bytes */

/* A file that lies somewhere, so that a run may find it again. */
static bool has_place(const struct remote_file *source)
{
    return source->connection && source->folder;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static enum unmarked compare(const struct call *call, const struct remote_file *source,
                             const struct unmarked_delivery *delivery)
{
    uint64_t modified_s = source->etag ? 0 : (uint64_t)source->info.modified_s;
    if (strcmp(delivery->connection, call->connection->name) != 0 ||
        strcmp(delivery->folder, call->args[1].text) != 0 ||
        strcmp(delivery->name, call->args[2].text) != 0 || delivery->size != source->info.size ||
        !is_same_text(delivery->etag, source->etag))
        return UNMARKED_NO;
    if (source->etag || (modified_s && modified_s == delivery->modified_s))
        return UNMARKED_SAME;
    if (modified_s && delivery->modified_s)
        return UNMARKED_NO;
    return is_same_text(delivery->instance, call->execution->instance) /* before its process ended */
               ? UNMARKED_SAME : UNMARKED_PERHAPS;
}

/* Its value in the store, appended to value. */
static bool find(const struct call *call, const char *connection, const char *folder,
                 const char *name, struct buf *value)
{
    struct buf key;
    unmarked_key(connection, folder, name, &key);
    bool found = !key.failed && store_reminder(call->execution->environment->store, UNMARKED_KIND,
                                               buf_text(&key), value);
    buf_release(&key);
    return found && !value->failed;
}

enum unmarked unmarked_find(struct call *call, const struct remote_file *source,
                            struct remote_receipt *receipt)
{
    struct buf value;
    struct unmarked_delivery delivery = {0};
    enum unmarked finding = UNMARKED_NO;
    if (!has_place(source))
        return UNMARKED_NO;
    buf_init(&value, VALUE_SIZE_MAX);
    if (find(call, source->connection->name, source->folder, source->name, &value) &&
        unmarked_unpack(value.data, value.size, &delivery))
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

bool unmarked_may_note(struct call *call, const struct remote_file *source)
{
    struct buf key;
    struct error why = {0};
    if (!has_place(source) || call->is_in_doubt)
        return true;
    unmarked_key(source->connection->name, source->folder, source->name, &key);
    bool ok = store_may_remind(call->execution->environment->store, UNMARKED_KIND, buf_text(&key), &why);
    buf_release(&key);
    return ok || error_set(&call->error, ERROR_LIMIT,
                           "%d files were delivered and could not be marked (renamed) at their source, "
                           "more cannot be remembered: mark or remove them there, or let them be "
                           "forgotten ('sluice unmarked' lists them)", REMINDERS_MAX);
}

bool unmarked_note(struct call *call, const struct remote_file *source,
                   const struct remote_receipt *receipt)
{
    struct buf key, value;
    if (!has_place(source))
        return true;
    unmarked_key(source->connection->name, source->folder, source->name, &key);
    buf_init(&value, VALUE_SIZE_MAX);
    unmarked_pack(call, source, receipt, &value);
    const struct reminder reminder = {UNMARKED_KIND, buf_text(&key), value.data, value.size};
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
    unmarked_key(call->connection->name, call->args[1].text, call->args[2].text, &key);
    bool ok = store_forget(call->execution->environment->store, call->execution->instance, UNMARKED_KIND,
                           buf_text(&key), &call->error);
    buf_release(&key);
    return ok || stop(call);
}

/* ---- what is gone ---------------------------------------------------------------------------- */

struct place {
    const char *beginning; /* of the keys of its files */
    size_t folder_size;    /* of that: the rest is the prefix of their names */
    struct buf *expected;
};

static bool expect(void *context, const struct reminder *reminder)
{
    struct place *place = context;
    struct unmarked_delivery delivery;
    if (strncmp(reminder->key, place->beginning, strlen(place->beginning)) != 0)
        return true;
    (void)!unmarked_unpack(reminder->value, reminder->size, &delivery); /* what is damaged may go, too */
    pack_text(place->expected, reminder->key + place->folder_size);
    pack_number(place->expected, delivery.size);
    return true;
}

void unmarked_expect(const struct call *call, struct buf *expected)
{
    struct buf beginning;
    struct error ignored;
    unmarked_key(call->connection->name, call->args[1].text, call->args[2].text, &beginning);
    struct place place = {buf_text(&beginning), beginning.size - strlen(call->args[2].text), expected};
    buf_init(expected, EXPECTED_SIZE_MAX);
    if (beginning.failed ||
        !store_reminders(call->execution->environment->store, UNMARKED_KIND, expect, &place, &ignored))
        expected->failed = true;
    buf_release(&beginning);
}

static bool is_still_there(const struct remote_listing *listing, const char *name, uint64_t size)
{
    const struct remote_entry *entry = remote_listing_find(listing, name);
    return entry && (entry->info.size == size || (entry->info.flags & SLUICE_FILE_SIZE_UNKNOWN));
}

/* It costs a second delivery at most where the store fails, and a place in it where this is not tried. */
void unmarked_listed(const struct call *call, const struct buf *expected,
                     const struct remote_listing *listing)
{
    struct unpack in;
    struct error ignored;
    unpack_begin(&in, expected->data, expected->size);
    bool is_proof = !listing->is_unproven && listing->unparsed == 0 && listing->count <= LISTING_ENTRIES_MAX;
    while (!expected->failed && is_proof && in.left > 0 && !in.failed) {
        struct buf key;
        const char *name = unpack_text(&in);
        uint64_t size = unpack_number(&in);
        if (!name || is_still_there(listing, name, size))
            continue;
        unmarked_key(call->connection->name, call->args[1].text, name, &key);
        if (!key.failed)
            (void)!store_forget(call->execution->environment->store, call->execution->instance,
                                UNMARKED_KIND, buf_text(&key), &ignored);
        buf_release(&key);
    }
}
