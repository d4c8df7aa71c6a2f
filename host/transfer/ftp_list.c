/* SPDX-License-Identifier: MIT */
/*
 * Listing a folder. The folder is entered first, at every listing: two common servers answer LIST
 * of a missing folder with an empty success, which would read as "no file found".
 */
#include <string.h>

#include "base/clock.h"
#include "transfer/ftp_listing.h"
#include "transfer/ftp_session.h"

struct ftp_lister {
    struct listing_stream stream;
    bool has_failed;
    struct error err;
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct ftp_lister *lister = context;
    size *= count;
    lister->has_failed = !listing_stream_feed(&lister->stream, bytes, size, &lister->err);
    return lister->has_failed ? 0 : size;
}

/* Asks FEAT once per handle; servers without FEAT have no MLSD either. */
static bool learn_features(struct handle *handle, struct error *err)
{
    struct ftp_dialogue *dialogue = handle->dialogue;
    if (dialogue->has_mlsd != FTP_NOT_ASKED)
        return true;
    if (!ftp_address(handle, "", NULL, err) ||
        !ftp_command(handle, FTP_BEFORE_FOLDER, "*FEAT", NULL, err))
        return false;
    CURLcode code = ftp_perform_commands(handle);
    if (code != CURLE_OK)
        return ftp_fail(handle, code, FTP_WISH_LIST, NULL, err);
    if (dialogue->has_mlsd == FTP_NOT_ASKED)
        dialogue->has_mlsd = FTP_NO;
    return true;
}

/* A kept connection may stand in the folder already, and libcurl would then not enter it again: but it may
 * have been removed meanwhile. A folder that is not known from the root is entered from a new login. */
static bool enter_again(struct handle *handle, const char *folder, struct error *err)
{
    struct buf path;
    if (handle->dialogue->needs_login)
        return true;
    ftp_folder(handle, folder, &path);
    bool ok = ftp_command(handle, FTP_BEFORE_FOLDER, "CWD", buf_text(&path), err);
    buf_release(&path);
    return ok;
}

static bool list_as(struct handle *handle, enum listing_format format, const char *folder,
                    const char *prefix, struct remote_listing *out, CURLcode *code,
                    struct error *err)
{
    struct ftp_lister lister = {.has_failed = false};
    listing_stream_init(&lister.stream, format, prefix, clock_wall_ms() / 1000, out);
    if (!ftp_address(handle, folder, NULL, err) || !enter_again(handle, folder, err))
        return false;
    if (format == LISTING_MLSD)
        curl_easy_setopt(handle->easy, CURLOPT_CUSTOMREQUEST, "MLSD");
    curl_easy_setopt(handle->easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, &lister);
    *code = handle_perform(handle);
    if (!lister.has_failed &&
        (*code != CURLE_OK || listing_stream_finish(&lister.stream, &lister.err)))
        return true;
    connection_error(handle->connection, err, lister.err.kind, "folder '%s': %s", folder,
                     lister.err.message);
    return error_advise(err, lister.err.retry);
}

static bool is_unknown_command(const struct handle *handle)
{
    const struct ftp_exchange *said = dialogue_find(handle->dialogue, "MLSD", 0);
    return said &&
           (said->code == 500 || said->code == 501 || said->code == 502 || said->code == 504);
}

bool ftp_list_on(struct handle *handle, const char *folder, const char *prefix,
                 struct remote_listing *out, struct error *err)
{
    CURLcode code = CURLE_OK;
    bool ok = learn_features(handle, err);
    bool has_mlsd = ok && handle->dialogue->has_mlsd == FTP_YES;
    if (has_mlsd) {
        ok = list_as(handle, LISTING_MLSD, folder, prefix, out, &code, err);
        if (ok && code != CURLE_OK && is_unknown_command(handle)) {
            handle->dialogue->has_mlsd = FTP_NO; /* announced, but not there */
            has_mlsd = false;
        }
    }
    if (ok && !has_mlsd)
        ok = list_as(handle, LISTING_LIST, folder, prefix, out, &code, err);
    const struct ftp_exchange *said =
        dialogue_find(handle->dialogue, has_mlsd ? "MLSD" : "LIST", 0);
    out->is_unproven = !said || said->code / 100 != 2; /* 450 is a success to libcurl */
    return ok && (code == CURLE_OK ||
                  ftp_fail(handle, code, FTP_WISH_LIST, *folder ? folder : "/", err));
}

bool ftp_list(struct transfer *transfer, const struct connection *connection, const char *folder,
              const char *prefix, const struct transfer_call *call, struct remote_listing *out,
              struct error *err)
{
    struct handle *handle = ftp_acquire(transfer, connection, call, err);
    bool ok = handle && ftp_list_on(handle, folder, prefix, out, err);
    pool_release(transfer, handle);
    return ok;
}
