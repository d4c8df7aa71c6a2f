/* SPDX-License-Identifier: MIT */
/*
 * Looking at files, reading, storing, renaming them. A size is only believed in TYPE I, which
 * libcurl sets for transfers and we set for looks.
 */
#include <ctype.h>
#include <string.h>

#include "transfer/ftp_listing.h"
#include "transfer/ftp_session.h"
#include "transfer/remote_name.h"
#include "transfer/stage.h"

/* ---- looks ----------------------------------------------------------------------------------- */

/* Why 550 and 553 are said: most servers say them of what is not there, and all of much else. */
enum refusal { IS_ABSENT, IS_HELD, IS_DENIED };

/* Takes the paths that end in name out of words: many servers repeat them, and they may hold any word. A
 * short name may stand within the server's own words, too. */
static void cut_paths(char *words, const char *name)
{
    size_t size = strlen(name);
    for (char *at = words; *name && (at = strstr(at, name));) {
        bool is_within = (at > words && isalnum((unsigned char)at[-1])) || isalnum((unsigned char)at[size]);
        if (is_within) {
            at++;
            continue;
        }
        char *begin = at;
        while (begin > words && !isspace((unsigned char)begin[-1]))
            begin--;
        memmove(begin, at + size, strlen(at + size) + 1);
        at = begin;
    }
}

static enum refusal read_refusal(const struct ftp_exchange *said, const char *name)
{
    static const struct {
        const char *word;
        enum refusal refusal;
    } rows[] = {
        {"no such", IS_ABSENT},    {"not found", IS_ABSENT},   {"not exist", IS_ABSENT},
        {"cannot find", IS_ABSENT}, {"permission", IS_DENIED}, {"denied", IS_DENIED},
        {"not allowed", IS_DENIED}, {"being used", IS_HELD},   {"in use", IS_HELD},
        {"locked", IS_HELD},        {"sharing violation", IS_HELD},
    };
    char words[DIALOGUE_TEXT_SIZE];
    snprintf(words, sizeof words, "%s", said->text);
    cut_paths(words, name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcasestr(words, rows[i].word))
            return rows[i].refusal;
    return IS_ABSENT;
}

static bool refuse_look(const struct handle *handle, const struct ftp_exchange *said,
                        enum refusal refusal, const char *name, struct error *err)
{
    if (refusal == IS_HELD)
        return connection_error(handle->connection, err, ERROR_UNAVAILABLE,
                                "'%s': the server cannot look at it now (%d %s): try again later",
                                name, said->code, said->text);
    connection_error(handle->connection, err, ERROR_DENIED,
                     "'%s': the server does not let us look at it (%d %s): check its permissions for "
                     "this user",
                     name, said->code, said->text);
    if (err)
        err->peer_code = said->code;
    return error_advise(err, RETRY_FEW);
}

/* The answers to the nth SIZE and MDTM of the last perform, which were asked with '*'.
 * ERROR_UNSUPPORTED: the server has no SIZE. */
static bool read_look(struct handle *handle, size_t nth, const char *name, struct stage_look *look,
                      struct error *err)
{
    *look = (struct stage_look){0};
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
    if (code == 550 || code == 553 || code == 450) {
        enum refusal refusal = code == 450 ? IS_HELD : read_refusal(size, name);
        return refusal == IS_ABSENT || refuse_look(handle, size, refusal, name, err);
    }
    connection_error(
        handle->connection, err, ERROR_UNSUPPORTED,
        "'%s': the server does not tell sizes (SIZE: %d %s), without which no transfer "
        "can be proved whole",
        name, code, size ? size->text : "no answer");
    if (err)
        err->peer_code = code;
    return false;
}

