/* SPDX-License-Identifier: MIT */
/*
 * What libcurl 7.88.1 says to an FTP server, in its order: greeting, AUTH, USER, PASS, PBSZ, PROT, PWD;
 * QUOTE; CWD, unless it stands there; EPSV (PASV), TYPE, PREQUOTE, then RETR, STOR or LIST, the data,
 * the final reply; POSTQUOTE. And what it makes of the replies.
 */
#include <string.h>

#include "curl_ftp.h"
#include "schedule.h"

/* ---- where to -------------------------------------------------------------------------------- */

/* "/a/b/name": the folder is a/b; "//a/b/name": it is /a/b. */
static void split_path(struct ftp *ftp, const char *path)
{
    char whole[URL_PATH_SIZE];
    url_decode(path + 1, strlen(path + 1), whole, sizeof whole);
    const char *slash = strrchr(whole, '/');
    snprintf(ftp->file, sizeof ftp->file, "%s", slash ? slash + 1 : whole);
    size_t size = slash ? (size_t)(slash - whole) : 0;
    snprintf(ftp->folder, sizeof ftp->folder, "%.*s", (int)(slash && size == 0 ? 1 : size), whole);
}

static CURLcode enter(struct ftp *ftp, const char *folder)
{
    CURLcode code = ftp_say(ftp, "CWD", folder, ftp_at_folder);
    if (code == CURLE_OK && ftp->code / 100 != 2)
        code = easy_fail(ftp->easy, CURLE_REMOTE_ACCESS_DENIED, "Server denied you to change to the "
                                                                "given directory");
    return code;
}

static CURLcode enter_folder(struct ftp *ftp, bool is_new)
{
    CURLcode code = CURLE_OK;
    const char *stands = is_new ? "" : ftp->session->entered;
    if (strcmp(stands, ftp->folder) == 0)
        return CURLE_OK;
    if (!is_new && ftp->folder[0] != '/')
        code = enter(ftp, FTP_HOME);
    if (code == CURLE_OK && ftp->folder[0])
        code = enter(ftp, ftp->folder);
    return code;
}

/* ---- data ------------------------------------------------------------------------------------ */

static CURLcode open_data(struct ftp *ftp)
{
    static const enum mishap at_epsv[] = {MISHAP_FTP_421, MISHAP_FTP_NO_EPSV, MISHAP_NONE};
    static const enum mishap at_pasv[] = {MISHAP_FTP_421, MISHAP_FTP_425, MISHAP_NONE};
    const bool has_epsv = ftp->flavour->has_epsv;
    CURLcode code = has_epsv ? ftp_say(ftp, "EPSV", "", at_epsv) : CURLE_OK;
    if (code == CURLE_OK && (!has_epsv || ftp->code != 229))
        code = ftp_say(ftp, "PASV", "", at_pasv);
    if (code == CURLE_OK && ftp->code / 100 != 2)
        code = easy_fail(ftp->easy, CURLE_FTP_WEIRD_PASV_REPLY, "Can't open data connection: %03d",
                         ftp->code);
    return code;
}

static CURLcode set_type(struct ftp *ftp, const char *type)
{
    if (ftp->session->type == type[0])
        return CURLE_OK;
    CURLcode code = ftp_say(ftp, "TYPE", type, ftp_any_command);
    return code == CURLE_OK && ftp->code != 200
               ? easy_fail(ftp->easy, CURLE_FTP_COULDNT_SET_TYPE, "Couldn't set desired mode")
               : code;
}

CURLcode ftp_lose_control(struct ftp *ftp)
{
    easy_disconnect(ftp->easy);
    return easy_fail(ftp->easy, draw_chance(500) ? CURLE_RECV_ERROR : CURLE_OPERATION_TIMEDOUT,
                     "control connection looks dead");
}

CURLcode ftp_conclude(struct ftp *ftp, int reply, const char *text)
{
    CURLcode code = ftp_hear(ftp, reply, text);
    if (code != CURLE_OK || reply == 226 || reply == 250)
        return code;
    return reply == 552
               ? easy_fail(ftp->easy, CURLE_REMOTE_DISK_FULL, "server did not report OK, got 552")
               : easy_fail(ftp->easy, CURLE_PARTIAL_FILE, "server did not report OK, got %d", reply);
}

