/* SPDX-License-Identifier: MIT */
/*
 * Storing a file: temporary name of this attempt, bytes, size checked on the server, final name
 * looked at, renamed. Until the rename nothing shows under the final name; after a failure the
 * temporary file is removed, if the server lets us.
 */
#include <string.h>

#include "transfer/ftp_session.h"
#include "transfer/remote_name.h"

#define LOOK_FIRST_SIZE (1u << 20) /* from here on a conflict is worth a question before the bytes */

struct ftp_upload {
    struct transfer *transfer;
    const struct connection *connection;
    const char *folder, *name;
    const struct remote_file *file;
    const struct transfer_call *call;
    struct handle *handle;
    struct pump *pump;
    char temporary[TEMPORARY_NAME_SIZE];
    bool may_exist; /* the server may hold the temporary file */
    bool is_taken;  /* the final name exists */
};

static bool refuse_early(struct ftp_upload *upload, struct error *err)
{
    if (upload->file->info.size < LOOK_FIRST_SIZE ||
        upload->connection->on_conflict != CONFLICT_FAIL)
        return true;
    const char *const names[2] = {upload->name, NULL};
    struct ftp_look looks[2];
    if (!ftp_look_at(upload->handle, upload->folder, names, looks, err))
        return false;
    return !looks[0].exists ||
           connection_error(upload->connection, err, ERROR_EXISTS,
                            "'%s' exists already in folder '%s': nothing was overwritten; remove it "
                            "or set on_conflict",
                            upload->name, upload->folder);
}

static bool start_source(struct ftp_upload *upload, struct error *err)
{
    struct source source;
    if (!remote_read(upload->transfer, upload->file, upload->call, &source, err))
        return false;
    upload->pump = pump_open(&source, upload->call, err);
    return upload->pump != NULL;
}

static bool send_bytes(struct ftp_upload *upload, struct error *err)
{
    struct handle *handle = upload->handle;
    if (!ftp_address(handle, upload->folder, upload->temporary, err) ||
        !ftp_command(handle, FTP_AFTER_TRANSFER, "*SIZE", upload->temporary, err) ||
        !ftp_command(handle, FTP_AFTER_TRANSFER, "*SIZE", upload->name, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_UPLOAD, 1L);
    CURLcode code;
    bool ok = pump_send(upload->pump, handle, upload->file->info.size, &code, NULL, err);
    const struct ftp_exchange *said = dialogue_find(handle->dialogue, "STOR", 0);
    upload->may_exist = said && (said->code_first == 0 || said->code_first < 300);
    if (ok && code != CURLE_OK)
        ok = ftp_fail(handle, code, FTP_WISH_STORE, upload->name, err);
    return ok;
}

/* 226 comes after a short body on every server that was tried: only the size tells. */
static bool check_arrived(struct ftp_upload *upload, struct error *err)
{
    struct ftp_look temporary, final;
    uint64_t size = upload->file->info.size;
    if (!ftp_read_look(upload->handle, 0, upload->temporary, &temporary, err) ||
        !ftp_read_look(upload->handle, 1, upload->name, &final, err))
        return false;
    upload->is_taken = final.exists;
    if (temporary.exists && temporary.size == size)
        return true;
    return connection_error(upload->connection, err, ERROR_BROKEN,
                            "'%s' arrived with %llu of %llu bytes: it was not published",
                            upload->name, (unsigned long long)temporary.size,
                            (unsigned long long)size);
}

/* Best effort, bounded, whatever the call says; only ever our own temporary name. */
static void remove_temporary(struct ftp_upload *upload)
{
    struct handle *handle = upload->handle;
    if (!upload->may_exist || !handle)
        return;
    handle->call = NULL;
    if (!ftp_address(handle, upload->folder, NULL, NULL) ||
        !ftp_command(handle, FTP_IN_FOLDER, "*DELE", upload->temporary, NULL))
        return;
    curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, (long)FTP_CLEANUP_TIMEOUT_MS);
    if (ftp_perform_commands(handle) != CURLE_OK)
        handle->keep = false;
}

bool ftp_store(struct transfer *transfer, const struct connection *connection, const char *folder,
               const char *name, const struct remote_file *file, const struct transfer_call *call,
               struct remote_receipt *receipt, struct error *err)
{
    struct ftp_upload upload = {.transfer = transfer, .connection = connection, .folder = folder,
                                .name = name, .file = file, .call = call};
    temporary_name(call ? call->instance : NULL, upload.temporary);
    upload.handle = ftp_acquire(transfer, connection, call, err);
    bool ok = upload.handle && refuse_early(&upload, err) && start_source(&upload, err) &&
              send_bytes(&upload, err) && pump_finish(upload.pump, err) &&
              check_arrived(&upload, err) && call_goes_on(call, err) &&
              ftp_publish(transfer, &upload.handle, connection, folder, upload.temporary, name,
                          file->info.size, upload.is_taken, receipt->name, err);
    pump_close(upload.pump);
    receipt->size = file->info.size;
    if (!ok && !(err && err->kind == ERROR_UNKNOWN))
        remove_temporary(&upload);
    pool_release(transfer, upload.handle);
    return ok;
}
