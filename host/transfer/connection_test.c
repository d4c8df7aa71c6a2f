/* SPDX-License-Identifier: MIT */
/*
 * connection_test: the way to a peer step by step, so that the answer names the step that failed
 * and what to do about it; see transfer.h. What can be checked without the network is checked
 * first; then the bare connection; then login and permission in the protocol itself.
 */
#include <string.h>

#include "base/clock.h"
#include "transfer/ftp_session.h"
#include "transfer/http_answer.h"
#include "transfer/oauth.h"
#include "transfer/object_http.h"
#include "transfer/object_listing.h"
#include "transfer/smtp.h"

struct test {
    struct transfer *transfer;
    const struct connection *connection;
    const char *folder; /* "" if none is to be listed */
    struct connection_report *report;
};

const char *connection_step_name(enum connection_step step)
{
    static const char *const names[] = {
        [STEP_CONFIGURATION] = "configuration", [STEP_NAME] = "name resolution",
        [STEP_CONNECT] = "connect", [STEP_TLS] = "TLS", [STEP_LOGIN] = "login",
        [STEP_PERMISSION] = "permission",
    };
    return (size_t)step < sizeof names / sizeof names[0] ? names[step] : "unknown";
}

static bool failed(struct test *test, enum connection_step step)
{
    test->report->failed = step;
    test->report->reached = step > STEP_CONFIGURATION ? (enum connection_step)(step - 1)
                                                      : STEP_CONFIGURATION;
    return false;
}

