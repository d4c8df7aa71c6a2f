/* SPDX-License-Identifier: MIT */
/*
 * Connections and exchanges over libmicrohttpd; see http_server.h. An exchange belongs to the
 * thread of the sockets, except while its connection is suspended: then to one pool thread.
 */
#include "server/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "server/http_tls.h"
#include "server/work_queue.h"

#define URL_SIZE 320

/* Of one connection: when the deadline began; 0 while a request runs. */
struct peer {
    int fd;
    int64_t since_ms;
    struct peer *next, **link;
};

enum stage { STAGE_RECEIVING, STAGE_RUNNING, STAGE_DONE };

struct request {
    struct http_exchange exchange; /* first */
    struct http_server *server;
    struct MHD_Connection *connection;
    _Atomic(int) stage;
    size_t ceiling;
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct work_queue *queue;
    char url[URL_SIZE];
    pthread_mutex_t mutex; /* peers */
    struct peer *peers;
    atomic_size_t busy, bodies_size;
    atomic_bool is_quiet;
    int listen_fd; /* ours again after quiesce, else -1 */
};

/* ---- connections and their deadlines ---- */

static void set_since(struct http_server *server, struct MHD_Connection *connection, int64_t since)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info ? info->socket_context : NULL;
    if (!peer)
        return;
    pthread_mutex_lock(&server->mutex);
    peer->since_ms = since;
    pthread_mutex_unlock(&server->mutex);
}

static void add_peer(struct http_server *server, struct peer *peer)
{
    peer->since_ms = clock_monotonic_ms();
    pthread_mutex_lock(&server->mutex);
    peer->next = server->peers;
    peer->link = &server->peers;
    if (peer->next)
        peer->next->link = &peer->next;
    server->peers = peer;
    pthread_mutex_unlock(&server->mutex);
}

static void remove_peer(struct http_server *server, struct peer *peer)
{
    pthread_mutex_lock(&server->mutex);
    *peer->link = peer->next;
    if (peer->next)
        peer->next->link = peer->link;
    pthread_mutex_unlock(&server->mutex);
    free(peer);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context)
            remove_peer(server, *socket_context);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = info ? calloc(1, sizeof *peer) : NULL;
    *socket_context = peer;
    if (peer) {
        peer->fd = info->connect_fd;
        add_peer(server, peer);
    }
}

void http_server_tick(struct http_server *server)
{
    int64_t latest_ms = clock_monotonic_ms() - server->options.request_ms;
    pthread_mutex_lock(&server->mutex);
    for (struct peer *peer = server->peers; peer; peer = peer->next) {
        if (peer->since_ms == 0 || peer->since_ms > latest_ms)
            continue;
        shutdown(peer->fd, SHUT_RDWR); /* its thread sees the end and closes it */
        peer->since_ms = 0;
    }
    pthread_mutex_unlock(&server->mutex);
}

/* ---- one request ---- */

