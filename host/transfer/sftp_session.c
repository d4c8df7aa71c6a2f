/* SPDX-License-Identifier: MIT */
/* SFTP: login, host key, addresses, commands and failures. */
#include "transfer/sftp_session.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define ADDRESS_SIZE_MAX 8192

static size_t discard(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

/* libcurl asks what to do about the server's key; anything but a match ends the connection. */
static int judge_key(CURL *easy, const struct curl_khkey *known, const struct curl_khkey *found,
                     enum curl_khmatch match, void *context)
{
    (void)easy, (void)known, (void)found;
    struct handle *handle = context;
    const char *problem = NULL;
    switch (match) {
    case CURLKHMATCH_OK:
        return CURLKHSTAT_FINE;
    case CURLKHMATCH_MISMATCH:
        problem = "it differs from the known one: a new server, or someone in between";
        break;
    case CURLKHMATCH_MISSING:
        problem = "it is not in the file";
        break;
    case CURLKHMATCH_LAST:
        problem = "it cannot be compared";
        break;
    }
    snprintf(handle->key_problem, sizeof handle->key_problem, "%s", problem);
    return CURLKHSTAT_REJECT;
}

static bool is_readable(const struct connection *connection, const char *field, const char *path,
                        struct error *err)
{
    if (access(path, R_OK) == 0)
        return true;
    return connection_error(connection, err, ERROR_INVALID, "%s '%s' cannot be read", field, path);
}

static bool set_key(struct handle *handle, struct error *err)
{
    const struct connection *connection = handle->connection;
    bool has_password = connection->password.env || connection->password.file;
    long types = has_password ? CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD : 0;
    if (connection->private_key.file) {
        if (!is_readable(connection, "private_key", connection->private_key.file, err))
            return false;
        types |= CURLSSH_AUTH_PUBLICKEY;
        curl_easy_setopt(handle->easy, CURLOPT_SSH_PRIVATE_KEYFILE,
                         connection->private_key.file);
        struct buf phrase;
        buf_init(&phrase, SECRET_SIZE_MAX);
        bool ok = secret_read(connection, "passphrase", &connection->passphrase, &phrase, err);
        if (ok && phrase.size > 0)
            curl_easy_setopt(handle->easy, CURLOPT_KEYPASSWD, buf_text(&phrase));
        if (phrase.data)
            explicit_bzero(phrase.data, phrase.capacity);
        buf_release(&phrase);
        if (!ok)
            return false;
    }
    if (types == 0)
        return connection_error(connection, err, ERROR_INVALID,
                                "it has neither password nor private_key");
    curl_easy_setopt(handle->easy, CURLOPT_SSH_AUTH_TYPES, types);
    return true;
}

static bool set_known_hosts(struct handle *handle, struct error *err)
{
    const struct connection *connection = handle->connection;
    if (!connection->known_hosts)
        return connection_error(
            connection, err, ERROR_INVALID,
            "it has no known_hosts: without one the server cannot be recognised");
    if (!is_readable(connection, "known_hosts", connection->known_hosts, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_SSH_KNOWNHOSTS, connection->known_hosts);
    curl_easy_setopt(handle->easy, CURLOPT_SSH_KEYFUNCTION, judge_key);
    curl_easy_setopt(handle->easy, CURLOPT_SSH_KEYDATA, handle);
    return true;
}

struct handle *sftp_acquire(struct transfer *transfer, const struct connection *connection,
                            const struct transfer_call *call, struct error *err)
{
    struct handle *handle = pool_acquire(transfer, connection, call, err);
    if (!handle)
        return NULL;
    if (set_known_hosts(handle, err) && handle_login(handle, err) && set_key(handle, err)) {
        curl_easy_setopt(handle->easy, CURLOPT_PATH_AS_IS, 1L);
        return handle;
    }
    pool_release(transfer, handle);
    return NULL;
}

static void append_path(struct buf *url, const char *folder)
{
    if (*folder != '/')
        buf_append_text(url, "~/"); /* libcurl's word for where the login lands */
    for (; *folder; folder++)
        if (*folder == '/') {
            if (url->size && url->data[url->size - 1] != '/')
                buf_append_char(url, '/');
        } else {
            const char byte[2] = {*folder, '\0'};
            buf_append_percent(url, byte);
        }
    if (url->data && url->data[url->size - 1] != '/')
        buf_append_char(url, '/');
}

bool sftp_address(struct handle *handle, const char *folder, const char *name, struct error *err)
{
    const struct connection *connection = handle->connection;
    CURL *easy = handle->easy;
    const char *host = connection->host ? connection->host : "";
    if (!*host || text_has_control(host) || strpbrk(host, "/?#@\\ %"))
        return connection_error(connection, err, ERROR_INVALID, "host '%s' is not a host name",
                                host);
    bool is_v6 = strchr(host, ':') && host[0] != '[';
    struct buf url;
    buf_init(&url, ADDRESS_SIZE_MAX);
    buf_printf(&url, "sftp://%s%s%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "");
    if (connection->port)
        buf_printf(&url, ":%u", connection->port);
    buf_append_char(&url, '/');
    append_path(&url, folder);
    if (name)
        buf_append_percent(&url, name);
    bool ok = !url.failed && curl_easy_setopt(easy, CURLOPT_URL, buf_text(&url)) == CURLE_OK;
    buf_release(&url);
    curl_slist_free_all(handle->lists[0]);
    handle->lists[0] = NULL;
    curl_easy_setopt(easy, CURLOPT_QUOTE, NULL);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 0L);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_FILETIME, 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
    return ok || connection_error(connection, err, ERROR_LIMIT, "folder or name is too long");
}

static void append_quoted(struct buf *line, const char *folder, const char *name)
{
    buf_append_text(line, " \"");
    const char *parts[2] = {folder, name};
    for (size_t i = 0; i < 2; i++) {
        for (const char *at = parts[i]; *at; at++) {
            if (*at == '"' || *at == '\\')
                buf_append_char(line, '\\');
            buf_append_char(line, *at);
        }
        if (i == 0 && *folder && folder[strlen(folder) - 1] != '/')
            buf_append_char(line, '/');
    }
    buf_append_char(line, '"');
}

bool sftp_command(struct handle *handle, const char *verb, const char *folder, const char *name,
                  const char *second_name, struct error *err)
{
    if (text_has_control(folder) || text_has_control(name) ||
        (second_name && text_has_control(second_name)))
        return connection_error(handle->connection, err, ERROR_INVALID,
                                "a name with a control byte is not sent");
    struct buf line;
    buf_init(&line, ADDRESS_SIZE_MAX);
    buf_append_text(&line, verb);
    append_quoted(&line, folder, name);
    if (second_name)
        append_quoted(&line, folder, second_name);
    bool ok = !line.failed && handle_append(handle, 0, buf_text(&line), err);
    buf_release(&line);
    if (ok)
        curl_easy_setopt(handle->easy, CURLOPT_QUOTE, handle->lists[0]);
    return ok;
}

CURLcode sftp_perform_commands(struct handle *handle)
{
    curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 1L);
    CURLcode code = handle_perform(handle);
    curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 0L);
    return code;
}

