/* SPDX-License-Identifier: MIT */
/*
 * SFTP content servers. libcurl lists folders as Unix lines and looks at a file by opening it
 * (size and time come with that); OpenSSH's rename refuses an existing target by itself.
 */
#include <string.h>

#include "base/clock.h"
#include "transfer/ftp_listing.h"
#include "transfer/sftp_session.h"
#include "transfer/stage.h"

/* ---- listing --------------------------------------------------------------------------------- */

struct sftp_lister {
    struct listing_stream stream;
    bool has_failed;
    struct error err;
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct sftp_lister *lister = context;
    size *= count;
    lister->has_failed = !listing_stream_feed(&lister->stream, bytes, size, &lister->err);
    return lister->has_failed ? 0 : size;
}

static bool list_on(struct handle *handle, const char *folder, const char *prefix,
                    struct remote_listing *out, struct error *err)
{
    struct sftp_lister lister = {.has_failed = false};
    listing_stream_init(&lister.stream, LISTING_LIST, prefix, clock_wall_ms() / 1000, out);
    if (!sftp_address(handle, folder, NULL, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, &lister);
    CURLcode code = handle_perform(handle);
    bool is_bad = lister.has_failed ||
                  (code == CURLE_OK && !listing_stream_finish(&lister.stream, &lister.err));
    if (is_bad) {
        connection_error(handle->connection, err, lister.err.kind, "folder '%s': %s", folder, lister.err.message);
        return error_advise(err, lister.err.retry);
    }
    return code == CURLE_OK || sftp_fail(handle, code, folder, err);
}

static bool sftp_list(struct transfer *transfer, const struct connection *connection,
                      const char *folder, const char *prefix, const struct transfer_call *call,
                      struct remote_listing *out, struct error *err)
{
    struct handle *handle = sftp_acquire(transfer, connection, call, err);
    bool ok = handle && list_on(handle, folder, prefix, out, err);
    pool_release(transfer, handle);
    return ok;
}

/* ---- looking and reading --------------------------------------------------------------------- */

/* *size: -1: not told. */
static bool look_once(struct handle *handle, const char *folder, const char *name,
                      struct stage_look *look, curl_off_t *size, struct error *err)
{
    *look = (struct stage_look){0};
    *size = -1;
    if (!sftp_address(handle, folder, name, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_FILETIME, 1L);
    CURLcode code = sftp_perform_commands(handle);
    if (code == CURLE_REMOTE_FILE_NOT_FOUND)
        return true;
    if (code != CURLE_OK)
        return sftp_fail(handle, code, name, err);
    curl_off_t modified_s = -1;
    curl_easy_getinfo(handle->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, size);
    curl_easy_getinfo(handle->easy, CURLINFO_FILETIME_T, &modified_s);
    look->exists = true;
    look->size = *size > 0 ? (uint64_t)*size : 0;
    look->modified_s = modified_s > 0 ? (int64_t)modified_s : 0;
    return true;
}

/* libcurl tells no size for an empty file, as for one whose size the server does not know, which then fails in
 * the pump; and, as if nothing had happened, where the connection was lost when it asked: so it is asked once
 * more. */
static bool look_at_one(struct handle *handle, const char *folder, const char *name,
                        struct stage_look *look, struct error *err)
{
    curl_off_t size;
    if (!look_once(handle, folder, name, look, &size, err))
        return false;
    return !look->exists || size > 0 || look_once(handle, folder, name, look, &size, err);
}

static bool look_at(struct handle *handle, const char *folder, const char *const names[2],
                    bool with_time, struct stage_look looks[2], struct error *err)
{
    (void)with_time; /* it comes with every look */
    return look_at_one(handle, folder, names[0], &looks[0], err) &&
           (!names[1] || look_at_one(handle, folder, names[1], &looks[1], err));
}

static bool sftp_open(struct transfer *transfer, const struct transfer_call *call,
                      struct remote_file *file, struct error *err)
{
    struct handle *handle = sftp_acquire(transfer, file->connection, call, err);
    if (!handle)
        return false;
    struct stage_look look;
    bool ok = look_at_one(handle, file->folder, file->name, &look, err);
    pool_release(transfer, handle);
    if (ok && !look.exists)
        ok = connection_error(file->connection, err, ERROR_NOT_FOUND,
                              "there is no file '%s' in folder '%s'", file->name, file->folder);
    if (ok) {
        file->info.size = look.size;
        file->info.modified_s = look.modified_s;
    }
    return ok;
}

static bool check_read(struct source *source, CURLcode code, struct error *err)
{
    struct handle *handle = source->handle;
    const struct remote_file *file = source->file;
    if (code != CURLE_OK)
        return sftp_fail(handle, code, file->name, err);
    struct stage_look now;
    if (!look_at_one(handle, file->folder, file->name, &now, err))
        return false;
    bool is_same =
        now.exists && now.size == source->size && now.modified_s == file->info.modified_s;
    return is_same || connection_error(handle->connection, err, ERROR_BROKEN,
                                       "file '%s' %s while it was read: the next run takes it",
                                       file->name, now.exists ? "changed" : "vanished");
}

static bool sftp_read(struct transfer *transfer, const struct remote_file *file,
                      const struct transfer_call *call, struct source *out, struct error *err)
{
    out->handle = sftp_acquire(transfer, file->connection, call, err);
    if (!out->handle)
        return false;
    out->check = check_read;
    if (sftp_address(out->handle, file->folder, file->name, err))
        return true;
    source_release(out);
    return false;
}

/* ---- storing and renaming -------------------------------------------------------------------- */

static bool prepare_upload(struct handle *handle, const char *folder, const char *temporary,
                           const char *name, struct error *err)
{
    (void)name;
    if (!sftp_address(handle, folder, temporary, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_UPLOAD, 1L);
    return true;
}

/* Whether the newest perform came as far as a login, or ran over a kept connection. */
static bool was_logged_in(const struct handle *handle)
{
    curl_off_t login_us = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_APPCONNECT_TIME_T, &login_us);
    return login_us > 0 || !handle_has_connected(handle);
}

static bool conclude_upload(struct handle *handle, const char *folder, const char *const names[2],
                            CURLcode code, struct stage_look looks[2], enum stage_upload *end,
                            struct error *err)
{
    if (code == CURLE_REMOTE_FILE_NOT_FOUND || code == CURLE_REMOTE_ACCESS_DENIED ||
        (code != CURLE_OK && !was_logged_in(handle)))
        *end = UPLOAD_NOT_BEGUN;
    else /* libcurl does not tell what was answered and what was cut */
        *end = code == CURLE_OK ? UPLOAD_ENDED : UPLOAD_LOST;
    if (code == CURLE_SSH || code == CURLE_SEND_ERROR) {
        connection_error(handle->connection, err, ERROR_BROKEN,
                         "'%s': the server broke the upload off (%s), as when its disk is full: "
                         "check its disk and the network; the source was left as it was",
                         names[1], handle->detail[0] ? handle->detail : curl_easy_strerror(code));
        return error_advise(err, RETRY_FEW);
    }
    if (code != CURLE_OK)
        return sftp_fail(handle, code, names[1], err);
    return look_at(handle, folder, names, false, looks, err);
}

/* Whether a failed rename was answered at all. libcurl says that the command failed, in the words of the session's
 * newest answer; where none of the rename came, that is the one of the look that found the new name free, or, in a
 * session that was begun for it, none, for which it has no words. */
static bool was_answered(const struct handle *handle, CURLcode code)
{
    return code == CURLE_QUOTE_ERROR && strstr(handle->detail, "command failed") != NULL &&
           strstr(handle->detail, "No such file") == NULL && strstr(handle->detail, "Unknown error") == NULL;
}

/* The newest look of its session, if it had any, has found `to` free. */
static bool rename_now(struct handle *handle, const char *folder, const char *from, const char *to,
                       enum stage_rename *end, struct error *err)
{
    *end = RENAME_NOT_ASKED;
    if (!sftp_address(handle, folder, NULL, err) || !sftp_command(handle, "rename", folder, from, to, err))
        return false;
    const struct transfer_call *call = handle->call;
    handle->call = NULL;
    CURLcode code = sftp_perform_commands(handle);
    handle->call = call;
    if (code == CURLE_OK)
        return true;
    if (was_answered(handle, code))
        *end = RENAME_REFUSED;
    else if (was_logged_in(handle))
        *end = RENAME_LOST;
    return sftp_fail(handle, code, from, err);
}

/* Behind a removal: a connection that was lost tells of no end of it, and it may come yet. */
static enum removal look_behind(struct handle *handle, const char *folder, const char *name)
{
    struct error ignored;
    struct stage_look look;
    curl_off_t size;
    bool is_seen = look_once(handle, folder, name, &look, &size, &ignored);
    if (is_seen && !look.exists)
        return REMOVAL_DONE;
    bool is_answered = is_seen && !handle_has_connected(handle);
    handle->keep &= is_answered;
    return is_answered ? REMOVAL_REFUSED : REMOVAL_FAILED;
}

static enum removal remove_file(struct handle *handle, const char *folder, const char *name)
{
    if (!sftp_address(handle, folder, NULL, NULL) ||
        !sftp_command(handle, "*rm", folder, name, NULL, NULL))
        return REMOVAL_FAILED;
    CURLcode code = sftp_perform_commands(handle);
    if (code == CURLE_OK)
        return look_behind(handle, folder, name);
    handle->keep = false;
    return stage_removal(code);
}

static const struct stage sftp_stage = {
    .acquire = sftp_acquire,
    .look = look_at,
    .list = list_on,
    .prepare = prepare_upload,
    .conclude = conclude_upload,
    .rename = rename_now,
    .keeps_existing = true,
    .remove = remove_file,
};

static bool sftp_store(struct transfer *transfer, const struct connection *connection,
                       const char *folder, const char *name, const struct remote_file *file,
                       const struct transfer_call *call, struct remote_receipt *receipt,
                       struct error *err)
{
    return stage_store(&sftp_stage, transfer, connection, folder, name, file, call, receipt, err);
}

static bool sftp_rename(struct transfer *transfer, const struct connection *connection,
                        const char *folder, const char *from, const char *to,
                        const struct transfer_call *call, struct remote_receipt *receipt,
                        struct error *err)
{
    return stage_rename(&sftp_stage, transfer, connection, folder, from, to, call, receipt, err);
}

static bool sftp_discard(struct transfer *transfer, const struct connection *connection,
                         const char *folder, const struct transfer_step *step,
                         const struct transfer_call *call, struct error *err)
{
    return stage_discard(&sftp_stage, transfer, connection, folder, step, call, err);
}

const struct content_server sftp_server = {
    .grows = true,
    .listing_forms = "lines as Unix (ls -l) writes them",
    .list = sftp_list,
    .open = sftp_open,
    .read = sftp_read,
    .store = sftp_store,
    .rename = sftp_rename,
    .discard = sftp_discard,
};