/* One perform: SIZE for each name, perhaps MDTM for the first. Told TYPE I before, unless that is known. */
static bool ask_looks(struct handle *handle, const char *folder, const char *const names[2],
                      bool with_time, struct error *err)
{
    if (!ftp_address(handle, folder, NULL, err))
        return false;
    if (!handle->dialogue->is_binary && !ftp_command(handle, FTP_IN_FOLDER, "TYPE I", NULL, err))
        return false;
    for (size_t i = 0; i < 2 && names[i]; i++)
        if (!ftp_command(handle, FTP_IN_FOLDER, "*SIZE", names[i], err) ||
            (with_time && i == 0 && !ftp_command(handle, FTP_IN_FOLDER, "*MDTM", names[i], err)))
            return false;
    CURLcode code = ftp_perform_commands(handle);
    return code == CURLE_OK || ftp_fail(handle, code, FTP_WISH_LOOK, *folder ? folder : "/", err);
}

static bool look_at(struct handle *handle, const char *folder, const char *const names[2],
                    bool with_time, struct stage_look looks[2], struct error *err)
{
    if (!ask_looks(handle, folder, names, with_time, err))
        return false;
    /* A new login in between: it was not told TYPE I, and what it said of sizes does not count. */
    if (!handle->dialogue->is_binary && !ask_looks(handle, folder, names, with_time, err))
        return false;
    for (size_t i = 0; i < 2 && names[i]; i++)
        if (!read_look(handle, i, names[i], &looks[i], err))
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
    struct stage_look looks[2];
    bool ok = look_at(handle, file->folder, names, true, looks, err);
    pool_release(transfer, handle);
    if (ok && !looks[0].exists)
        ok = connection_error(connection, err, ERROR_NOT_FOUND,
                              "there is no file '%s' in folder '%s'", file->name, file->folder);
    if (ok) {
        file->info.size = looks[0].size;
        file->info.modified_s = looks[0].modified_s;
    }
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* 226 proves nothing, and a file may grow while it is read: its size and time are asked again. */
static bool check_read(struct source *source, CURLcode code, struct error *err)
{
    struct handle *handle = source->handle;
    const struct remote_file *file = source->file;
    if (code != CURLE_OK)
        return ftp_fail(handle, code, FTP_WISH_READ, file->name, err);
    struct stage_look now;
    if (!read_look(handle, 0, file->name, &now, err))
        return false;
    bool is_same =
        now.exists && now.size == source->size &&
        (!now.modified_s || !file->info.modified_s || now.modified_s == file->info.modified_s);
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
        ftp_command(out->handle, FTP_AFTER_TRANSFER, "*SIZE", file->name, err) &&
        ftp_command(out->handle, FTP_AFTER_TRANSFER, "*MDTM", file->name, err)) {
        /* The size is known and checked by the pump: no SIZE before RETR. */
        curl_easy_setopt(out->handle->easy, CURLOPT_IGNORE_CONTENT_LENGTH, 1L);
        return true;
    }
    source_release(out);
    return false;
}

/* ---- renaming -------------------------------------------------------------------------------- */

/* RNTO overwrites on every server that was tried. */
static bool rename_now(struct handle *handle, const char *folder, const char *from, const char *to,
                       enum stage_rename *end, struct error *err)
{
    *end = RENAME_NOT_ASKED;
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
    bool is_lost = rename && (rename->code == 0 || rename->code == 421); /* said as it goes away */
    if (rename)
        *end = is_lost ? RENAME_LOST : RENAME_REFUSED;
    char both[2 * NAME_SIZE_MAX + 16];
    snprintf(both, sizeof both, "%s' to '%s", from, to);
    return ftp_fail(handle, code, FTP_WISH_RENAME, both, err);
}

/* ---- uploading ------------------------------------------------------------------------------- */

