/* SPDX-License-Identifier: MIT */
/*
 * The rules that are the same for every content server: which names may be used, how large a file
 * may be, how a growing one is told. The servers below never see a name that was not checked here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "transfer/content_server.h"
#include "transfer/filtered.h"
#include "transfer/listing.h"
#include "transfer/remote_name.h"

static const struct content_server *server_of(const struct connection *connection,
                                              struct error *err)
{
    switch (connection->type) {
    case CONNECTION_FTP:
        return &ftp_server;
    case CONNECTION_SFTP:
        return &sftp_server;
    case CONNECTION_OBJECT_STORAGE:
        return &object_storage_server;
    case CONNECTION_REST:
    case CONNECTION_SMTP:
    case CONNECTION_LOCAL:
        break;
    }
    connection_error(connection, err, ERROR_UNSUPPORTED,
                     "it is of type %s, files need ftp, sftp or object_storage",
                     connection_type_name(connection->type));
    return NULL;
}

/* One path component of a file system, or an object name. */
static size_t name_size_max(const struct connection *connection)
{
    return connection->type == CONNECTION_OBJECT_STORAGE ? REMOTE_NAME_SIZE_MAX : NAME_SIZE_MAX;
}

static bool check_size(const struct connection *connection, const char *name, uint64_t size,
                       const struct transfer_call *call, struct error *err)
{
    if (!call || call->file_size_max == 0 || size <= call->file_size_max)
        return true;
    char is[TEXT_SIZE_SIZE], may[TEXT_SIZE_SIZE];
    return connection_error(connection, err, ERROR_LIMIT,
                            "file '%s' has %s, more than file_size_max (%s) allows", name,
                            text_format_size(size, is), text_format_size(call->file_size_max, may));
}

/* ---- list ------------------------------------------------------------------------------------ */

/* "No file found" must not be said of a listing that nobody could read. */
static bool is_readable(const struct content_server *server, const struct connection *connection,
                        const char *folder, const struct remote_listing *listing, struct error *err)
{
    if (listing->unparsed == 0 || listing->understood > 0)
        return true;
    return connection_error(connection, err, ERROR_UNSUPPORTED,
                            "folder '%s': nothing of the listing (%zu entries) can be understood; it "
                            "begins with '%s'; understood are %s",
                            folder, listing->unparsed, listing->strange, server->listing_forms);
}

static bool look(const struct content_server *server, struct transfer *transfer,
                 const struct connection *connection, const char *folder, const char *prefix,
                 const struct transfer_call *call, struct remote_listing *out, struct error *err)
{
    *out = (struct remote_listing){0};
    if (!server->list(transfer, connection, folder, prefix, call, out, err) ||
        !is_readable(server, connection, folder, out, err)) {
        remote_listing_release(out);
        return false;
    }
    listing_finish(out);
    return true;
}

/* The second look replaces the first: what vanished meanwhile is not reported. */
static bool look_again(const struct content_server *server, struct transfer *transfer,
                       const struct connection *connection, const char *folder, const char *prefix,
                       const struct transfer_call *call, struct remote_listing *listing,
                       struct error *err)
{
    struct remote_listing now = {0};
    bool ok = call_sleep(call, connection->settle_ms, err) &&
              look(server, transfer, connection, folder, prefix, call, &now, err);
    if (ok)
        listing_flag_growing(listing, &now);
    remote_listing_release(listing);
    *listing = now;
    return ok;
}

bool remote_list(struct transfer *transfer, const struct connection *connection, const char *folder,
                 const char *prefix, const struct transfer_call *call, struct remote_listing *out,
                 struct error *err)
{
    *out = (struct remote_listing){0};
    prefix = prefix ? prefix : "";
    const struct content_server *server = server_of(connection, err);
    if (!server || !folder_check(folder, err))
        return false;
    if (!look(server, transfer, connection, folder, prefix, call, out, err))
        return false;
    if (server->grows && connection->settle_ms > 0 && out->count > 0 &&
        !look_again(server, transfer, connection, folder, prefix, call, out, err))
        return false;
    listing_flag_larger(out, call ? call->file_size_max : 0);
    return true;
}

/* ---- open and read --------------------------------------------------------------------------- */

static char *place_of(const struct connection *connection)
{
    struct buf place;
    buf_init(&place, CONNECTION_PLACE_SIZE_MAX);
    connection_place(connection, &place);
    return buf_take(&place, NULL);
}

bool remote_open(struct transfer *transfer, const struct connection *connection, const char *folder,
                 const char *name, const struct transfer_call *call, struct remote_file *out,
                 struct error *err)
{
    *out = (struct remote_file){0};
    const struct content_server *server = server_of(connection, err);
    if (!server || !folder_check(folder, err) || !name_check(name, name_size_max(connection), err))
        return false;
    out->connection = connection;
    out->place = place_of(connection);
    out->folder = strdup(folder);
    out->name = strdup(name);
    bool ok = out->place && out->folder && out->name
                  ? server->open(transfer, call, out, err)
                  : connection_error(connection, err, ERROR_INTERNAL, "out of memory");
    if (ok && call && call->file_size_max && out->info.size > call->file_size_max)
        out->info.flags |= SLUICE_FILE_TOO_LARGE;
    if (!ok)
        remote_file_release(out);
    return ok;
}

