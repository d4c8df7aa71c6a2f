/* SPDX-License-Identifier: MIT */
/* Storing under the connection's policy for names that are taken; see object_store.h. */
#include "transfer/object_store.h"

#include <stdlib.h>
#include <string.h>

#include "transfer/object_listing.h"
#include "transfer/object_upload.h"

#define DIGEST_BUFFER_SIZE 65536

/* A stream cannot be had again, and a temporary name says nothing of the final one: whether that is taken is
 * asked before, not learnt by trying. */
static bool look_first(struct upload *upload, struct error *err)
{
    struct object_facts facts;
    struct error why = {0};
    if (upload->connection->on_conflict == CONFLICT_OVERWRITE)
        return true;
    if (object_head(upload->transfer, upload->connection, upload->call, upload->folder,
                    upload->name, &facts, &why))
        return connection_error(upload->connection, err, ERROR_EXISTS,
                                "the name '%s' is taken in '%s': nothing was overwritten; remove it "
                                "or set on_conflict",
                                upload->name, upload->folder);
    if (why.kind != ERROR_NOT_FOUND && err)
        *err = why;
    return why.kind == ERROR_NOT_FOUND;
}

static bool store_once(struct upload *upload, struct error *err)
{
    const struct connection *connection = upload->connection;
    uint64_t size = remote_file_size(upload->source), part_size;
    uint64_t threshold = connection->multipart_threshold ? connection->multipart_threshold
                                                         : OBJECT_THRESHOLD_DEFAULT;
    struct error why = {0};
    const bool is_journaled = upload->call && upload->call->announce;
    upload->has_failed = false;
    if ((upload->source->stream || is_journaled) && !look_first(upload, err))
        return false;
    if (size == REMOTE_SIZE_UNKNOWN)
        return upload_held(upload, err);
    if (!object_part_size(size, connection->part_size, &part_size, &why))
        return connection_error(connection, err, why.kind, "%s", why.message);
    bool in_parts = size > threshold || size > OBJECT_PART_SIZE_MAX;
    if (is_journaled)
        return upload_staged(upload, in_parts ? part_size : 0, err);
    return in_parts ? upload_parts(upload, part_size, err) : upload_whole(upload, err);
}

/* ---- is what is there already the same file? ---- */

static void add_part(br_md5_context *part, br_md5_context *whole)
{
    unsigned char md5[br_md5_SIZE];
    br_md5_out(part, md5);
    br_md5_update(whole, md5, sizeof md5);
    br_md5_init(part);
}

/* The part size that an object of that many parts ("...-N") was made with, as far as it was us. */
static bool part_size_of(const struct upload *upload, const struct object_facts *facts,
                         uint64_t *part_size, struct error *err)
{
    const char *dash = strrchr(facts->digest, '-');
    uint64_t size = facts->info.size, wanted = upload->connection->part_size;
    uint64_t count = dash ? strtoul(dash + 1, NULL, 10) : 0;
    if (!object_part_size(size, wanted, part_size, err))
        return false;
    if ((size + *part_size - 1) / *part_size != count)
        *part_size = object_held_size(upload->call ? upload->call->file_size_max : 0, wanted);
    return true;
}

/* Reads the source once more and leaves the digest the service would tell: of the whole, or, with a
 * part_size, of parts. */
