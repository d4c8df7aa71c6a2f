/* SPDX-License-Identifier: MIT */
/*
 * How our requests become libcurl's. Names and folders go into the URL percent-encoded, so that
 * libcurl sees one path; SINGLECWD makes it enter the folder (a proof that it exists) and stay
 * there, so that the next file of the same folder costs no command.
 */
#include "transfer/ftp_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "base/text.h"

#define ADDRESS_SIZE_MAX 8192 /* folder and name, every byte as %XX, and the host */

static size_t discard(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static bool was_dead(CURLcode code, const struct ftp_dialogue *dialogue)
{
    return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) &&
           !dialogue_last(dialogue);
}

/* Failures after which command and reply are in step for certain: each is a reply to a command. */
static bool is_in_step(CURLcode code, const struct ftp_dialogue *dialogue)
{
    if (code == CURLE_OK)
        return true;
    return dialogue->exchanges[dialogue->count - 1].code >= 400 &&
           (code == CURLE_QUOTE_ERROR || code == CURLE_REMOTE_ACCESS_DENIED ||
            code == CURLE_REMOTE_FILE_NOT_FOUND || code == CURLE_FTP_COULDNT_RETR_FILE ||
            code == CURLE_UPLOAD_FAILED);
}

static CURLcode perform(struct handle *handle)
{
    struct ftp_dialogue *dialogue = handle->dialogue;
    bool is_fresh = dialogue->is_doubtful || dialogue->needs_login;
    dialogue_clear(dialogue);
    curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, is_fresh ? 1L : 0L);
    CURLcode code = handle_run(handle);
    if (was_dead(code, dialogue) && (handle->was_used || dialogue->has_performed)) {
        /* No reply came to any command, so none has had an effect: it is safe to ask again. */
        metric_count(METRIC_RETRIES, "connection", "", 1);
        dialogue_clear(dialogue);
        curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, 1L);
        code = handle_run(handle);
    }
    dialogue->has_performed = true;
    if (!is_in_step(code, dialogue)) {
        dialogue->is_doubtful = true;
        handle->keep = false;
    }
    const char *home = NULL;
    curl_easy_getinfo(handle->easy, CURLINFO_FTP_ENTRY_PATH, &home);
    if (home && strlen(home) < sizeof dialogue->home && !text_has_control(home))
        memcpy(dialogue->home, home, strlen(home) + 1);
    return code;
}

struct handle *ftp_acquire(struct transfer *transfer, const struct connection *connection,
                           const struct transfer_call *call, struct error *err)
{
    struct handle *handle = pool_acquire(transfer, connection, call, err);
    if (!handle)
        return NULL;
    if (!handle->dialogue)
        handle->dialogue = calloc(1, sizeof *handle->dialogue);
    if (!handle->dialogue) {
        connection_error(connection, err, ERROR_INTERNAL, "out of memory");
        handle->keep = false;
    }
    if (handle->dialogue && handle->dialogue->definition != connection->definition)
        *handle->dialogue = (struct ftp_dialogue){.definition = connection->definition};
    if (!handle->dialogue || !handle_login(handle, err)) {
        pool_release(transfer, handle);
        return NULL;
    }
    CURL *easy = handle->easy;
    handle->perform = perform;
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L); /* what the dialogue is fed by */
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, dialogue_note);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, handle->dialogue);
    curl_easy_setopt(easy, CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_SINGLECWD);
    curl_easy_setopt(easy, CURLOPT_FTP_SKIP_PASV_IP, 1L);
    curl_easy_setopt(easy, CURLOPT_FTP_USE_EPSV, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    return handle;
}

static bool host_is_plain(const char *host)
{
    return host && *host && !text_has_control(host) && !strpbrk(host, "/?#@\\ %");
}

