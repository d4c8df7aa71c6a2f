/* SPDX-License-Identifier: MIT */
/* See unmarked.h. */
#include "capability/unmarked.h"

#include <stdio.h>
#include <string.h>

#include "base/pack.h"
#include "capability/folder.h"
#include "capability/journal.h"
#include "capability/unmarked_value.h"
#include "store/store_reminder.h"

#define VALUE_SIZE_MAX 16384
#define EXPECTED_SIZE_MAX (16u << 20) /* of one folder; names have at most REMOTE_NAME_SIZE_MAX bytes */

/* A file that lies somewhere, so that a run may find it again. */
static bool has_place(const struct remote_file *source)
{
    return source->connection && source->folder;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

struct finding {
    struct call *call;
    const struct remote_file *source;
    enum unmarked is;
    struct remote_receipt receipt; /* UNMARKED_SAME */
    struct error why;              /* UNMARKED_PERHAPS */
};

static bool is_of_this_run(const struct call *call, const struct unmarked_delivery *delivery)
{
    return delivery->run ? strcmp(delivery->run, execution_root(call->execution)->instance) == 0
                         : is_same_text(delivery->instance, call->execution->instance);
}

static bool is_from_here(const struct connection *connection, const struct unmarked_delivery *delivery)
{
    return !delivery->place || connection_is_at(connection, delivery->place);
}

static bool is_of_its_place(const struct remote_file *source, const struct unmarked_delivery *delivery)
{
    return source->place && delivery->place ? strcmp(source->place, delivery->place) == 0
                                            : is_from_here(source->connection, delivery);
}

/* By etag, or size and time; perhaps: nothing tells. */
static enum unmarked compare_version(const struct call *call, const struct remote_file *source,
                                     const struct unmarked_delivery *delivery)
{
    uint64_t modified_s = source->etag ? 0 : (uint64_t)source->info.modified_s;
    if (!is_same_text(delivery->etag, source->etag))
        return UNMARKED_NO;
    if (source->etag || (modified_s && modified_s == delivery->modified_s))
        return UNMARKED_SAME;
    if (modified_s && delivery->modified_s)
        return UNMARKED_NO;
    return is_same_text(delivery->instance, call->execution->instance) /* before its process ended */
               ? UNMARKED_SAME : UNMARKED_PERHAPS;
}

static enum unmarked perhaps(struct finding *finding, const struct unmarked_delivery *delivery,
                             const char *before, const char *what, const char *after)
{
    if (finding->is == UNMARKED_NO)
        error_set(&finding->why, ERROR_EXISTS,
                  "'%.200s' is not sent again: instance %s has sent a file of that name and size, which was "
                  "not renamed at the source since, and %s'%.160s'%s: rename or remove it there, or let it be "
                  "forgotten (sluice unmarked)",
                  finding->source->name, delivery->instance ? delivery->instance : "(not noted)", before,
                  what, after);
    return UNMARKED_PERHAPS;
}

static enum unmarked compare(struct finding *finding, const struct unmarked_delivery *delivery)
{
    const struct call *call = finding->call;
    const struct remote_file *source = finding->source;
    bool has_name = strcmp(delivery->name, call->args[2].text) == 0;
    if (strcmp(delivery->connection, call->connection->name) != 0 ||
        !folder_is_same(delivery->folder, call->args[1].text) || delivery->size != source->info.size ||
        (!has_name && is_of_this_run(call, delivery))) /* a flow may store one file under two names */
        return UNMARKED_NO;
    if (!is_of_its_place(source, delivery)) /* times and etags are the other server's */
        return perhaps(finding, delivery, "its connection pointed to another place then, ", delivery->place,
                       "");
    enum unmarked is = compare_version(call, source, delivery);
    if (is != UNMARKED_NO && !has_name)
        return perhaps(finding, delivery, "it got another name at the target then, ", delivery->name, "");
    return is != UNMARKED_PERHAPS ? is
                                  : perhaps(finding, delivery, "connection ", source->connection->name,
                                            " tells no time by which to know another one");
}

static bool consider(void *context, const struct reminder *reminder)
{
    struct finding *finding = context;
    const struct remote_file *source = finding->source;
    struct unmarked_delivery delivery;
    if (!unmarked_is_of(reminder->key, source->connection->name, source->folder, source->name) ||
        !unmarked_unpack(reminder->value, reminder->size, &delivery))
        return true;
    enum unmarked is = compare(finding, &delivery);
    if (is != UNMARKED_NO)
        finding->is = is;
    if (is == UNMARKED_SAME)
        finding->receipt = delivery.receipt;
    return is != UNMARKED_SAME; /* what is known counts more than what may be */
}

enum unmarked unmarked_find(struct call *call, const struct remote_file *source,
                            struct remote_receipt *receipt)
{
    struct finding finding = {.call = call, .source = source};
    struct store *store = call->execution->environment->store;
    if (!has_place(source))
        return UNMARKED_NO;
    if (!store_reminders(store, UNMARKED_KIND, source->connection->name, consider, &finding, &finding.why))
        finding.is = UNMARKED_PERHAPS;
    if (finding.is == UNMARKED_SAME)
        *receipt = finding.receipt;
    if (finding.is == UNMARKED_PERHAPS) {
        call->error = finding.why;
        error_advise(&call->error, RETRY_NEVER);
    }
    return finding.is;
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
    unmarked_key(call, source, &key);
    bool is_whole = !key.failed;
    bool ok = store_may_remind(call->execution->environment->store, UNMARKED_KIND, buf_text(&key), &why);
    buf_release(&key);
    if (!is_whole)
        return error_out_of_memory(&call->error);
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
    unmarked_key(call, source, &key);
    buf_init(&value, VALUE_SIZE_MAX);
    unmarked_pack(call, source, receipt, &value);
    const struct reminder reminder = {UNMARKED_KIND, buf_text(&key), value.data, value.size};
    bool ok = key.failed || value.failed
                  ? error_out_of_memory(&call->error)
                  : store_remind(call->execution->environment->store, call->execution->instance,
                                 &reminder, &call->error);
    buf_release(&key);
    buf_release(&value);
    return ok || stop(call);
}

struct forgetting {
    struct call *call;
    bool ok;
};

static bool forget_one(void *context, const struct reminder *reminder)
{
    struct forgetting *forgetting = context;
    struct call *call = forgetting->call;
    struct unmarked_delivery delivery;
    (void)!unmarked_unpack(reminder->value, reminder->size, &delivery); /* what is damaged may go, too */
    if (unmarked_is_of(reminder->key, call->connection->name, call->args[1].text, call->args[2].text) &&
        is_from_here(call->connection, &delivery))
        forgetting->ok = store_forget(call->execution->environment->store, call->execution->instance,
                                      UNMARKED_KIND, reminder->key, &call->error);
    return forgetting->ok;
}

bool unmarked_done(struct call *call)
{
    struct forgetting forgetting = {.call = call, .ok = true};
    bool ok = store_reminders(call->execution->environment->store, UNMARKED_KIND, call->connection->name,
                              forget_one, &forgetting, &call->error);
    return (ok && forgetting.ok) || stop(call);
}

/* ---- what is gone ---------------------------------------------------------------------------- */

struct expecting {
    const struct call *call;
    struct buf *expected;
};

/* Its key and its size. */
static bool expect(void *context, const struct reminder *reminder)
{
    struct expecting *expecting = context;
    const struct call *call = expecting->call;
    struct unmarked_delivery delivery;
    char copy[UNMARKED_KEY_SPACE];
    const char *name = unmarked_name_in(reminder->key, call->connection->name, call->args[1].text, copy);
    const char *prefix = call->args[2].text;
    (void)!unmarked_unpack(reminder->value, reminder->size, &delivery); /* what is damaged may go, too */
    if (!name || strncmp(name, prefix, strlen(prefix)) != 0 || !is_from_here(call->connection, &delivery))
        return true;
    pack_text(expecting->expected, reminder->key);
    pack_number(expecting->expected, delivery.size);
    return true;
}

void unmarked_expect(const struct call *call, struct buf *expected)
{
    struct error ignored;
    struct expecting expecting = {call, expected};
    buf_init(expected, EXPECTED_SIZE_MAX);
    if (!store_reminders(call->execution->environment->store, UNMARKED_KIND, call->connection->name, expect,
                         &expecting, &ignored))
        expected->failed = true;
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
        char copy[UNMARKED_KEY_SPACE];
        const char *key = unpack_text(&in);
        uint64_t size = unpack_number(&in);
        const char *name =
            key ? unmarked_name_in(key, call->connection->name, call->args[1].text, copy) : NULL;
        if (name && !is_still_there(listing, name, size))
            (void)!store_forget(call->execution->environment->store, call->execution->instance,
                                UNMARKED_KIND, key, &ignored);
    }
}
