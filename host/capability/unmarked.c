/* SPDX-License-Identifier: MIT */
/* See unmarked.h. */
#include "capability/unmarked.h"

#include <stdio.h>
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

struct finding {
    struct call *call;
    const struct remote_file *source;
    struct buf beginning; /* of the keys of source */
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
        strcmp(delivery->folder, call->args[1].text) != 0 || delivery->size != source->info.size ||
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
    struct unmarked_delivery delivery;
    if (!unmarked_is_of(reminder->key, &finding->beginning) ||
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
    unmarked_source(source->connection->name, source->folder, source->name, &finding.beginning);
    bool ok = !finding.beginning.failed || error_out_of_memory(&finding.why);
    if (!ok || !store_reminders(store, UNMARKED_KIND, buf_text(&finding.beginning), consider, &finding,
                                &finding.why))
        finding.is = UNMARKED_PERHAPS;
    if (finding.is == UNMARKED_SAME)
        *receipt = finding.receipt;
    if (finding.is == UNMARKED_PERHAPS) {
        call->error = finding.why;
        error_advise(&call->error, RETRY_NEVER);
    }
    buf_release(&finding.beginning);
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
    struct buf beginning;
    bool ok;
};

static bool forget_one(void *context, const struct reminder *reminder)
{
    struct forgetting *forgetting = context;
    struct call *call = forgetting->call;
    struct unmarked_delivery delivery;
    (void)!unmarked_unpack(reminder->value, reminder->size, &delivery); /* what is damaged may go, too */
    if (unmarked_is_of(reminder->key, &forgetting->beginning) && is_from_here(call->connection, &delivery))
        forgetting->ok = store_forget(call->execution->environment->store, call->execution->instance,
                                      UNMARKED_KIND, reminder->key, &call->error);
    return forgetting->ok;
}

bool unmarked_done(struct call *call)
{
    struct forgetting forgetting = {.call = call, .ok = true};
    unmarked_source(call->connection->name, call->args[1].text, call->args[2].text, &forgetting.beginning);
    bool ok = !forgetting.beginning.failed || error_out_of_memory(&call->error);
    ok = ok && store_reminders(call->execution->environment->store, UNMARKED_KIND,
                               buf_text(&forgetting.beginning), forget_one, &forgetting, &call->error);
    buf_release(&forgetting.beginning);
    return (ok && forgetting.ok) || stop(call);
}

/* ---- what is gone ---------------------------------------------------------------------------- */

struct expecting {
    const struct call *call;
    struct buf *expected;
};

/* Its name, what its key has behind that, and its size. */
static bool expect(void *context, const struct reminder *reminder)
{
    struct expecting *expecting = context;
    struct unmarked_delivery delivery;
    char key[UNMARKED_KEY_SPACE], *parts[3];
    snprintf(key, sizeof key, "%s", reminder->key);
    (void)!unmarked_unpack(reminder->value, reminder->size, &delivery); /* what is damaged may go, too */
    if (!unmarked_split(key, parts) || !is_from_here(expecting->call->connection, &delivery))
        return true;
    pack_text(expecting->expected, parts[2]);
    pack_text(expecting->expected, reminder->key + (parts[2] - key) + strlen(parts[2]));
    pack_number(expecting->expected, delivery.size);
    return true;
}

void unmarked_expect(const struct call *call, struct buf *expected)
{
    struct buf beginning;
    struct error ignored;
    struct expecting expecting = {call, expected};
    unmarked_source(call->connection->name, call->args[1].text, call->args[2].text, &beginning);
    buf_init(expected, EXPECTED_SIZE_MAX);
    if (beginning.failed || !store_reminders(call->execution->environment->store, UNMARKED_KIND,
                                             buf_text(&beginning), expect, &expecting, &ignored))
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
        const char *name = unpack_text(&in), *rest = unpack_text(&in);
        uint64_t size = unpack_number(&in);
        if (!name || !rest || is_still_there(listing, name, size))
            continue;
        unmarked_source(call->connection->name, call->args[1].text, name, &key);
        buf_append_text(&key, rest);
        if (!key.failed)
            (void)!store_forget(call->execution->environment->store, call->execution->instance,
                                UNMARKED_KIND, buf_text(&key), &ignored);
        buf_release(&key);
    }
}