bool sftp_fail(struct handle *handle, CURLcode code, const char *what, struct error *err)
{
    static const struct {
        CURLcode code;
        enum error_kind kind;
        const char *text, *remedy;
    } verdicts[] = {
        {CURLE_REMOTE_FILE_NOT_FOUND, ERROR_NOT_FOUND, "there is no such file or folder",
         "check the directory property and the name"},
        {CURLE_REMOTE_ACCESS_DENIED, ERROR_DENIED, "permission denied",
         "check the permissions of this user; a folder to store into must be writable"},
        {CURLE_REMOTE_DISK_FULL, ERROR_LIMIT, "the server's disk is full or a quota is reached",
         "make room there; the source was left as it was"},
        {CURLE_REMOTE_FILE_EXISTS, ERROR_EXISTS, "it exists already", "nothing was overwritten"},
        {CURLE_UPLOAD_FAILED, ERROR_DENIED, "the file may not be written",
         "check that the folder is writable for this user"},
        {CURLE_QUOTE_ERROR, ERROR_REFUSED, "the server refuses the command",
         "check that the user may rename files in the folder"},
    };
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        if (verdicts[i].code == code)
            return connection_error(handle->connection, err, verdicts[i].kind, "'%s': %s (%s): %s",
                                    what, verdicts[i].text,
                                    handle->detail[0] ? handle->detail : curl_easy_strerror(code),
                                    verdicts[i].remedy);
    return handle_fail(handle, code, err);
}