static void append_folder(struct buf *url, const char *folder)
{
    if (*folder == '/')
        buf_append_char(url,
                        '/'); /* "//a/b/": the path begins at the second slash, so is absolute */
    while (*folder) {
        size_t size = strcspn(folder, "/");
        char part[1025];
        if (size > 0 && size < sizeof part) {
            memcpy(part, folder, size);
            part[size] = '\0';
            buf_append_percent(url, part);
            buf_append_char(url, '/');
        }
        folder += size + (folder[size] == '/');
    }
}

void ftp_folder(const struct handle *handle, const char *folder, struct buf *out)
{
    const char *home = handle->dialogue->home;
    buf_init(out, ADDRESS_SIZE_MAX);
    if (*folder != '/' && *home == '/')
        buf_printf(out, "%s%s", home, *folder && home[strlen(home) - 1] != '/' ? "/" : "");
    buf_append_text(out, folder);
}

/* A folder below the login's home is given from the root. libcurl may log in anew at any request, without a
 * word, and what it does then to reach a relative folder does not fit commands of ours before it. */
static bool append_path(struct handle *handle, struct buf *url, const char *folder)
{
    struct buf path;
    ftp_folder(handle, folder, &path);
    append_folder(url, buf_text(&path));
    handle->dialogue->needs_login = buf_text(&path)[0] != '/';
    bool ok = !path.failed;
    buf_release(&path);
    return ok;
}

bool ftp_address(struct handle *handle, const char *folder, const char *name, struct error *err)
{
    const struct connection *connection = handle->connection;
    CURL *easy = handle->easy;
    if (!host_is_plain(connection->host))
        return connection_error(connection, err, ERROR_INVALID, "host '%s' is not a host name",
                                connection->host ? connection->host : "");
    bool is_v6 = strchr(connection->host, ':') && connection->host[0] != '[';
    struct buf url;
    buf_init(&url, ADDRESS_SIZE_MAX);
    buf_printf(&url, "%s://%s%s%s", connection->tls == TLS_IMPLICIT ? "ftps" : "ftp",
               is_v6 ? "[" : "", connection->host, is_v6 ? "]" : "");
    if (connection->port)
        buf_printf(&url, ":%u", connection->port);
    buf_append_char(&url, '/');
    bool ok = append_path(handle, &url, folder);
    if (name)
        buf_append_percent(&url, name);
    ok = ok && !url.failed && curl_easy_setopt(easy, CURLOPT_URL, buf_text(&url)) == CURLE_OK;
    buf_release(&url);
    for (size_t i = 0; i < sizeof handle->lists / sizeof handle->lists[0]; i++) {
        curl_slist_free_all(handle->lists[i]);
        handle->lists[i] = NULL;
    }
    curl_easy_setopt(easy, CURLOPT_QUOTE, NULL);
    curl_easy_setopt(easy, CURLOPT_PREQUOTE, NULL);
    curl_easy_setopt(easy, CURLOPT_POSTQUOTE, NULL);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 0L);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_IGNORE_CONTENT_LENGTH, 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
    return ok || connection_error(connection, err, ERROR_LIMIT, "folder or name is too long");
}

bool ftp_command(struct handle *handle, enum ftp_moment when, const char *verb,
                 const char *argument, struct error *err)
{
    static const CURLoption options[] = {CURLOPT_QUOTE, CURLOPT_PREQUOTE, CURLOPT_POSTQUOTE};
    if (argument && text_has_control(argument))
        return connection_error(handle->connection, err, ERROR_INVALID,
                                "a name with a control byte is not sent");
    struct buf line;
    buf_init(&line, ADDRESS_SIZE_MAX);
    buf_printf(&line, "%s%s%s", verb, argument ? " " : "", argument ? argument : "");
    bool ok = !line.failed && handle_append(handle, (size_t)when, buf_text(&line), err);
    buf_release(&line);
    if (ok)
        curl_easy_setopt(handle->easy, options[when], handle->lists[when]);
    return ok;
}

CURLcode ftp_perform_commands(struct handle *handle)
{
    curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 1L);
    CURLcode code = handle_perform(handle);
    curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 0L);
    return code;
}