static void keep_banner(struct test *test, const char *text)
{
    size_t length = 0;
    char *out = test->report->banner;
    for (; *text && length + 1 < sizeof test->report->banner; text++)
        out[length++] = (unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7F ? '?' : *text;
    out[length] = '\0';
}

/* Which step ended with this verdict, where is_through means that TCP and TLS are done already. */
static enum connection_step step_of(struct handle *handle, CURLcode code, bool is_through)
{
    curl_off_t name_us = 0, connect_us = 0;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return STEP_NAME;
    case CURLE_COULDNT_CONNECT: return STEP_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_USE_SSL_FAILED: return STEP_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(handle->easy, CURLINFO_NAMELOOKUP_TIME_T, &name_us);
        curl_easy_getinfo(handle->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
        return name_us == 0                     ? STEP_NAME
               : connect_us == 0 || !is_through ? STEP_CONNECT
                                                : STEP_LOGIN;
    default: return is_through ? STEP_LOGIN : STEP_CONNECT;
    }
}

/* ---- the bare connection ---- */

/* TCP, and TLS where it begins with the first byte. The url's scheme says which. */
static bool reach(struct test *test, const char *url, struct error *err)
{
    struct handle *handle = pool_acquire(test->transfer, test->connection, NULL, err);
    if (!handle)
        return failed(test, STEP_CONFIGURATION);
    handle->keep = false;
    curl_easy_setopt(handle->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle->easy, CURLOPT_USE_SSL, (long)CURLUSESSL_NONE);
    curl_easy_setopt(handle->easy, CURLOPT_URL, url);
    curl_easy_setopt(handle->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, 1L);
    CURLcode code = handle_perform(handle);
    bool ok = code == CURLE_OK;
    if (!ok) {
        handle_fail(handle, code, err);
        failed(test, step_of(handle, code, false));
    }
    pool_release(test->transfer, handle);
    return ok;
}

static bool reach_host(struct test *test, struct error *err)
{
    const struct connection *connection = test->connection;
    struct buf url;
    if (!connection->host || !connection->host[0]) {
        connection_error(connection, err, ERROR_INVALID, "host is missing");
        return failed(test, STEP_CONFIGURATION);
    }
    buf_init(&url, 1024);
    bool is_ip6 = strchr(connection->host, ':') != NULL;
    buf_printf(&url, "%s://%s%s%s:%u/", connection->tls == TLS_IMPLICIT ? "https" : "http",
               is_ip6 ? "[" : "", connection->host, is_ip6 ? "]" : "", connection->port);
    bool ok = reach(test, buf_text(&url), err);
    buf_release(&url);
    return ok;
}

static bool reach_url(struct test *test, const char *path, struct error *err)
{
    struct http_target target;
    bool ok = http_target_build(test->connection, path, &target, err) ||
              failed(test, STEP_CONFIGURATION);
    ok = ok && reach(test, buf_text(&target.url), err);
    http_target_release(&target);
    return ok;
}

static bool check_secret(struct test *test, struct error *err)
{
    struct buf secret;
    buf_init(&secret, SECRET_SIZE_MAX);
    bool ok = secret_read(test->connection, "password", &test->connection->password, &secret, err);
    if (secret.data)
        explicit_bzero(secret.data, secret.capacity);
    buf_release(&secret);
    return ok || failed(test, STEP_CONFIGURATION);
}

/* ---- protocols ---- */

static bool list_folder(struct test *test, struct error *err)
{
    struct remote_listing listing = {0};
    struct connection once = *test->connection;
    once.settle_ms = 0; /* one look is enough */
    bool ok = remote_list(test->transfer, &once, test->folder, "", NULL, &listing, err);
    remote_listing_release(&listing);
    return ok;
}

static bool login_ftp(struct test *test, struct error *err)
{
    struct handle *handle = ftp_acquire(test->transfer, test->connection, NULL, err);
    if (!handle)
        return failed(test, STEP_CONFIGURATION);
    handle->keep = false;
    bool ok = ftp_address(handle, "", NULL, err) || failed(test, STEP_CONFIGURATION);
    handle->dialogue->needs_login = true;
    CURLcode code = ok ? ftp_perform_commands(handle) : CURLE_OK;
    const struct ftp_exchange *greeting = dialogue_find(handle->dialogue, "", 0);
    if (greeting)
        keep_banner(test, greeting->text);
    if (code != CURLE_OK) {
        ok = ftp_fail(handle, code, FTP_WISH_LOOK, NULL, err);
        failed(test, step_of(handle, code, true));
    }
    pool_release(test->transfer, handle);
    return ok;
}

static bool test_ftp(struct test *test, struct error *err)
{
    return check_secret(test, err) && reach_host(test, err) && login_ftp(test, err) &&
           (list_folder(test, err) || failed(test, STEP_PERMISSION));
}

/* libssh2 does key exchange and login at once; the sentence tells a host key from a login. */
static bool test_sftp(struct test *test, struct error *err)
{
    struct error why = {0};
    if (!check_secret(test, err) || !reach_host(test, err))
        return false;
    if (list_folder(test, &why))
        return true;
    if (err)
        *err = why;
    if (why.kind == ERROR_INVALID)
        return failed(test, STEP_CONFIGURATION);
    if (strstr(why.message, "host key"))
        return failed(test, STEP_TLS);
    return failed(test, strstr(why.message, "login") ? STEP_LOGIN : STEP_PERMISSION);
}

static bool login_smtp(struct test *test, struct handle *handle, struct smtp_dialogue *dialogue,
                       struct error *err)
{
    if (!smtp_prepare(handle, dialogue, err))
        return failed(test, STEP_CONFIGURATION);
    curl_easy_setopt(handle->easy, CURLOPT_CUSTOMREQUEST, "NOOP");
    curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 1L);
    CURLcode code = handle_perform(handle);
    keep_banner(test, dialogue->banner);
    const char *user = test->connection->user;
    if (code != CURLE_OK) {
        smtp_fail(handle, dialogue, code, err);
        return failed(test, step_of(handle, code, true));
    }
    if (user && user[0] && !dialogue->did_auth) {
        connection_error(
            test->connection, err, ERROR_UNSUPPORTED,
            dialogue->offers_auth
                ? "the mail server offers no kind of login that this host knows"
                : "the mail server offers no login (AUTH): remove \"user\", or use the "
                  "port and TLS on which it does");
        return failed(test, STEP_LOGIN);
    }
    return true;
}

static bool test_smtp(struct test *test, struct error *err)
{
    struct smtp_dialogue dialogue;
    if (!check_secret(test, err) || !reach_host(test, err))
        return false;
    smtp_dialogue_init(&dialogue);
    struct handle *handle = pool_acquire(test->transfer, test->connection, NULL, err);
    bool ok = handle ? login_smtp(test, handle, &dialogue, err) : failed(test, STEP_CONFIGURATION);
    pool_release(test->transfer, handle);
    smtp_dialogue_release(&dialogue);
    return ok;
}

static void keep_server(struct test *test, const struct http_response *response)
{
    char server[200];
    if (http_response_header(response, "server", server, sizeof server))
        keep_banner(test, server);
}

/* One GET; *status 0 and false: transport. */
static bool ask_storage(struct test *test, const char *path, struct http_response *response,
                        struct error *err)
{
    const struct object_request request = {.method = "GET", .path = path};
    bool ok = object_call(test->transfer, test->connection, NULL, &request, response, NULL, err);
    if (ok)
        keep_server(test, response);
    return ok || failed(test, STEP_LOGIN);
}