static bool digest_source(struct upload *upload, uint64_t part_size,
                          char text[static MD5_TEXT_SIZE], struct error *err)
{
    br_md5_context whole, part, *current = part_size ? &part : &whole;
    unsigned char md5[br_md5_SIZE];
    uint64_t left = part_size;
    unsigned count = 0;
    char *buffer = malloc(DIGEST_BUFFER_SIZE);
    size_t got = 0;
    br_md5_init(&whole);
    br_md5_init(&part);
    bool ok = buffer ? upload_open(upload, err)
                     : connection_error(upload->connection, err, ERROR_INTERNAL, "out of memory");
    while (ok) {
        size_t size = part_size && left < DIGEST_BUFFER_SIZE ? (size_t)left : DIGEST_BUFFER_SIZE;
        got = pump_read(buffer, 1, size, upload->pump);
        if (got == 0 || got == CURL_READFUNC_ABORT)
            break;
        br_md5_update(current, buffer, got);
        left -= part_size ? got : 0;
        if (part_size && left == 0) {
            add_part(&part, &whole);
            left = part_size;
            count++;
        }
    }
    if (part_size && left < part_size) {
        add_part(&part, &whole);
        count++;
    }
    ok = ok && pump_finish(upload->pump, err);
    pump_close(upload->pump);
    upload->pump = NULL;
    free(buffer);
    br_md5_out(&whole, md5);
    upload_digest_text(md5, text);
    size_t length = strlen(text);
    if (part_size)
        snprintf(text + length, MD5_TEXT_SIZE - length, "-%u", count);
    return ok;
}

/* False: the question could not be answered. */
static bool is_same_file(struct upload *upload, bool *is_same, struct error *err)
{
    struct object_facts facts;
    char digest[MD5_TEXT_SIZE];
    uint64_t part_size = 0;
    *is_same = false;
    if (!object_head(upload->transfer, upload->connection, upload->call, upload->folder,
                     upload->name, &facts, err))
        return err->kind == ERROR_NOT_FOUND; /* gone again; the conflict was real when it was met */
    uint64_t size = remote_file_size(upload->source);
    if ((size != REMOTE_SIZE_UNKNOWN && facts.info.size != size) || !facts.digest[0])
        return true;
    if (!facts.is_multipart && upload->source->digest && !upload->source->filters) {
        snprintf(digest, sizeof digest, "%s", upload->source->digest);
    } else {
        if (facts.is_multipart && !part_size_of(upload, &facts, &part_size, err))
            return false;
        if (!digest_source(upload, part_size, digest, err))
            return false;
    }
    *is_same = strcmp(digest, facts.digest) == 0;
    if (*is_same) {
        snprintf(upload->receipt->etag, sizeof upload->receipt->etag, "%s", facts.etag);
        snprintf(upload->receipt->digest, sizeof upload->receipt->digest, "%s", digest);
        upload->receipt->size = facts.info.size;
    }
    return true;
}

/* For a new attempt, of which nothing is in doubt. */
static struct transfer_call call_without_doubt(const struct transfer_call *call)
{
    struct transfer_call settled = call ? *call : (struct transfer_call){0};
    settled.doubt = NULL;
    return settled;
}

bool object_store(struct transfer *transfer, const struct connection *connection,
                  const char *folder, const char *name, const struct remote_file *source,
                  const struct transfer_call *call, struct remote_receipt *receipt,
                  struct error *err)
{
    struct error local = {0};
    struct error *why = err ? err : &local;
    struct upload upload = {.transfer = transfer, .connection = connection, .call = call,
                            .folder = folder, .source = source, .receipt = receipt};
    unsigned last = connection->on_conflict == CONFLICT_NUMBER ? CONFLICT_NUMBER_MAX : 1;
    bool is_done = false;
    if (call && call->doubt && !upload_doubt(&upload, &is_done, why))
        return false;
    call_settled(call);
    if (is_done)
        return true;
    const struct transfer_call settled = call_without_doubt(call);
    upload.call = call ? &settled : NULL;
    for (unsigned number = 1; number <= last; number++) {
        bool is_same;
        if (!conflict_name(name, number, OBJECT_NAME_SIZE_MAX, receipt->name))
            return connection_error(connection, err, ERROR_LIMIT,
                                    "a numbered name would be over %u bytes", OBJECT_NAME_SIZE_MAX);
        upload.name = receipt->name;
        if (store_once(&upload, why))
            return true;
        if (why->kind != ERROR_EXISTS || (source->stream && source->stream->is_taken))
            return false;
        if (source->stream && number < last)
            continue; /* comparing would use it up */
        const struct error taken = *why;
        if (!is_same_file(&upload, &is_same, why))
            return false;
        if (is_same)
            return true;
        *why = taken;
    }
    return false;
}
