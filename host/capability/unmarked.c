/* SPDX-License-Identifier: MIT */
/* See unmarked.h. */
#include "capability/unmarked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pack.h"
#include "capability/journal.h"
#include "store/store_reminder.h"

#define VALUE_SIZE_MAX 16384
#define EXPECTED_SIZE_MAX (8u << 20) /* of one folder; names have at most REMOTE_NAME_SIZE_MAX bytes */

static void make_key(const char *connection, const char *folder, const char *name, struct buf *key)
{
    buf_init(key, UNMARKED_KEY_SPACE);
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
    make_key(connection, folder, name, &key);
    bool found = !key.failed && store_reminder(call->execution->environment->store, UNMARKED_KIND,
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

bool unmarked_may_note(struct call *call, const struct remote_file *source)
{
    struct buf key;
    struct error why = {0};
    if (!has_place(source) || call->is_in_doubt)
        return true;
    make_key(source->connection->name, source->folder, source->name, &key);
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
    make_key(source->connection->name, source->folder, source->name, &key);
    buf_init(&value, VALUE_SIZE_MAX);
    pack_delivery(call, source, receipt, &value);
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
    make_key(call->connection->name, call->args[1].text, call->args[2].text, &key);
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
    struct unpack value;
    if (strncmp(reminder->key, place->beginning, strlen(place->beginning)) != 0)
        return true;
    unpack_begin(&value, reminder->value, reminder->size);
    pack_text(place->expected, reminder->key + place->folder_size);
    pack_number(place->expected, unpack_number(&value));
    return true;
}

void unmarked_expect(const struct call *call, struct buf *expected)
{
    struct buf beginning;
    struct error ignored;
    make_key(call->connection->name, call->args[1].text, call->args[2].text, &beginning);
    struct place place = {buf_text(&beginning), beginning.size - strlen(call->args[2].text), expected};
    buf_init(expected, EXPECTED_SIZE_MAX);
    if (beginning.failed ||
        !store_reminders(call->execution->environment->store, UNMARKED_KIND, expect, &place, &ignored))
        expected->failed = true;
    buf_release(&beginning);
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct remote_entry *)entry)->name);
}

static bool is_still_there(const struct remote_listing *listing, const char *name, uint64_t size)
{
    const struct remote_entry *entry =
        listing->count == 0 ? NULL
                            : bsearch(name, listing->entries, listing->count,
                                      sizeof *listing->entries, compare_name);
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
        make_key(call->connection->name, call->args[1].text, name, &key);
        if (!key.failed)
            (void)!store_forget(call->execution->environment->store, call->execution->instance,
                                UNMARKED_KIND, buf_text(&key), &ignored);
        buf_release(&key);
    }
}
