/* SPDX-License-Identifier: MIT */
/*
 * libcurl's SFTP: a login, QUOTE's "rename" and "rm", then a look (no body), a listing, a download or
 * an upload. The protocol's own rename refuses a name that is taken.
 */
#include <string.h>
#include <time.h>

#include "curl_easy.h"
#include "schedule.h"
#include "server_ftp.h"

struct sftp {
    struct easy *easy;
    enum place_id place;
    bool is_folder_there;
    char name[NAME_SIZE * 2]; /* "": the folder itself */
};

/* A request that the server may refuse, lose, or act on and not answer. */
static CURLcode ask(struct sftp *sftp, const char *what, const char *name, bool *refused, bool *lost)
{
    static const enum mishap kinds[] = {MISHAP_SFTP_FAILURE, MISHAP_NONE};
    CURLcode code = easy_step(sftp->easy);
    *refused = *lost = false;
    if (code != CURLE_OK)
        return code;
    trace("%s sftp %s %s", server_name(sftp->easy->session->server), what, name);
    effect_begins(what);
    enum network network = easy_draw_network(sftp->easy, &code);
    if (network != NETWORK_FINE)
        easy_disconnect(sftp->easy);
    *lost = network == NETWORK_LOST_AFTER;
    if (network != NETWORK_LOST_BEFORE)
        ftp_act_late(sftp->place, name);
    if (network == NETWORK_FINE)
        *refused = mishap_draw(kinds) != MISHAP_NONE;
    if (network == NETWORK_LOST_BEFORE && code == CURLE_RECV_ERROR)
        code = easy_fail(sftp->easy, CURLE_SSH, "Error in the SSH layer");
    return *lost ? CURLE_OK : code;
}

/* The request has been acted on: the answer comes, or it does not. */
static CURLcode finish(struct sftp *sftp, bool lost)
{
    effect_happened();
    return lost ? easy_fail(sftp->easy, CURLE_SSH, "Error in the SSH layer") : CURLE_OK;
}

static CURLcode log_in(struct sftp *sftp)
{
    static const enum mishap kinds[] = {MISHAP_FTP_530, MISHAP_RESET_BEFORE, MISHAP_NONE};
    switch (mishap_draw(kinds)) {
    case MISHAP_FTP_530:
        easy_disconnect(sftp->easy);
        return easy_fail(sftp->easy, CURLE_LOGIN_DENIED, "Authentication failure");
    case MISHAP_RESET_BEFORE:
        easy_disconnect(sftp->easy);
        return easy_fail(sftp->easy, CURLE_SSH, "Failure establishing ssh session");
    default:
        sftp->easy->login_us = 1000;
        return CURLE_OK;
    }
}

/* ---- QUOTE ----------------------------------------------------------------------------------- */

/* The next quoted path of a command, without its folder. */
static const char *next_name(const char *at, char name[static NAME_SIZE])
{
    size_t size = 0;
    at = strchr(at, '"') + 1;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
        if (*at == '/')
            size = 0;
        else if (size + 1 < NAME_SIZE)
            name[size++] = *at;
    }
    name[size] = '\0';
    return *at ? at + 1 : at;
}

static CURLcode fail_command(struct sftp *sftp, const char *what)
{
    return easy_fail(sftp->easy, CURLE_QUOTE_ERROR, "%s command failed: Failure", what);
}

/* libcurl tells a command that nobody answered as one that failed, in the words of the session's newest answer: of
 * the look that found the new name free, or none in a session that was begun for it. */
static CURLcode tell_lost(struct sftp *sftp, CURLcode code, const char *what)
{
    bool is_lost = code == CURLE_SSH || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR;
    if (!is_lost)
        return code;
    return easy_fail(sftp->easy, CURLE_QUOTE_ERROR, "%s command failed: %s", what,
                     sftp->easy->connect_count > 0 ? "Unknown error in libssh2" : "No such file or directory");
}

