/* SPDX-License-Identifier: MIT */
/*
 * Idle handles and the options that every request starts with. The pool is keyed by the
 * connection's name only: libcurl itself never reuses a login for another host, user, password or
 * TLS setting, so a stale handle costs a new connection and nothing else.
 */
#include "transfer/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "transfer/ftp_dialogue.h"
#include "transfer/header_list.h"

#define LOOK_INTERVAL_MS 20 /* the call's should_stop is asked at most this often */
#define KEEPALIVE_IDLE_S                                                                           \
    30 /* below the idle timeouts of common NATs: control connections idle long */

static struct handle *pool_take_idle(struct transfer *transfer, const char *name)
{
    pthread_mutex_lock(&transfer->lock);
    struct handle **link = &transfer->idle;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    struct handle *handle = *link;
    if (handle) {
        *link = handle->next;
        metric_add(METRIC_HANDLES_IDLE, -1);
    }
    pthread_mutex_unlock(&transfer->lock);
    return handle;
}

static void handle_free_lists(struct handle *handle)
{
    for (size_t i = 0; i < sizeof handle->lists / sizeof handle->lists[0]; i++) {
        curl_slist_free_all(handle->lists[i]);
        handle->lists[i] = NULL;
    }
}

static void handle_free(struct handle *handle)
{
    /* Closing says QUIT to FTP servers: the last user's callbacks must be gone by then. */
    curl_easy_reset(handle->easy);
    curl_easy_setopt(handle->easy, CURLOPT_NOSIGNAL, 1L);
    curl_multi_cleanup(handle->multi);
    curl_easy_cleanup(handle->easy);
    handle_free_lists(handle);
    free(handle->dialogue);
    free(handle->name);
    free(handle);
}

static struct circuit *find_circuit(struct transfer *transfer, const char *name)
{
    for (struct known_circuit *known = transfer->circuits; known; known = known->next)
        if (strcmp(circuit_connection(known->circuit), name) == 0)
            return known->circuit;
    struct known_circuit *known = calloc(1, sizeof *known);
    if (!known)
        return NULL;
    known->circuit = circuit_new(name);
    if (!known->circuit) {
        free(known);
        return NULL;
    }
    known->next = transfer->circuits;
    transfer->circuits = known;
    return known->circuit;
}

static struct circuit *circuit_of(struct transfer *transfer, const char *name)
{
    pthread_mutex_lock(&transfer->lock);
    struct circuit *circuit = find_circuit(transfer, name);
    pthread_mutex_unlock(&transfer->lock);
    return circuit;
}

static struct handle *handle_new(struct transfer *transfer, const char *name)
{
    struct circuit *circuit = circuit_of(transfer, name);
    struct handle *handle = circuit ? calloc(1, sizeof *handle) : NULL;
    if (!handle)
        return NULL;
    handle->circuit = circuit;
    handle->name = strdup(name);
    handle->easy = handle->name ? curl_easy_init() : NULL;
    handle->multi = handle->easy ? curl_multi_init() : NULL;
    if (handle->multi) {
        curl_multi_setopt(handle->multi, CURLMOPT_MAXCONNECTS, (long)POOL_CONNECTIONS_MAX);
        return handle;
    }
    curl_easy_cleanup(handle->easy);
    free(handle->name);
    free(handle);
    return NULL;
}

/* The peer lets us in, or has more to say than that: a greeting, and a yes to the user's name, may be followed by
 * the word that it is overloaded. HTTP has one word for all, SMTP's 354 is to DATA. SFTP has no codes; there the
 * handshake counts, and on a kept connection nothing before the end. */
static bool has_answered(const struct handle *handle)
{
    long code = 0;
    curl_off_t login_us = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &code);
    switch (handle->connection->type) {
    case CONNECTION_FTP:
        return handle->dialogue && dialogue_is_let_in(handle->dialogue);
    case CONNECTION_SFTP:
        curl_easy_getinfo(handle->easy, CURLINFO_APPCONNECT_TIME_T, &login_us);
        return login_us > 0;
    case CONNECTION_SMTP:
        return code == 354;
    case CONNECTION_OBJECT_STORAGE:
    case CONNECTION_REST:
    case CONNECTION_LOCAL:
        break;
    }
    return code >= 200 && code < 400;
}