CURLcode ftp_begin_transfer(struct ftp *ftp, const char *verb, const char *argument, bool exists,
                            int missing, const enum mishap kinds[], bool *refused)
{
    const char *text = "";
    CURLcode code = easy_step(ftp->easy);
    *refused = true;
    ftp->code = 0;
    if (code != CURLE_OK)
        return code;
    ftp_note_command(ftp, verb, argument);
    effect_begins(verb);
    enum network network = easy_draw_network(ftp->easy, &code);
    if (network != NETWORK_FINE) {
        effect_happened();
        easy_disconnect(ftp->easy);
        return code;
    }
    int refusal = ftp_code_of(mishap_draw(kinds), &text);
    if (!refusal && !exists) {
        refusal = missing;
        text = missing == 425 ? "Security: Bad IP connecting." : "No such file or directory";
    }
    effect_happened();
    *refused = refusal != 0;
    return refusal ? ftp_hear(ftp, refusal, text) : ftp_hear(ftp, 150, "Here it comes");
}

/* ---- RETR ------------------------------------------------------------------------------------ */

static CURLcode send_file(struct ftp *ftp, const struct file *file)
{
    static const enum mishap kinds[] = {MISHAP_DATA_RESET, MISHAP_SHORT_BODY,       MISHAP_LONG_BODY,
                                        MISHAP_FTP_426,    MISHAP_FTP_451,          MISHAP_FTP_CONTROL_LOST,
                                        MISHAP_NONE};
    const char *text = "Transfer complete";
    enum mishap mishap = mishap_draw_often(kinds);
    bool is_cut = mishap != MISHAP_NONE && mishap != MISHAP_LONG_BODY;
    int file_index = (int)(file - world->places[ftp->place].files);
    uint32_t end = is_cut ? (uint32_t)draw_below(file->body.size + 1u) : file->body.size;
    for (uint32_t at = 0; at < end;) {
        /* Looked at anew for each piece: it may grow or be replaced meanwhile. */
        const struct file *now = &world->places[ftp->place].files[file_index];
        uint32_t part = end - at < CHUNK_SIZE ? end - at : CHUNK_SIZE;
        part = at + part > now->body.size ? now->body.size - at : part;
        CURLcode code = easy_step(ftp->easy);
        if (code == CURLE_OK && part > 0)
            code = easy_give(ftp->easy, body_bytes(&now->body) + at, part);
        if (code != CURLE_OK)
            return code;
        at += part;
        if (part == 0)
            break;
    }
    if (mishap == MISHAP_LONG_BODY) {
        CURLcode code = easy_give(ftp->easy, "more", 4);
        if (code != CURLE_OK)
            return code;
    }
    if (mishap == MISHAP_DATA_RESET) {
        easy_disconnect(ftp->easy);
        return easy_fail(ftp->easy, CURLE_RECV_ERROR, "Recv failure: Connection reset by peer");
    }
    if (mishap == MISHAP_FTP_CONTROL_LOST)
        return ftp_lose_control(ftp);
    int reply = ftp_code_of(mishap, &text);
    return ftp_conclude(ftp, reply ? reply : 226, text);
}

static CURLcode retrieve(struct ftp *ftp)
{
    static const enum mishap kinds[] = {MISHAP_FTP_421, MISHAP_FTP_425, MISHAP_FTP_450,
                                        MISHAP_FTP_550, MISHAP_NONE};
    bool refused;
    const struct file *file = ftp_file(ftp->session, ftp->file);
    CURLcode code = ftp_begin_transfer(ftp, "RETR", ftp->file, file != NULL, 550, kinds, &refused);
    if (code != CURLE_OK)
        return code;
    if (refused)
        return ftp->code == 550
                   ? easy_fail(ftp->easy, CURLE_REMOTE_FILE_NOT_FOUND, "RETR response: 550")
                   : easy_fail(ftp->easy, CURLE_FTP_COULDNT_RETR_FILE, "RETR response: %03d",
                               ftp->code);
    return send_file(ftp, file);
}

/* ---- LIST, MLSD ------------------------------------------------------------------------------ */

/* Some of the listing, and a final reply that may or may not say so. Cut at a line's end with a success
 * nobody can tell it from a shorter one, so that is left out. */
