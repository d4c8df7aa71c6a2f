/* SPDX-License-Identifier: MIT */
/* The server's life over libmicrohttpd; see http_server.h and http_internal.h. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "server/http_internal.h"
#include "server/http_tls.h"

#define DESCRIPTORS_PER_WORKER 8u /* two peers with a control and a data connection each, and some */
#define DESCRIPTORS_REST 256u     /* store, modules, idle connections of the transfer layer, log */
#define DESCRIPTORS_PLATFORM 128u /* the same, where one request at a time comes through a given socket */
#define ACCEPT_PAUSE_MS 100       /* between two tries where no descriptor is left */
#define ACCEPT_TOLD_MS 10000      /* between two lines that say so */

/* ---- connections ---- */

/* Whoever hands us a socket opens one connection at a time, and waits for its answers. */
static bool is_platform(const struct http_server_options *options)
{
    return !options->listen;
}

/* To close would throw the answer away while the client still sends. */
static void leave(struct http_server *server, struct peer *peer)
{
    int waiting = 0, fd = peer->fd;
    bool is_slow = peer->leave == LEAVE_SLOWLY || (peer->leave == LEAVE_LOOK &&
                                                   ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0);
    if (!peers_remove(&server->peers, peer) && is_slow && !is_platform(&server->options))
        leaving_add(&server->leaving, fd, clock_monotonic_ms());
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = context;
    http_count(server, METRIC_HTTP_CONNECTIONS, what == MHD_CONNECTION_NOTIFY_CLOSED ? -1 : 1);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context)
            leave(server, *socket_context);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context =
        info ? peers_add(&server->peers, info->connect_fd, clock_monotonic_ms()) : NULL;
}

void http_server_tick(struct http_server *server)
{
    int64_t now_ms = clock_monotonic_ms();
    peers_expire(&server->peers, now_ms);
    leaving_tick(&server->leaving, now_ms);
}

/* ---- the server ---- */

static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text); /* so that %00 or %2F never changes what a path says */
}

static void on_log(void *context, const char *format, va_list args) PRINTF_LIKE(2, 0);

/*
 * Without a connection that could end, the library tries accept(2) again and again while this process has
 * no descriptor left, and logs each try in its thread, which has nothing else to do then: waiting here
 * makes it a few tries in a second.
 */
static void slow_down(struct http_server *server, const char *format)
{
    if (!strstr(format, "busy waiting"))
        return;
    const int64_t now_ms = clock_monotonic_ms();
    if (server->accept_told_ms == 0 || now_ms - server->accept_told_ms > ACCEPT_TOLD_MS) {
        server->accept_told_ms = now_ms;
        log_line(LOG_WARNING, NULL, "http: no connection can be accepted, as this process or the machine "
                 "has no file descriptor or memory left; trying again");
    }
    poll(NULL, 0, ACCEPT_PAUSE_MS);
}

static void on_log(void *context, const char *format, va_list args)
{
    slow_down(context, format);
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
        flags, 0, NULL, NULL, http_on_request, server,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, server,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max + (is_platform(options) ? 0 : HTTP_CONNECTIONS_EXTRA),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(is_platform(options) ? HTTP_PLATFORM_MEMORY : HTTP_CONNECTION_MEMORY),
        MHD_OPTION_URI_LOG_CALLBACK, http_on_target, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, server,
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
        .run = http_run_request,
        .thread_end = options->handler.thread_end,
        .context = server,
        .is_counted = options->is_counted,
    };
    int fd = -1;
    if ((options->certificate && !http_tls_load(options->certificate, options->key, err)) ||
        !work_queue_open(&server->queue, &pool, err) ||
        (!is_platform(options) && !http_listen(options->listen, options->certificate ? "https" : "http",
                                               &fd, server->url, sizeof server->url, err)))
        return false;
    if (start_daemon(server, is_platform(options) ? options->listen_fd : fd, err))
        return true;
    if (fd >= 0)
        close(fd);
    return false;
}

/* Fewer connections where the process may not have as many files. */
static bool fit_descriptors(struct http_server_options *options, struct error *err)
{
    uint64_t rest = (is_platform(options) ? DESCRIPTORS_PLATFORM
                                          : HTTP_CONNECTIONS_EXTRA + LEAVING_MAX + DESCRIPTORS_REST) +
                    DESCRIPTORS_PER_WORKER * (uint64_t)options->workers;
    uint64_t limit = http_raise_descriptors(options->connections_max + rest);
    if (limit >= options->connections_max + rest)
        return true;
    if (limit <= rest)
        return error_set(err, ERROR_LIMIT,
                         "this process may have %llu open files, and needs %llu besides connections: "
                         "raise the limit (ulimit -n, LimitNOFILE)",
                         (unsigned long long)limit, (unsigned long long)rest);
    log_line(LOG_WARNING, NULL, "connections_max is %u, but this process may have %llu open files: "
             "%llu connections are taken; raise the limit (ulimit -n, LimitNOFILE)",
             options->connections_max, (unsigned long long)limit,
             (unsigned long long)(limit - rest));
    options->connections_max = (unsigned)(limit - rest);
    return true;
}

static void init_peers(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    const int64_t limits_ms[PEER_ANSWER + 1] = {
        [PEER_HEADER] = options->header_ms,
        [PEER_BODY] = options->request_ms,
        [PEER_FILE] = options->stall_ms,
        [PEER_ANSWER] = options->request_ms,
    };
    peers_init(&server->peers, options->connections_max, limits_ms);
}

bool http_server_open(struct http_server **out, const struct http_server_options *options,
                      struct error *err)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, ERROR_LIMIT, "out of memory");
    server->options = *options;
    server->listen_fd = -1;
    server->streams_max = options->workers > 1 ? options->workers / 2 : 1;
    leaving_init(&server->leaving);
    bool ok = fit_descriptors(&server->options, err);
    init_peers(server);
    if (!ok || !open_parts(server, err)) {
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
    if (server->listen_fd >= 0)
        return;
    server->listen_fd = MHD_quiesce_daemon(server->daemon);
    shutdown(server->listen_fd, SHUT_RDWR); /* else the kernel goes on accepting, for nobody */
}

size_t http_server_busy(struct http_server *server)
{
    return atomic_load(&server->busy);
}

void http_server_cut_waiting(struct http_server *server, bool answers)
{
    peers_cut_waiting(&server->peers, answers);
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
    leaving_release(&server->leaving);
    peers_release(&server->peers);
    free(server);
}
