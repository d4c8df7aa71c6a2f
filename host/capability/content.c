/* SPDX-License-Identifier: MIT */
/* The content server operations behind ftp.* and http.object_*; see content.h. */
#include "capability/content.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/log.h"
#include "capability/folder.h"
#include "capability/lease.h"
#include "capability/leftover.h"
#include "capability/object.h"
#include "capability/settle.h"
#include "capability/unmarked.h"
#include "capability/watch.h"

static struct transfer *transfer_of(const struct call *call)
{
    return call->execution->environment->transfer;
}

bool content_check(struct call *call, bool object_storage)
{
    enum connection_type type = call->connection->type;
    bool is_object_storage = type == CONNECTION_OBJECT_STORAGE;
    bool is_file_server = type == CONNECTION_FTP || type == CONNECTION_SFTP;
    if (object_storage ? is_object_storage : is_file_server)
        return true;
    return error_set(&call->error, ERROR_UNSUPPORTED,
                     "connection '%s' is of type \"%s\"; \"%s\" needs one of type %s",
                     call->connection->name, connection_type_name(type), call->import->full_name,
                     object_storage ? "\"object_storage\"" : "\"ftp\" or \"sftp\"");
}

static void note_unparsed(const struct call *call, const struct remote_listing *listing,
                          struct buf *note)
{
    buf_printf(note, ", %zu entries not understood, the first '%s'", listing->unparsed,
               listing->strange);
    log_line(LOG_WARNING, call->execution->instance,
             "connection '%s': in the listing of '%s', %zu entries cannot be understood, the first is '%s'",
             call->connection->name, call->args[1].text, listing->unparsed, listing->strange);
}

/* remote_list, what goes before it, and what is forgotten when it succeeds. */
static bool list(struct call *call, struct remote_listing *listing)
{
    struct buf expected;
    if (!lease_take(call))
        return false;
    unmarked_expect(call, &expected);
    bool ok = remote_list(transfer_of(call), call->connection, call->args[1].text,
                          call->args[2].text, &call->transfer, listing, &call->error);
    if (ok)
        unmarked_listed(call, &expected, listing);
    buf_release(&expected);
    return ok;
}

int32_t content_list(struct call *call)
{
    struct listing_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return call_out_of_memory(call);
    call->subject = call->args[1].text;
    if (!list(call, &cursor->listing)) {
        free(cursor);
        return call_failed(call);
    }
    struct buf note;
    buf_init(&note, 512);
    bool is_cut = cursor->listing.count > LISTING_ENTRIES_MAX;
    buf_printf(&note, "%s%zu files with prefix '%.100s'", is_cut ? "at least " : "",
               cursor->listing.count, call->args[2].text);
    if (cursor->listing.unparsed > 0)
        note_unparsed(call, &cursor->listing, &note);
    call->note = arena_copy(&call->execution->scratch, buf_text(&note), note.size);
    buf_release(&note);
    return call_open_handle(call, HANDLE_LISTING, cursor, object_release_listing);
}

int32_t content_open(struct call *call)
{
    struct remote_file *file = calloc(1, sizeof *file);
    if (!file)
        return call_out_of_memory(call);
    call->subject = call->args[2].text;
    if (!remote_open(transfer_of(call), call->connection, call->args[1].text, call->args[2].text,
                     &call->transfer, file, &call->error)) {
        free(file);
        return call_failed(call);
    }
    return call_open_handle(call, HANDLE_FILE, file, object_release_file);
}

static bool is_same_host(const char *a, const char *b)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1", "[::1]"};
    bool a_is_local = false, b_is_local = false;
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        a_is_local |= strcasecmp(a, loopback[i]) == 0;
        b_is_local |= strcasecmp(b, loopback[i]) == 0;
    }
    return strcasecmp(a, b) == 0 || (a_is_local && b_is_local);
}

/* A file stored onto itself would be renamed over by its own copy and then marked as sent. */
static bool is_same_place(const struct call *call, const struct remote_file *source)
{
    const struct connection *from = source->connection, *to = call->connection;
    if (!from || from->type != to->type || !source->folder)
        return false;
    bool same_peer = from == to;
    if (from->host && to->host)
        same_peer = from->port == to->port && is_same_host(from->host, to->host) &&
                    strcmp(from->user ? from->user : "", to->user ? to->user : "") == 0;
    else if (from->url && to->url)
        same_peer = strcmp(from->url, to->url) == 0;
    return same_peer && folder_is_same(source->folder, call->args[1].text);
}