static CURLcode rename_quoted(struct sftp *sftp, const char *line)
{
    char from[NAME_SIZE], to[NAME_SIZE];
    bool refused, lost;
    next_name(next_name(line, from), to);
    CURLcode code = ask(sftp, "rename", to, &refused, &lost);
    if (code != CURLE_OK)
        return tell_lost(sftp, code, "rename");
    struct file *file = file_find(sftp->place, from);
    bool is_possible = !refused && file && !file_find(sftp->place, to);
    bool is_late = is_possible && mishap_happens_often(MISHAP_RENAME_LATE);
    if (is_late)
        ftp_rename_later(sftp->place, file, to);
    else if (is_possible)
        ftp_rename(sftp->place, file, to);
    if (is_late && !lost)
        easy_disconnect(sftp->easy);
    bool is_said = is_possible && !mishap_happens_often(MISHAP_RENAME_REFUSED);
    code = finish(sftp, lost || is_late);
    return code == CURLE_OK && !is_said ? fail_command(sftp, "rename") : tell_lost(sftp, code, "rename");
}

/* What became of a command with '*' is not told. */
static CURLcode remove_quoted(struct sftp *sftp, const char *line)
{
    char name[NAME_SIZE];
    bool refused, lost;
    next_name(line, name);
    CURLcode code = tell_lost(sftp, ask(sftp, "rm", name, &refused, &lost), "rm");
    if (code != CURLE_OK)
        return code == CURLE_QUOTE_ERROR && line[0] == '*' ? CURLE_OK : code;
    struct file *file = file_find(sftp->place, name);
    if (file && !refused)
        ftp_delete(sftp->place, file);
    code = tell_lost(sftp, finish(sftp, lost), "rm");
    if (code == CURLE_OK && (!file || refused))
        code = fail_command(sftp, "rm");
    return line[0] == '*' ? CURLE_OK : code;
}

