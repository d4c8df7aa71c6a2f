/* SPDX-License-Identifier: MIT */
/* Looking at files, reading them, renaming them. A size is only believed in TYPE I. */
#include <string.h>

#include "transfer/ftp_listing.h"
#include "transfer/ftp_session.h"
#include "transfer/remote_name.h"

/* ---- looks ------------------------------------------------------------------------------------ */

bool ftp_read_look(struct handle *handle, size_t nth, const char *name, struct ftp_look *look,
                   struct error *err)
{
    *look = (struct ftp_look){0};
    const struct ftp_exchange *size = dialogue_find(handle->dialogue, "SIZE", nth);
    const struct ftp_exchange *time = dialogue_find(handle->dialogue, "MDTM", nth);
    int code = size ? size->code : 0;
    if (code == 213) {
        look->exists = true;
        if (time && time->code == 213)
            look->modified_s = listing_parse_time(time->text, strcspn(time->text, " "));
        return exchange_number(size, &look->size) ||
               connection_error(handle->connection, err, ERROR_UNSUPPORTED,
                                "'%s': the server's answer to SIZE is no number (%s)", name,
                                size->text);
    }
    if (code == 550 || code == 553 || code == 450)
        return true; /* not there */
    connection_error(handle->connection, err, ERROR_UNSUPPORTED,
                     "'%s': the server does not tell sizes (SIZE: %d %s), without which no transfer "
                     "can be proved whole",
                     name, code, size ? size->text : "no answer");
    if (err)
        err->peer_code = code;
    return false;
}

static bool ask_look(struct handle *handle, enum ftp_moment when, const char *name,
                     struct error *err)
{
    return ftp_command(handle, when, "*SIZE", name, err) &&
           ftp_command(handle, when, "*MDTM", name, err);
}