#define RECEIPT_SIZE_MAX (6 * REMOTE_NAME_SIZE_MAX + 256) /* JSON: a byte of the name takes up to 6 */

static int32_t put_receipt(struct call *call, const struct argument *out,
                           const struct remote_receipt *receipt)
{
    struct buf json;
    buf_init(&json, RECEIPT_SIZE_MAX);
    buf_append_text(&json, "{\"name\":");
    json_append_text(&json, receipt->name, strlen(receipt->name));
    buf_printf(&json, ",\"size\":%llu", (unsigned long long)receipt->size);
    if (receipt->digest[0])
        buf_printf(&json, ",\"digest\":\"%s\"", receipt->digest);
    buf_append_char(&json, '}');
    int32_t size = json.failed ? call_out_of_memory(call) : call_put_text(out, buf_text(&json));
    call->note = arena_copy(&call->execution->scratch, buf_text(&json), json.size);
    buf_release(&json);
    return size;
}

/* NULL: no file was opened. */
static bool is_where_it_was(struct call *call, const struct remote_file *file)
{
    return !file || remote_is_where_it_was(file, &call->error);
}

static bool store_once(struct call *call, void *receipt)
{
    return remote_store(transfer_of(call), call->connection, call->args[1].text,
                        call->args[2].text, call->args[3].object, &call->transfer, receipt,
                        &call->error);
}

int32_t content_store(struct call *call)
{
    const struct remote_file *file = call->args[3].object;
    call->subject = call->args[2].text;
    if (!file) {
        error_set(&call->error, ERROR_INVALID, "no file was given to store");
        return SLUICE_BAD_HANDLE;
    }
    if (is_same_place(call, file)) {
        error_set(&call->error, ERROR_INVALID,
                  "source and target are the same folder '%s' of the same server",
                  call->args[1].text);
        return call_failed(call);
    }
    struct remote_receipt receipt = {0};
    switch (unmarked_find(call, file, &receipt)) {
    case UNMARKED_NO:
        break;
    case UNMARKED_SAME: /* an earlier run has, but could not mark it */
        return put_receipt(call, &call->args[4], &receipt);
    case UNMARKED_PERHAPS:
        return call_failed(call);
    }
    call->transfer.leave = leftover_note;
    if (!call->is_in_doubt && !is_where_it_was(call, file)) /* what is whole at the target can be told */
        return call_failed(call);
    if (!unmarked_may_note(call, file) || !settle(call, store_once, &receipt) ||
        !unmarked_note(call, file, &receipt))
        return call_failed(call);
    call->bytes = receipt.size;
    return put_receipt(call, &call->args[4], &receipt);
}

int32_t content_stat(struct call *call)
{
    struct remote_file file = {0};
    call->subject = call->args[2].text;
    if (!remote_open(transfer_of(call), call->connection, call->args[1].text, call->args[2].text,
                     &call->transfer, &file, &call->error))
        return call_failed(call);
    memcpy(call->args[3].out, &file.info, sizeof file.info);
    remote_file_release(&file);
    return SLUICE_OK;
}

static bool rename_once(struct call *call, void *receipt)
{
    return remote_rename(transfer_of(call), call->connection, call->args[1].text,
                         call->args[2].text, call->args[3].text, &call->transfer, receipt,
                         &call->error);
}

int32_t content_rename(struct call *call)
{
    struct remote_receipt receipt = {0};
    call->subject = call->args[2].text;
    call->transfer.expected = opened_find(&call->execution->opened, call->connection,
                                          call->args[1].text, call->args[2].text);
    if (!is_where_it_was(call, call->transfer.expected) || !settle(call, rename_once, &receipt) ||
        !unmarked_done(call))
        return call_failed(call);
    call->note = arena_copy(&call->execution->scratch, receipt.name, strlen(receipt.name));
    return call_put_text(&call->args[4], receipt.name);
}