bool remote_open_local(const char *path, struct remote_file *out, struct error *err)
{
    *out = (struct remote_file){0};
    struct stat about;
    if (stat(path, &about) != 0)
        return error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED, errno,
                           "file '%s'", path);
    if (!S_ISREG(about.st_mode))
        return error_set(err, ERROR_INVALID, "'%s' is not a plain file", path);
    out->name = strdup(path);
    if (!out->name)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    out->info.size = (uint64_t)about.st_size;
    out->info.modified_s = (int64_t)about.st_mtime;
    return true;
}

bool remote_open_stream(struct remote_stream *stream, const char *name, uint64_t size,
                        struct remote_file *out, struct error *err)
{
    *out = (struct remote_file){.stream = stream, .name = strdup(name)};
    if (!out->name)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (size == REMOTE_SIZE_UNKNOWN)
        out->info.flags = SLUICE_FILE_SIZE_UNKNOWN;
    else
        out->info.size = size;
    return true;
}

uint64_t remote_file_size(const struct remote_file *file)
{
    bool is_unknown = file->filters || (file->info.flags & SLUICE_FILE_SIZE_UNKNOWN);
    return is_unknown ? REMOTE_SIZE_UNKNOWN : file->info.size;
}

static bool read_stream(const struct remote_file *file, struct source *out, struct error *err)
{
    if (file->stream->is_taken)
        return error_set(err, ERROR_INVALID, "file '%s' came with the message and was read already",
                         file->name);
    file->stream->is_taken = true;
    out->stream = file->stream;
    return true;
}

static bool read_local(const struct remote_file *file, struct source *out, struct error *err)
{
    out->fd = open(file->name, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED, errno,
                           "file '%s'", file->name);
    return true;
}

bool remote_is_where_it_was(const struct remote_file *file, struct error *err)
{
    if (!file->connection || !file->place || connection_is_at(file->connection, file->place))
        return true;
    error_set(err, ERROR_BROKEN,
              "'%.160s' was opened at %.160s, and connection '%s' points to another place by now: what has "
              "its name there is another file, which is left as it is; point the connection back, and the "
              "next run takes it",
              file->name, file->place, file->connection->name);
    return error_advise(err, RETRY_NEVER);
}

bool remote_read(struct transfer *transfer, const struct remote_file *file,
                 const struct transfer_call *call, struct source *out, struct error *err)
{
    *out = (struct source){
        .transfer = transfer, .fd = -1, .size = remote_file_size(file), .file = file};
    if (!remote_is_where_it_was(file, err))
        return false;
    if (file->filters)
        return filtered_read(transfer, file, call, out, err);
    if (file->stream)
        return read_stream(file, out, err);
    if (!file->connection)
        return read_local(file, out, err);
    const struct content_server *server = server_of(file->connection, err);
    return server && server->read(transfer, file, call, out, err);
}

/* ---- store and rename ------------------------------------------------------------------------ */

bool remote_store(struct transfer *transfer, const struct connection *connection,
                  const char *folder, const char *name, const struct remote_file *source,
                  const struct transfer_call *call, struct remote_receipt *receipt,
                  struct error *err)
{
    *receipt = (struct remote_receipt){0};
    const struct content_server *server = server_of(connection, err);
    return server && folder_check(folder, err) &&
           name_check(name, name_size_max(connection), err) &&
           check_size(source->connection ? source->connection : connection, name, source->info.size,
                      call, err) &&
           server->store(transfer, connection, folder, name, source, call, receipt, err);
}

bool remote_rename(struct transfer *transfer, const struct connection *connection,
                   const char *folder, const char *from, const char *to,
                   const struct transfer_call *call, struct remote_receipt *receipt,
                   struct error *err)
{
    *receipt = (struct remote_receipt){0};
    const struct content_server *server = server_of(connection, err);
    return server && folder_check(folder, err) &&
           name_check(from, name_size_max(connection), err) &&
           name_check(to, name_size_max(connection), err) &&
           server->rename(transfer, connection, folder, from, to, call, receipt, err);
}

bool removal_fail(enum removal removal, const struct connection *connection, const char *folder,
                  const char *what, struct error *err)
{
    return connection_error(connection, err,
                            removal == REMOVAL_REFUSED ? ERROR_REFUSED : ERROR_UNAVAILABLE,
                            "'%s' in '%s' could not be removed", what, folder);
}

bool remote_discard(struct transfer *transfer, const struct connection *connection,
                    const char *folder, const struct transfer_step *step,
                    const struct transfer_call *call, struct error *err)
{
    const struct content_server *server = server_of(connection, err);
    return server && folder_check(folder, err) &&
           server->discard(transfer, connection, folder, step, call, err);
}