bool ftp_look_at(struct handle *handle, const char *folder, const char *const names[2],
                 struct ftp_look looks[2], struct error *err)
{
    size_t count = names[1] ? 2 : 1;
    if (!ftp_address(handle, folder, NULL, err) ||
        !ftp_command(handle, FTP_IN_FOLDER, "TYPE I", NULL, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!ask_look(handle, FTP_IN_FOLDER, names[i], err))
            return false;
    CURLcode code = ftp_perform_commands(handle);
    if (code != CURLE_OK)
        return ftp_fail(handle, code, FTP_WISH_LOOK, *folder ? folder : "/", err);
    for (size_t i = 0; i < count; i++)
        if (!ftp_read_look(handle, i, names[i], &looks[i], err))
            return false;
    return true;
}

static bool ftp_open(struct transfer *transfer, const struct transfer_call *call,
                     struct remote_file *file, struct error *err)
{
    const struct connection *connection = file->connection;
    struct handle *handle = ftp_acquire(transfer, connection, call, err);
    if (!handle)
        return false;
    const char *const names[2] = {file->name, NULL};
    struct ftp_look looks[2];
    bool ok = ftp_look_at(handle, file->folder, names, looks, err);
    pool_release(transfer, handle);
    if (ok && !looks[0].exists)
        ok = connection_error(connection, err, ERROR_NOT_FOUND, "there is no file '%s' in folder '%s'",
                              file->name, file->folder);
    if (ok) {
        file->info.size = looks[0].size;
        file->info.modified_s = looks[0].modified_s;
    }
    return ok;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* 226 proves nothing, and a file may grow while it is read: its size and time are asked again. */
static bool check_read(struct source *source, CURLcode code, struct error *err)
{
    struct handle *handle = source->handle;
    const struct remote_file *file = source->file;
    if (code != CURLE_OK)
        return ftp_fail(handle, code, FTP_WISH_READ, file->name, err);
    struct ftp_look now;
    if (!ftp_read_look(handle, 0, file->name, &now, err))
        return false;
    bool is_same = now.exists && now.size == source->size &&
                   (!now.modified_s || !file->info.modified_s ||
                    now.modified_s == file->info.modified_s);
    return is_same || connection_error(handle->connection, err, ERROR_BROKEN,
                                       "file '%s' %s while it was read: the next run takes it",
                                       file->name, now.exists ? "changed" : "vanished");
}

static bool ftp_read(struct transfer *transfer, const struct remote_file *file,
                     const struct transfer_call *call, struct source *out, struct error *err)
{
    out->handle = ftp_acquire(transfer, file->connection, call, err);
    if (!out->handle)
        return false;
    out->check = check_read;
    if (ftp_address(out->handle, file->folder, file->name, err) &&
        ask_look(out->handle, FTP_AFTER_TRANSFER, file->name, err)) {
        /* The size is known and checked by the pump: no SIZE before RETR. */
        curl_easy_setopt(out->handle->easy, CURLOPT_IGNORE_CONTENT_LENGTH, 1L);
        return true;
    }
    source_release(out);
    return false;
}

/* ---- renaming --------------------------------------------------------------------------------- */

bool ftp_rename_now(struct handle *handle, const char *folder, const char *from, const char *to,
                    bool *is_lost, struct error *err)
{
    *is_lost = false;
    if (!ftp_address(handle, folder, NULL, err) ||
        !ftp_command(handle, FTP_IN_FOLDER, "RNFR", from, err) ||
        !ftp_command(handle, FTP_IN_FOLDER, "RNTO", to, err))
        return false;
    const struct transfer_call *call = handle->call;
    handle->call = NULL; /* between the two commands is no good moment to stop */
    CURLcode code = ftp_perform_commands(handle);
    handle->call = call;
    if (code == CURLE_OK)
        return true;
    const struct ftp_exchange *rename = dialogue_find(handle->dialogue, "RNTO", 0);
    *is_lost = rename && rename->code == 0;
    return ftp_fail(handle, code, FTP_WISH_RENAME, from, err);
}

enum rename_outcome { RENAME_DONE, RENAME_NOT_DONE, RENAME_CONFLICT, RENAME_UNKNOWN };

/* The reply to RNTO never came: both names tell what happened. A new login, nobody watching. */
static enum rename_outcome settle(struct transfer *transfer, struct handle **handle,
                                  const struct connection *connection, const char *folder,
                                  const char *from, const char *to, uint64_t size)
{
    const char *const names[2] = {from, to};
    struct ftp_look looks[2];
    const struct transfer_call *call = (*handle)->call;
    (*handle)->keep = false;
    pool_release(transfer, *handle);
    *handle = ftp_acquire(transfer, connection, NULL, NULL);
    if (!*handle)
        return RENAME_UNKNOWN;
    bool ok = ftp_look_at(*handle, folder, names, looks, NULL);
    (*handle)->call = call;
    if (!ok)
        return RENAME_UNKNOWN;
    if (looks[0].exists)
        return looks[1].exists ? RENAME_CONFLICT : RENAME_NOT_DONE;
    /* The old name is gone. A new name that is gone, too, was taken by its consumer already. */
    return !looks[1].exists || looks[1].size == size ? RENAME_DONE : RENAME_UNKNOWN;
}

/* One candidate: renames, settles a lost reply, tries once more if the rename had not happened. */
static bool rename_settled(struct transfer *transfer, struct handle **handle,
                           const struct connection *connection, const char *folder,
                           const char *from, const char *to, uint64_t size, struct error *err)
{
    struct error ignored;
    err = err ? err : &ignored;
    for (int attempt = 0;; attempt++) {
        bool is_lost;
        if (ftp_rename_now(*handle, folder, from, to, &is_lost, err))
            return true;
        if (!is_lost)
            return false;
        switch (settle(transfer, handle, connection, folder, from, to, size)) {
        case RENAME_DONE: return true;
        case RENAME_CONFLICT:
            return connection_error(connection, err, ERROR_EXISTS,
                                    "'%s' appeared while '%s' was being renamed: nothing was "
                                    "overwritten", to, from);
        case RENAME_NOT_DONE:
            if (attempt == 0)
                continue;
            return false;
        case RENAME_UNKNOWN:
            return connection_error(connection, err, ERROR_UNKNOWN,
                                    "the answer to renaming '%s' to '%s' was lost and a look could "
                                    "not tell whether it happened: look at both names",
                                    from, to);
        }
    }
}

static bool candidate_is_taken(struct handle *handle, const char *folder, const char *name,
                               bool *exists, struct error *err)
{
    const char *const names[2] = {name, NULL};
    struct ftp_look looks[2];
    if (!ftp_look_at(handle, folder, names, looks, err))
        return false;
    *exists = looks[0].exists;
    return true;
}

bool ftp_publish(struct transfer *transfer, struct handle **handle,
                 const struct connection *connection, const char *folder, const char *from,
                 const char *to, uint64_t size, bool exists,
                 char out[static REMOTE_NAME_SIZE_MAX + 1], struct error *err)
{
    unsigned last = connection->on_conflict == CONFLICT_NUMBER ? CONFLICT_NUMBER_MAX : 1;
    for (unsigned number = 1; number <= last; number++) {
        if (!conflict_name(to, number, NAME_SIZE_MAX, out))
            return connection_error(connection, err, ERROR_LIMIT,
                                    "'%s' is taken and its name too long to number", to);
        if (number > 1 && !candidate_is_taken(*handle, folder, out, &exists, err))
            return false;
        if (!exists || connection->on_conflict == CONFLICT_OVERWRITE)
            return rename_settled(transfer, handle, connection, folder, from, out, size, err);
    }
    return connection_error(connection, err, ERROR_EXISTS,
                            "'%s' exists already in folder '%s': nothing was overwritten; remove it "
                            "or set on_conflict",
                            to, folder);
}

static bool ftp_rename(struct transfer *transfer, const struct connection *connection,
                       const char *folder, const char *from, const char *to,
                       const struct transfer_call *call, struct remote_receipt *receipt,
                       struct error *err)
{
    struct handle *handle = ftp_acquire(transfer, connection, call, err);
    if (!handle)
        return false;
    const char *const names[2] = {from, to};
    struct ftp_look looks[2];
    bool ok = ftp_look_at(handle, folder, names, looks, err);
    if (ok && !looks[0].exists)
        ok = connection_error(connection, err, ERROR_NOT_FOUND,
                              "there is no file '%s' in folder '%s' to rename", from, folder);
    receipt->size = looks[0].size;
    ok = ok && ftp_publish(transfer, &handle, connection, folder, from, to, looks[0].size,
                           looks[1].exists, receipt->name, err);
    pool_release(transfer, handle);
    return ok;
}

const struct content_server ftp_server = {
    .grows = true,
    .list = ftp_list,
    .open = ftp_open,
    .read = ftp_read,
    .store = ftp_store,
    .rename = ftp_rename,
};