static const char *field(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct MHD_Connection *connection_of(const struct http_exchange *exchange)
{
    return ((const struct request *)exchange)->connection; /* exchange is its first member */
}

const char *http_exchange_field(const struct http_exchange *exchange, const char *name)
{
    return field(connection_of(exchange), name);
}

bool http_exchange_argument(const struct http_exchange *exchange, const char *name, char *value,
                            size_t value_size)
{
    const char *text =
        MHD_lookup_connection_value(connection_of(exchange), MHD_GET_ARGUMENT_KIND, name);
    return text && text_decode_percent(text, true, value, value_size);
}

void http_answer_field(struct http_answer *answer, const char *name, const char *value)
{
    buf_printf(&answer->fields, "%s: %s\n", name, value);
}

static void name_peer(struct MHD_Connection *connection, char address[HTTP_ADDRESS_SIZE])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *peer = info ? info->client_addr : NULL;
    socklen_t size = peer && peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                         : sizeof(struct sockaddr_in);
    if (peer && peer->sa_family == AF_UNIX)
        snprintf(address, HTTP_ADDRESS_SIZE, "local");
    else if (!peer ||
             getnameinfo(peer, size, address, HTTP_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(address, HTTP_ADDRESS_SIZE, "unknown");
}

static struct request *request_new(struct http_server *server, struct MHD_Connection *connection,
                                   const char *method, const char *path)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    struct http_exchange *exchange = &request->exchange;
    request->server = server;
    request->connection = connection;
    exchange->method = method;
    exchange->path = path;
    exchange->authorization = field(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    exchange->content_type = field(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    name_peer(connection, exchange->address);
    buf_init(&exchange->answer.body, SIZE_MAX / 2);
    buf_init(&exchange->answer.fields, HTTP_HEADER_SIZE_MAX);
    atomic_fetch_add(&server->busy, 1);
    const struct http_handler *handler = &server->options.handler;
    request->ceiling = handler->begin(handler->context, exchange);
    buf_init(&exchange->body, request->ceiling);
    return request;
}

static void request_free(struct request *request)
{
    atomic_fetch_sub(&request->server->bodies_size, request->exchange.body.size);
    atomic_fetch_sub(&request->server->busy, 1);
    buf_release(&request->exchange.body);
    buf_release(&request->exchange.answer.body);
    buf_release(&request->exchange.answer.fields);
    free(request);
}

static void drop_body(struct request *request)
{
    atomic_fetch_sub(&request->server->bodies_size, request->exchange.body.size);
    buf_release(&request->exchange.body);
    buf_init(&request->exchange.body, 0);
}

static void receive(struct request *request, const char *data, size_t size)
{
    struct http_server *server = request->server;
    struct http_exchange *exchange = &request->exchange;
    if (exchange->answer.status != 0 || exchange->is_too_large)
        return;
    if (size > request->ceiling - exchange->body.size) {
        exchange->is_too_large = true;
        drop_body(request);
        return;
    }
    size_t before = exchange->body.size;
    bool fits = atomic_load(&server->bodies_size) + size <= server->options.bodies_size_max;
    if (fits)
        buf_append(&exchange->body, data, size);
    atomic_fetch_add(&server->bodies_size, exchange->body.size - before);
    if (!fits || exchange->body.failed) {
        drop_body(request);
        server->options.handler.refuse(server->options.handler.context, exchange);
    }
}

static void add_further_fields(struct buf *fields, struct MHD_Response *response)
{
    for (char *at = fields->data, *end; at && (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = '\0';
        char *colon = strchr(at, ':'); /* http_answer_field put it there */
        *colon = '\0';
        MHD_add_response_header(response, at, colon + 2);
    }
}

static void add_fields(struct http_server *server, const struct http_answer *answer,
                       struct MHD_Response *response)
{
    char number[16];
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (answer->challenge)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, HTTP_CHALLENGE);
    if (answer->retry_after_s > 0) {
        snprintf(number, sizeof number, "%u", answer->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
    }
    if (answer->instance[0])
        MHD_add_response_header(response, "Sluice-Instance", answer->instance);
    if (atomic_load(&server->is_quiet))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result send_answer(struct request *request)
{
    struct http_answer *answer = &request->exchange.answer;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.size, (void *)buf_text(&answer->body), MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    add_fields(request->server, answer, response);
    add_further_fields(&answer->fields, response);
    set_since(request->server, request->connection, clock_monotonic_ms());
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

static void run_request(void *context, void *item)
{
    struct http_server *server = context;
    struct request *request = item;
    server->options.handler.run(server->options.handler.context, &request->exchange);
    atomic_store(&request->stage, STAGE_DONE);
    MHD_resume_connection(request->connection);
}

static enum MHD_Result hand_over(struct request *request)
{
    struct http_server *server = request->server;
    set_since(server, request->connection, 0);
    atomic_store(&request->stage, STAGE_RUNNING);
    MHD_suspend_connection(request->connection);
    if (!work_queue_submit(server->queue, request)) {
        server->options.handler.refuse(server->options.handler.context, &request->exchange);
        atomic_store(&request->stage, STAGE_DONE);
        MHD_resume_connection(request->connection);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *size, void **state)
{
    (void)version;
    struct request *request = *state;
    if (!request) {
        *state = request_new(context, connection, method, path);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        receive(request, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (atomic_load(&request->stage) == STAGE_RUNNING)
        return MHD_YES;
    if (request->exchange.answer.status == 0)
        return hand_over(request);
    return send_answer(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    (void)how;
    if (!*state)
        return;
    set_since(context, connection, clock_monotonic_ms());
    request_free(*state);
    *state = NULL;
}

/* ---- the server ---- */

static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text); /* so that %00 or %2F never changes what a path says */
}

static void on_log(void *context, const char *format, va_list args) PRINTF_LIKE(2, 0);

static void on_log(void *context, const char *format, va_list args)
{
    (void)context;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_DEBUG, NULL, "http: %s", text);
}

static bool start_daemon(struct http_server *server, int fd, struct error *err)
{
    const struct http_server_options *options = &server->options;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)HTTP_TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)http_tls_retrieve},
        {MHD_OPTION_END, 0, NULL},
    };
    if (!options->certificate)
        tls[0] = tls[2];
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | (options->certificate ? MHD_USE_TLS : 0u);
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEADER_SIZE_MAX,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    return server->daemon || error_set(err, ERROR_INTERNAL, "the HTTP library did not start");
}

static bool open_parts(struct http_server *server, struct error *err)
{
    const struct http_server_options *options = &server->options;
    const struct work_queue_options pool = {
        .thread_count = options->workers,
        .waiting_max = options->waiting_max,
        .run = run_request,
        .thread_end = options->handler.thread_end,
        .context = server,
    };
    int fd = -1;
    if ((options->certificate && !http_tls_load(options->certificate, options->key, err)) ||
        !work_queue_open(&server->queue, &pool, err) ||
        (options->listen && !http_listen(options->listen, options->certificate ? "https" : "http",
                                         &fd, server->url, sizeof server->url, err)))
        return false;
    if (start_daemon(server, options->listen ? fd : options->listen_fd, err))
        return true;
    if (options->listen)
        close(fd);
    return false;
}

bool http_server_open(struct http_server **out, const struct http_server_options *options,
                      struct error *err)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, ERROR_LIMIT, "out of memory");
    server->options = *options;
    server->listen_fd = -1;
    pthread_mutex_init(&server->mutex, NULL);
    if (!open_parts(server, err)) {
        http_server_close(server);
        return false;
    }
    *out = server;
    return true;
}

const char *http_server_url(const struct http_server *server)
{
    return server->url;
}

bool http_server_reload(struct http_server *server, struct error *err)
{
    const struct http_server_options *options = &server->options;
    return !options->certificate || http_tls_load(options->certificate, options->key, err);
}

void http_server_quiesce(struct http_server *server)
{
    atomic_store(&server->is_quiet, true);
    if (server->listen_fd < 0)
        server->listen_fd = MHD_quiesce_daemon(server->daemon);
}

size_t http_server_busy(struct http_server *server)
{
    return atomic_load(&server->busy);
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    work_queue_close(server->queue);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->options.certificate)
        http_tls_release();
    pthread_mutex_destroy(&server->mutex);
    free(server);
}