static void report(struct handle *handle, enum circuit_outcome outcome)
{
    const struct connection *connection = handle->connection;
    circuit_report(handle->circuit, &connection->retry, connection->definition, outcome, handle->is_probe,
                   handle->trouble);
}

/* Nobody waits for the end of a probe, which may be that of a long file. */
static void tell_circuit(struct handle *handle)
{
    if (!handle->is_probe || !has_answered(handle))
        return;
    report(handle, CIRCUIT_ANSWERED);
    handle->is_probe = false;
}

/* libcurl calls this many times a second while anything moves, and once a second otherwise. */
static int handle_watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                        curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    struct handle *handle = context;
    tell_circuit(handle);
    if (handle->abandoned && atomic_load_explicit(handle->abandoned, memory_order_relaxed))
        return 1;
    if (!handle->call)
        return 0;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - handle->looked_ms < LOOK_INTERVAL_MS)
        return 0;
    handle->looked_ms = now_ms;
    struct error err = {0};
    if (call_goes_on(handle->call, &err))
        return 0;
    handle->is_stopped = err.kind == ERROR_CANCELLED;
    handle->is_late = err.kind == ERROR_TIMEOUT;
    return 1;
}

static void handle_set_protocols(struct handle *handle)
{
    const struct connection *connection = handle->connection;
    const char *protocols = "http,https";
    switch (connection->type) {
    case CONNECTION_FTP:
        protocols = "ftp,ftps";
        break;
    case CONNECTION_SFTP:
        protocols = "sftp";
        break;
    case CONNECTION_SMTP:
        protocols = "smtp,smtps";
        break;
    case CONNECTION_OBJECT_STORAGE:
    case CONNECTION_REST:
    case CONNECTION_LOCAL:
        break;
    }
    curl_easy_setopt(handle->easy, CURLOPT_PROTOCOLS_STR, protocols);
}

static void handle_set_tls(struct handle *handle)
{
    const struct connection *connection = handle->connection;
    CURL *easy = handle->easy;
    /* Uploads over TLS 1.3 arrive cut off: libcurl 7.88.1 closes the data connection with session
     * tickets unread, and the reset that follows takes the tail with it. */
    bool is_ftp = connection->type == CONNECTION_FTP;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                     is_ftp ? (long)CURL_SSLVERSION_TLSv1_2 | (long)CURL_SSLVERSION_MAX_TLSv1_2
                            : (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, connection->tls_verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, connection->tls_verify ? 2L : 0L);
    if (connection->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, connection->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* only what was named is trusted */
    }
    bool is_url = connection->url != NULL;
    if (!is_url && connection->type != CONNECTION_SFTP)
        curl_easy_setopt(easy, CURLOPT_USE_SSL,
                         connection->tls == TLS_NONE ? (long)CURLUSESSL_NONE
                                                     : (long)CURLUSESSL_ALL);
}

static void handle_set_timeouts(struct handle *handle)
{
    const struct connection *connection = handle->connection;
    CURL *easy = handle->easy;
    long stall_s = ((long)connection->stall_timeout_ms + 999) / 1000;
    if (connection->connect_timeout_ms)
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connection->connect_timeout_ms);
    if (stall_s > 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall_s);
        curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, stall_s);
    }
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_IDLE_S);
}

/* On a handle that is new or reset. */
static void handle_set_options(struct handle *handle)
{
    CURL *easy = handle->easy;
    handle->perform = NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->detail);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, handle_watch);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, handle);
    handle_set_protocols(handle);
    handle_set_tls(handle);
    handle_set_timeouts(handle);
}

void handle_reset(struct handle *handle)
{
    curl_easy_reset(handle->easy);
    handle_free_lists(handle);
    handle_set_options(handle);
}

struct handle *pool_acquire(struct transfer *transfer, const struct connection *connection,
                            const struct transfer_call *call, struct error *err)
{
    if (!call_goes_on(call, err))
        return NULL;
    struct handle *handle = pool_take_idle(transfer, connection->name);
    bool was_used = handle != NULL;
    if (!handle)
        handle = handle_new(transfer, connection->name);
    if (!handle) {
        error_set(err, ERROR_INTERNAL, "connection '%s': out of memory", connection->name);
        return NULL;
    }
    metric_add(METRIC_HANDLES_BUSY, 1);
    handle->connection = connection;
    handle->call = call;
    handle->was_used = was_used;
    handle->keep = true;
    handle->is_probe = false;
    handle_note(handle, CIRCUIT_NOTHING, "");
    circuit_define(handle->circuit, connection->definition);
    if (!call || circuit_admit(handle->circuit, &handle->is_probe, err)) {
        handle_set_options(handle); /* pool_release has reset it */
        return handle;
    }
    pool_release(transfer, handle);
    return NULL;
}