static CURLcode quote(struct sftp *sftp)
{
    CURLcode code = CURLE_OK;
    for (const struct curl_slist *list = sftp->easy->quote; list && code == CURLE_OK;
         list = list->next) {
        bool is_rename = strncmp(list->data, "rename", 6) == 0;
        code = is_rename ? rename_quoted(sftp, list->data) : remove_quoted(sftp, list->data);
    }
    return code;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static CURLcode not_found(struct sftp *sftp)
{
    return easy_fail(sftp->easy, CURLE_REMOTE_FILE_NOT_FOUND, "Could not open remote file: No such file");
}

static struct file *named(struct sftp *sftp)
{
    return sftp->is_folder_there ? file_find(sftp->place, sftp->name) : NULL;
}

static CURLcode open_file(struct sftp *sftp, struct file **file)
{
    bool refused, lost;
    CURLcode code = ask(sftp, "open", sftp->name, &refused, &lost);
    if (code == CURLE_OK)
        code = finish(sftp, lost);
    *file = named(sftp);
    if (code == CURLE_OK && refused)
        return easy_fail(sftp->easy, CURLE_REMOTE_ACCESS_DENIED, "Permission denied");
    if (code == CURLE_OK && !*file) {
        if (!name_is_temporary(sftp->name))
            snprintf(world->places[sftp->place].awaited, NAME_SIZE, "%.*s", NAME_SIZE - 1, sftp->name);
        return not_found(sftp);
    }
    return code;
}

static CURLcode look(struct sftp *sftp)
{
    struct file *file;
    if (!sftp->name[0])
        return CURLE_OK;
    CURLcode code = open_file(sftp, &file);
    if (code == CURLE_OK) {
        ftp_looked_at(file);
        sftp->easy->download_size = file->body.size > 0 ? (curl_off_t)file->body.size : -1;
        sftp->easy->file_time = (curl_off_t)file->modified_s;
    }
    return code;
}

static CURLcode download(struct sftp *sftp)
{
    static const enum mishap kinds[] = {MISHAP_DATA_RESET, MISHAP_NONE};
    struct file *file;
    CURLcode code = open_file(sftp, &file);
    if (code != CURLE_OK)
        return code;
    const struct file seen = *file; /* its size is asked once */
    bool breaks = mishap_draw_often(kinds) != MISHAP_NONE;
    uint32_t end = breaks ? (uint32_t)draw_below(seen.body.size + 1u) : seen.body.size;
    for (uint32_t at = 0; at < end && code == CURLE_OK;) {
        uint32_t part = end - at < CHUNK_SIZE ? end - at : CHUNK_SIZE;
        const struct file *now = file; /* the name may stand for another file by now */
        part = at + part > now->body.size ? now->body.size - at : part;
        code = easy_step(sftp->easy);
        if (code == CURLE_OK && part == 0)
            return easy_fail(sftp->easy, CURLE_PARTIAL_FILE, "Failed to read the whole file");
        if (code == CURLE_OK)
            code = easy_give(sftp->easy, body_bytes(&now->body) + at, part);
        at += part;
    }
    if (code != CURLE_OK || !breaks)
        return code;
    easy_disconnect(sftp->easy);
    return easy_fail(sftp->easy, CURLE_RECV_ERROR, "Recv failure: Connection reset by peer");
}

static CURLcode upload(struct sftp *sftp)
{
    static const enum mishap breaks[] = {MISHAP_DATA_RESET, MISHAP_FTP_TARGET_FULL, MISHAP_NONE};
    char chunk[CHUNK_SIZE];
    size_t size = 0;
    bool refused, lost;
    CURLcode code = ask(sftp, "create", sftp->name, &refused, &lost);
    if (code != CURLE_OK)
        return code;
    if (refused || !sftp->is_folder_there) {
        effect_happened();
        return easy_fail(sftp->easy, CURLE_REMOTE_ACCESS_DENIED, "Upload failed: Permission denied");
    }
    struct session standing = *sftp->easy->session;
    snprintf(standing.folder, sizeof standing.folder, FTP_HOME "/" FTP_FOLDER);
    struct file *file = ftp_store_begins(&standing, sftp->name);
    code = finish(sftp, lost);
    enum mishap mishap = mishap_draw_often(breaks);
    uint64_t ends_at = mishap == MISHAP_NONE ? UINT64_MAX : draw_below(4096);
    for (uint64_t sent = 0; code == CURLE_OK; sent += size) {
        code = easy_step(sftp->easy);
        if (code == CURLE_OK)
            code = easy_take(sftp->easy, chunk, sizeof chunk, &size);
        if (code != CURLE_OK || size == 0)
            break;
        effect_begins("data of an upload");
        size_t kept = sent + size > ends_at ? (size_t)(ends_at > sent ? ends_at - sent : 0) : size;
        body_append(&file->body, chunk, (uint32_t)kept);
        file->modified_s = world_wall_s();
        effect_happened();
        if (kept < size)
            code = mishap == MISHAP_DATA_RESET
                       ? easy_fail(sftp->easy, CURLE_SSH, "Failed to send SSH data")
                       : easy_fail(sftp->easy, CURLE_REMOTE_DISK_FULL, "Failed to send SSH data: disk full");
    }
    return code;
}

static CURLcode list(struct sftp *sftp)
{
    struct buf listing;
    bool refused, lost;
    CURLcode code = ask(sftp, "list", "", &refused, &lost);
    if (code == CURLE_OK)
        code = finish(sftp, lost);
    if (code != CURLE_OK)
        return code;
    if (refused || !sftp->is_folder_there)
        return not_found(sftp);
    buf_init(&listing, 1u << 20);
    ftp_list_files(sftp->place, false, &listing);
    code = easy_give(sftp->easy, listing.data, listing.size);
    buf_release(&listing);
    return code;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* "/~/extracts/name" or "/home/sync/extracts/name". */
static void split_path(struct sftp *sftp, const char *path)
{
    char whole[2048];
    url_decode(path, strlen(path), whole, sizeof whole);
    const char *slash = strrchr(whole, '/');
    size_t size = slash ? (size_t)(slash - whole) : 0;
    static const char *const folders[] = {"/~/" FTP_FOLDER, FTP_HOME "/" FTP_FOLDER};
    for (size_t i = 0; i < 2; i++)
        sftp->is_folder_there |= strlen(folders[i]) == size && memcmp(folders[i], whole, size) == 0;
    snprintf(sftp->name, sizeof sftp->name, "%s", slash ? slash + 1 : "");
}

CURLcode curl_sftp_perform(struct easy *easy, enum server server, const char *path)
{
    bool is_new = false;
    struct sftp sftp = {.easy = easy, .place = server_place(server)};
    easy->login_us = 0;
    easy->download_size = easy->file_time = -1;
    split_path(&sftp, path);
    CURLcode code = easy_connect(easy, server, &is_new);
    if (code == CURLE_OK && is_new)
        code = log_in(&sftp);
    if (code == CURLE_OK)
        code = quote(&sftp);
    if (code == CURLE_OK)
        code = easy->has_no_body  ? look(&sftp)
               : easy->uploads    ? upload(&sftp)
               : !sftp.name[0]    ? list(&sftp)
                                  : download(&sftp);
    if (code == CURLE_SSH || code == CURLE_RECV_ERROR || code == CURLE_OPERATION_TIMEDOUT)
        easy_disconnect(easy);
    return code;
}
