/* SPDX-License-Identifier: MIT */
/* See object.h. */
#include "capability/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workspace/connections.h"

#define STATUS_MAX 999 /* of HTTP */
#define ENTRY_SIZE_MIN 33 /* bytes of a packed listing's entry: a size, a NUL, three numbers */

void object_release_file(void *object)
{
    remote_file_release(object);
    free(object);
}

void object_release_listing(void *object)
{
    struct listing_cursor *cursor = object;
    remote_listing_release(&cursor->listing);
    free(cursor);
}

void object_release_response(void *object)
{
    http_response_release(object);
    free(object);
}

/* ---- as bytes ---- */

static void pack_info(const struct sluice_file_info *info, struct buf *out)
{
    pack_number(out, info->size);
    pack_number(out, (uint64_t)info->modified_s);
    pack_number(out, info->flags);
}

static struct sluice_file_info unpack_info(struct unpack *in)
{
    struct sluice_file_info info = {.size = unpack_number(in)};
    info.modified_s = (int64_t)unpack_number(in);
    uint64_t flags = unpack_number(in);
    info.flags = (uint32_t)flags;
    in->failed |= flags > UINT32_MAX;
    return info;
}

/* "name\nplace"; releases that did not note the place wrote the name alone. */
static void pack_connection(const struct remote_file *file, struct buf *out)
{
    struct buf text;
    buf_init(&text, CONNECTION_NAME_SIZE_MAX + 1 + CONNECTION_PLACE_SIZE_MAX);
    if (file->connection)
        buf_append_text(&text, file->connection->name);
    if (file->place)
        buf_printf(&text, "\n%s", file->place);
    pack_text(out, file->connection ? buf_text(&text) : NULL);
    out->failed |= text.failed;
    buf_release(&text);
}

static void pack_file(const struct remote_file *file, struct buf *out)
{
    pack_connection(file, out);
    pack_text(out, file->folder);
    pack_text(out, file->name);
    pack_text(out, file->etag);
    pack_text(out, file->digest);
    pack_text(out, file->filters);
    pack_info(&file->info, out);
}

/* False: no memory. A text that was NULL stays NULL. */
static bool copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return *copy || !text;
}

/* Without a snapshot (a replay) files have no connection. */
static bool find_connection(const char *text, const struct snapshot *snapshot, struct remote_file *file,
                            struct error *err)
{
    char name[CONNECTION_NAME_SIZE_MAX + 1];
    size_t size = strcspn(text, "\n");
    if (!snapshot)
        return true;
    snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name - 1), text);
    file->connection = snapshot_connection(snapshot, name, err);
    return file->connection &&
           (copy_text(text[size] ? text + size + 1 : NULL, &file->place) ||
            error_out_of_memory(err));
}

static bool unpack_file(struct unpack *in, const struct snapshot *snapshot,
                        struct remote_file *file, struct error *err)
{
    const char *connection = unpack_text(in);
    bool ok = copy_text(unpack_text(in), &file->folder) && copy_text(unpack_text(in), &file->name) &&
              copy_text(unpack_text(in), &file->etag) && copy_text(unpack_text(in), &file->digest) &&
              copy_text(unpack_text(in), &file->filters);
    file->info = unpack_info(in);
    if (!ok)
        return error_out_of_memory(err);
    return !connection || in->failed || find_connection(connection, snapshot, file, err);
}

static void pack_listing(const struct listing_cursor *cursor, struct buf *out)
{
    pack_number(out, cursor->listing.count);
    pack_number(out, cursor->listing.unparsed);
    for (size_t i = 0; i < cursor->listing.count; i++) {
        pack_text(out, cursor->listing.entries[i].name);
        pack_info(&cursor->listing.entries[i].info, out);
    }
}

static bool unpack_listing(struct unpack *in, struct listing_cursor *cursor, struct error *err)
{
    struct remote_listing *listing = &cursor->listing;
    uint64_t count = unpack_number(in);
    listing->unparsed = (size_t)unpack_number(in);
    if (count > in->left / ENTRY_SIZE_MIN) { /* nothing is reserved for a lie */
        in->failed = true;
        return true;
    }
    listing->entries = calloc((size_t)count + 1, sizeof *listing->entries);
    if (!listing->entries)
        return error_out_of_memory(err);
    for (; listing->count < count && !in->failed; listing->count++) {
        struct remote_entry *entry = &listing->entries[listing->count];
        const char *name = unpack_text(in);
        in->failed |= !name;
        entry->name = strdup(name ? name : "");
        entry->info = unpack_info(in);
        if (!entry->name)
            return error_out_of_memory(err);
    }
    return true;
}

static void pack_response(const struct http_response *response, struct buf *out)
{
    pack_number(out, (uint64_t)response->status);
    pack_bytes(out, buf_text(&response->headers), response->headers.size);
    pack_bytes(out, buf_text(&response->body), response->body.size);
}

static void unpack_buf(struct unpack *in, struct buf *out)
{
    size_t size;
    const void *bytes = unpack_bytes(in, &size);
    buf_init(out, size);
    buf_append(out, bytes, size);
}

static bool unpack_response(struct unpack *in, struct http_response *response, struct error *err)
{
    uint64_t status = unpack_number(in);
    response->status = (int)status;
    in->failed |= status > STATUS_MAX;
    unpack_buf(in, &response->headers);
    unpack_buf(in, &response->body);
    return !(response->headers.failed || response->body.failed) ||
           error_out_of_memory(err);
}

void object_pack(enum handle_kind kind, const void *object, struct buf *out)
{
    switch (kind) {
    case HANDLE_FILE:
        pack_file(object, out);
        break;
    case HANDLE_LISTING:
        pack_listing(object, out);
        break;
    case HANDLE_RESPONSE:
        pack_response(object, out);
        break;
    case HANDLE_FREE:
        break;
    }
}

static bool fill(enum handle_kind kind, void *object, struct unpack *in,
                 const struct snapshot *snapshot, struct error *err)
{
    switch (kind) {
    case HANDLE_FILE:
        return unpack_file(in, snapshot, object, err);
    case HANDLE_LISTING:
        return unpack_listing(in, object, err);
    case HANDLE_RESPONSE:
        return unpack_response(in, object, err);
    case HANDLE_FREE:
    default:
        return error_set(err, ERROR_INVALID, "no such kind of handle");
    }
}

void *object_unpack(enum handle_kind kind, struct unpack *in, const struct snapshot *snapshot,
                    handle_release_fn **release, struct error *err)
{
    static const struct {
        size_t size;
        handle_release_fn *release;
    } kinds[] = {
        [HANDLE_FREE] = {1, free},
        [HANDLE_FILE] = {sizeof(struct remote_file), object_release_file},
        [HANDLE_LISTING] = {sizeof(struct listing_cursor), object_release_listing},
        [HANDLE_RESPONSE] = {sizeof(struct http_response), object_release_response},
    };
    void *object = calloc(1, kinds[kind].size);
    *release = kinds[kind].release;
    if (!object) {
        error_out_of_memory(err);
        return NULL;
    }
    bool ok = fill(kind, object, in, snapshot, err);
    if (ok && in->failed)
        ok = error_set(err, ERROR_INVALID, "a record of the journal is damaged");
    if (ok)
        return object;
    kinds[kind].release(object);
    return NULL;
}