static bool prepare_upload(struct handle *handle, const char *folder, const char *temporary,
                           const char *name, struct error *err)
{
    if (!ftp_address(handle, folder, temporary, err) ||
        !ftp_command(handle, FTP_AFTER_TRANSFER, "*SIZE", temporary, err) ||
        !ftp_command(handle, FTP_AFTER_TRANSFER, "*SIZE", name, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_UPLOAD, 1L);
    return true;
}

/* Servers make the file before they find that they get no data connection that they like: "for now" says
 * nothing of it, nor does 522. */
static bool may_be_there(const struct ftp_exchange *said)
{
    return said && (said->code_first / 100 != 5 || said->code_first == 522);
}

static bool conclude_upload(struct handle *handle, const char *folder, const char *const names[2],
                            CURLcode code, struct stage_look looks[2], enum stage_upload *end,
                            struct error *err)
{
    (void)folder;
    const struct ftp_exchange *said = dialogue_find(handle->dialogue, "STOR", 0);
    if (!may_be_there(said))
        *end = UPLOAD_NOT_BEGUN;
    else
        *end = said->code < 200 ? UPLOAD_LOST : UPLOAD_ENDED; /* 0: it was sent, no answer came */
    if (code != CURLE_OK)
        return ftp_fail(handle, code, FTP_WISH_STORE, names[1], err);
    return read_look(handle, 0, names[0], &looks[0], err) &&
           read_look(handle, 1, names[1], &looks[1], err);
}

static const struct stage ftp_stage;

/* Servers say 421 and 530 of themselves, whatever was asked. */
static bool is_turned_away(const struct handle *handle)
{
    long code = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &code);
    return code == 421 || code == 530;
}

/* A refusal says little (550 is "not there" as well as "not permitted"), and SIZE may be refused, too. */
static enum removal remove_file(struct handle *handle, const char *folder, const char *name)
{
    struct error ignored;
    struct stage_look looks[2];
    const char *const names[2] = {name, NULL};
    if (!ftp_address(handle, folder, NULL, NULL) ||
        !ftp_command(handle, FTP_IN_FOLDER, "TYPE I", NULL, NULL) ||
        !ftp_command(handle, FTP_IN_FOLDER, "*DELE", name, NULL) ||
        !ftp_command(handle, FTP_IN_FOLDER, "*SIZE", name, NULL))
        return REMOVAL_FAILED;
    CURLcode code = ftp_perform_commands(handle);
    if (code != CURLE_OK) {
        handle->keep = false;
        return is_turned_away(handle) ? REMOVAL_FAILED : stage_removal(code);
    }
    const struct ftp_exchange *said = dialogue_find(handle->dialogue, "DELE", 0);
    bool is_done = said && said->code / 100 == 2;
    if (!read_look(handle, 0, name, &looks[0], &ignored))
        return is_done ? REMOVAL_FAILED : REMOVAL_REFUSED;
    if (looks[0].exists)
        return REMOVAL_REFUSED;
    if (is_done)
        return REMOVAL_DONE;
    bool is_gone = stage_look_surely(&ftp_stage, handle, folder, names, false, looks, &ignored) &&
                   !looks[0].exists;
    return is_gone ? REMOVAL_NEEDLESS : REMOVAL_REFUSED;
}

static const struct stage ftp_stage = {
    .acquire = ftp_acquire,
    .look = look_at,
    .list = ftp_list_on,
    .prepare = prepare_upload,
    .conclude = conclude_upload,
    .rename = rename_now,
    .remove = remove_file,
    .tells_needless = true,
};

static bool ftp_store(struct transfer *transfer, const struct connection *connection,
                      const char *folder, const char *name, const struct remote_file *file,
                      const struct transfer_call *call, struct remote_receipt *receipt,
                      struct error *err)
{
    return stage_store(&ftp_stage, transfer, connection, folder, name, file, call, receipt, err);
}

static bool ftp_rename(struct transfer *transfer, const struct connection *connection,
                       const char *folder, const char *from, const char *to,
                       const struct transfer_call *call, struct remote_receipt *receipt,
                       struct error *err)
{
    return stage_rename(&ftp_stage, transfer, connection, folder, from, to, call, receipt, err);
}

static bool ftp_discard(struct transfer *transfer, const struct connection *connection,
                        const char *folder, const struct transfer_step *step,
                        const struct transfer_call *call, struct error *err)
{
    return stage_discard(&ftp_stage, transfer, connection, folder, step, call, err);
}

const struct content_server ftp_server = {
    .grows = true,
    .listing_forms = "MLSD (RFC 3659) and LIST as Unix (ls -l) and DOS or IIS write it",
    .list = ftp_list,
    .open = ftp_open,
    .read = ftp_read,
    .store = ftp_store,
    .rename = ftp_rename,
    .discard = ftp_discard,
};