static bool login_storage(struct test *test, struct error *err)
{
    struct http_response response = {0};
    bool ok = ask_storage(test, "/n", &response, err);
    if (ok && (response.status == 401 || response.status >= 500 || response.status == 429)) {
        object_refuse(test->connection, &response, "the namespace", err);
        ok = failed(test, STEP_LOGIN);
    }
    http_response_release(&response);
    return ok;
}

static bool list_bucket(struct test *test, struct error *err)
{
    struct http_response response = {0};
    struct buf path;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = object_append_bucket(test->connection, test->folder, &path, err) ||
              failed(test, STEP_CONFIGURATION);
    buf_append_text(&path, "/o?limit=1");
    ok = ok && ask_storage(test, buf_text(&path), &response, err);
    if (ok && response.status != 200) {
        char subject[300];
        snprintf(subject, sizeof subject, "bucket '%s'",
                 strlen(test->folder) < 250 ? test->folder : "");
        object_refuse(test->connection, &response, subject, err);
        ok = failed(test, STEP_PERMISSION);
    }
    http_response_release(&response);
    buf_release(&path);
    return ok;
}

static bool test_object_storage(struct test *test, struct error *err)
{
    if (!object_check_key(test->transfer, test->connection, err))
        return failed(test, STEP_CONFIGURATION);
    return reach_url(test, "/", err) && login_storage(test, err) &&
           (!test->folder[0] || list_bucket(test, err));
}

static bool judge_rest(struct test *test, int status, struct error *err)
{
    const struct connection *connection = test->connection;
    enum connection_step step = status == 403 ? STEP_PERMISSION : STEP_LOGIN;
    if (status == 401)
        connection_error(connection, err, ERROR_DENIED,
                         connection->auth == AUTH_NONE
                             ? "the service demands a login (HTTP 401): set auth, user and password"
                             : "login refused (HTTP 401): check user and password");
    else if (status == 403)
        connection_error(connection, err, ERROR_DENIED,
                         "the login is known but not permitted (HTTP 403): grant the user access");
    else if (status == 429 || status >= 500)
        connection_error(connection, err, ERROR_UNAVAILABLE,
                         "the service has a problem (HTTP %d): try again later", status);
    else
        return true; /* also 404 and 405: few services answer on their base address */
    if (err)
        err->peer_code = status;
    return failed(test, step);
}

static bool login_rest(struct test *test, struct error *err)
{
    struct http_response response = {0};
    const struct http_request request = {.method = "HEAD", .path = "/"};
    bool ok = http_call(test->transfer, test->connection, &request, NULL, &response, err) ||
              failed(test, STEP_LOGIN);
    if (ok) {
        keep_server(test, &response);
        ok = judge_rest(test, response.status, err);
    }
    http_response_release(&response);
    return ok;
}

static bool test_rest(struct test *test, struct error *err)
{
    if (test->connection->auth == AUTH_OCI_SIGNATURE_V1 &&
        !object_check_key(test->transfer, test->connection, err))
        return failed(test, STEP_CONFIGURATION);
    return check_secret(test, err) && reach_url(test, "/", err) && login_rest(test, err);
}

/* ---- the test ---- */

static bool run(struct test *test, struct error *err)
{
    switch (test->connection->type) {
    case CONNECTION_FTP: return test_ftp(test, err);
    case CONNECTION_SFTP: return test_sftp(test, err);
    case CONNECTION_OBJECT_STORAGE: return test_object_storage(test, err);
    case CONNECTION_REST: return test_rest(test, err);
    case CONNECTION_SMTP: return test_smtp(test, err);
    case CONNECTION_LOCAL: return true;
    }
    connection_error(test->connection, err, ERROR_INVALID, "unknown type");
    return failed(test, STEP_CONFIGURATION);
}

bool connection_test(struct transfer *transfer, const struct connection *connection,
                     const char *folder, struct connection_report *report, struct error *err)
{
    int64_t start_ms = clock_monotonic_ms();
    *report = (struct connection_report){0};
    struct test test = {.transfer = transfer, .connection = connection,
                        .folder = folder ? folder : "", .report = report};
    bool ok = run(&test, err);
    if (ok)
        report->reached = STEP_PERMISSION;
    report->duration_ms = clock_monotonic_ms() - start_ms;
    return ok;
}