static CURLcode send_cut(struct ftp *ftp, const struct buf *listing)
{
    size_t size = draw_below(listing->size);
    while (size > 0 && listing->data[size - 1] == '\n')
        size--;
    CURLcode code = easy_give(ftp->easy, listing->data, size);
    if (code != CURLE_OK)
        return code;
    return draw_chance(500) && size > 0 ? ftp_conclude(ftp, 226, "Transfer complete")
                                        : ftp_conclude(ftp, 426, "Connection closed; transfer aborted");
}

static CURLcode list(struct ftp *ftp)
{
    static const enum mishap kinds[] = {MISHAP_FTP_421, MISHAP_FTP_425, MISHAP_FTP_LIST_EMPTY_450,
                                        MISHAP_NONE};
    static const enum mishap cuts[] = {MISHAP_FTP_LIST_CUT, MISHAP_FTP_CONTROL_LOST, MISHAP_NONE};
    const bool is_mlsd = ftp->easy->custom && strcmp(ftp->easy->custom, "MLSD") == 0;
    struct buf listing;
    bool refused;
    CURLcode code = ftp_begin_transfer(ftp, is_mlsd ? "MLSD" : "LIST", "",
                                   !is_mlsd || ftp->flavour->has_mlsd, 500, kinds, &refused);
    if (code != CURLE_OK)
        return code;
    if (refused) /* 450: libcurl takes it for "no file" */
        return ftp->code == 450 ? CURLE_OK
                                : easy_fail(ftp->easy, CURLE_FTP_COULDNT_RETR_FILE,
                                            "RETR response: %03d", ftp->code);
    buf_init(&listing, 1u << 20);
    ftp_list_files(ftp->place, is_mlsd, &listing);
    switch (mishap_draw_often(cuts)) {
    case MISHAP_FTP_LIST_CUT:
        code = send_cut(ftp, &listing);
        break;
    case MISHAP_FTP_CONTROL_LOST:
        code = ftp_lose_control(ftp);
        break;
    default:
        code = easy_give(ftp->easy, listing.data, listing.size);
        if (code == CURLE_OK)
            code = ftp_conclude(ftp, 226, "Transfer complete");
        break;
    }
    buf_release(&listing);
    return code;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static CURLcode transfer(struct ftp *ftp)
{
    struct easy *easy = ftp->easy;
    const bool is_listing = !easy->uploads && !ftp->file[0];
    CURLcode code = open_data(ftp);
    if (code == CURLE_OK)
        code = set_type(ftp, is_listing ? "A" : "I");
    if (code == CURLE_OK)
        code = ftp_quote(ftp, easy->prequote);
    if (code == CURLE_OK)
        code = easy->uploads ? ftp_store(ftp) : is_listing ? list(ftp) : retrieve(ftp);
    return code == CURLE_OK ? ftp_quote(ftp, easy->postquote) : code;
}

/* Failures after which libcurl keeps the connection. */
static bool stays_open(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
    case CURLE_FTP_WEIRD_PASV_REPLY:
    case CURLE_FTP_COULDNT_SET_TYPE:
    case CURLE_FTP_COULDNT_RETR_FILE:
    case CURLE_PARTIAL_FILE:
    case CURLE_UPLOAD_FAILED:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_REMOTE_FILE_NOT_FOUND:
        return true;
    default:
        return false;
    }
}

CURLcode curl_ftp_perform(struct easy *easy, enum server server, const char *path)
{
    bool is_new = false;
    CURLcode code = easy_connect(easy, server, &is_new);
    struct ftp ftp = {.easy = easy,
                      .session = easy->session,
                      .flavour = server_flavour(server),
                      .place = server_place(server)};
    split_path(&ftp, path);
    if (code == CURLE_OK && is_new)
        code = ftp_log_in(&ftp);
    if (code == CURLE_OK)
        code = ftp_quote(&ftp, easy->quote);
    if (code == CURLE_OK)
        code = enter_folder(&ftp, is_new);
    if (code == CURLE_OK)
        code = easy->has_no_body ? ftp_quote(&ftp, easy->prequote) : transfer(&ftp);
    if (!stays_open(code))
        easy_disconnect(easy);
    snprintf(ftp.session->entered, sizeof ftp.session->entered, "%.*s", CWD_SIZE - 1,
             code == CURLE_OK ? ftp.folder : "?");
    return code;
}