void pool_release(struct transfer *transfer, struct handle *handle)
{
    if (!handle)
        return;
    metric_add(METRIC_HANDLES_BUSY, -1);
    report(handle, handle->outcome);
    curl_easy_reset(handle->easy); /* nothing of the last user's stays: callbacks, secrets */
    handle_free_lists(handle);
    handle->connection = NULL;
    handle->call = NULL;
    handle->abandoned = NULL;
    if (!handle->keep) {
        handle_free(handle);
        return;
    }
    size_t same = 0;
    pthread_mutex_lock(&transfer->lock);
    for (const struct handle *idle = transfer->idle; idle; idle = idle->next)
        same += strcmp(idle->name, handle->name) == 0;
    bool has_room = same < POOL_IDLE_MAX;
    if (has_room) {
        handle->next = transfer->idle;
        transfer->idle = handle;
        metric_add(METRIC_HANDLES_IDLE, 1);
    }
    pthread_mutex_unlock(&transfer->lock);
    if (!has_room)
        handle_free(handle);
}

void pool_clear(struct transfer *transfer)
{
    pthread_mutex_lock(&transfer->lock);
    struct handle *handle = transfer->idle;
    transfer->idle = NULL;
    pthread_mutex_unlock(&transfer->lock);
    while (handle) {
        struct handle *next = handle->next;
        handle_free(handle);
        metric_add(METRIC_HANDLES_IDLE, -1);
        handle = next;
    }
}

bool handle_login(struct handle *handle, struct error *err)
{
    const struct connection *connection = handle->connection;
    if (connection->user && text_has_control(connection->user))
        return connection_error(connection, err, ERROR_INVALID, "the user holds a control byte");
    if (connection->user)
        curl_easy_setopt(handle->easy, CURLOPT_USERNAME, connection->user);
    struct buf secret;
    buf_init(&secret, SECRET_SIZE_MAX);
    bool ok = secret_read(connection, "password", &connection->password, &secret, err);
    if (ok && (text_has_control(buf_text(&secret)) || strlen(buf_text(&secret)) != secret.size))
        ok = connection_error(connection, err, ERROR_INVALID, "the password holds a control byte");
    if (ok && secret.size > 0)
        curl_easy_setopt(handle->easy, CURLOPT_PASSWORD, buf_text(&secret));
    if (secret.data)
        explicit_bzero(secret.data, secret.capacity);
    buf_release(&secret);
    return ok;
}

bool handle_append(struct handle *handle, size_t index, const char *text, struct error *err)
{
    return header_list_add(&handle->lists[index], text) ||
           connection_error(handle->connection, err, ERROR_INTERNAL, "out of memory");
}

void handle_note(struct handle *handle, enum circuit_outcome outcome, const char *why)
{
    handle->outcome = outcome;
    snprintf(handle->trouble, sizeof handle->trouble, "%s", why);
}

/* What a verdict tells of the peer. Everything that is not listed needed an answer of it. */
static enum circuit_outcome outcome_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_FAIL_REWIND:
        return CIRCUIT_FAILED;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR:
    case CURLE_READ_ERROR:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return CIRCUIT_NOTHING;
    default:
        return CIRCUIT_ANSWERED;
    }
}

CURLcode handle_perform(struct handle *handle)
{
    handle->detail[0] = '\0';
    handle->key_problem[0] = '\0';
    handle->is_stopped = false;
    handle->is_late = false;
    handle->looked_ms = 0;
    CURLcode code = handle->perform ? handle->perform(handle) : handle_run(handle);
    handle_note(handle, outcome_of(code),
                code == CURLE_OK       ? ""
                : handle->detail[0] ? handle->detail
                                       : curl_easy_strerror(code));
    tell_circuit(handle);
    return code;
}
