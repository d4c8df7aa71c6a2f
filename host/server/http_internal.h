/* SPDX-License-Identifier: MIT */
/*
 * Inside of the HTTP server: what its files share. http_server.c is its life, http_request.c the way
 * of one request, http_body.c a body that is handled while it comes.
 *
 * Who a request belongs to is its stage, changed by atomic exchange:
 *   RECEIVING   the thread of the sockets
 *   RUNNING     a pool thread; the connection is suspended
 *   STREAMING   both: a pool thread reads the body from the ring that the thread of the sockets fills
 *   WAITING     as RUNNING, after a body that streamed has come to its end
 *   ANSWERED    the thread of the sockets again
 *   ABANDONED   a pool thread, to the end: the connection is gone
 */
#ifndef SERVER_HTTP_INTERNAL_H
#define SERVER_HTTP_INTERNAL_H
#include <microhttpd.h>
#include <stdatomic.h>

#include "server/http_leaving.h"
#include "base/metrics.h"
#include "server/http_peers.h"
#include "server/http_server.h"
#include "server/http_strict.h"
#include "server/work_queue.h"
#include "transfer/ring.h"

#define HTTP_URL_SIZE 320

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct work_queue *queue;
    char url[HTTP_URL_SIZE];
    struct peers peers;
    struct leaving leaving;
    unsigned streams_max;
    atomic_uint streams; /* bodies that stream into a pool thread */
    atomic_size_t busy, bodies_size;
    atomic_bool is_quiet;
    int64_t accept_told_ms; /* when a line last said that none can be accepted; its own thread only */
    int listen_fd; /* ours again after quiesce, else -1 */
};

static inline void http_count(const struct http_server *server, enum metric metric, int delta)
{
    if (server->options.is_counted)
        metric_add(metric, delta);
}

enum request_stage {
    REQUEST_RECEIVING,
    REQUEST_RUNNING,
    REQUEST_STREAMING,
    REQUEST_WAITING,
    REQUEST_ANSWERED,
    REQUEST_ABANDONED,
};

struct request {
    struct http_exchange exchange; /* first */
    struct http_server *server;
    struct MHD_Connection *connection;
    struct peer *peer; /* thread of the sockets only, as all up to stage */
    size_t target_size; /* of the target as it came */
    bool is_target;     /* and whether it is one */
    struct http_framing framing;
    size_t ceiling;
    bool has_begun;     /* its header is complete */
    bool has_continued; /* its body is being read, if it has one */
    bool is_over;       /* its body has come to the end */
    uint64_t dropped;   /* bytes of a body that nobody wants */
    int64_t drop_until_ms; /* 0: nothing was dropped yet */
    _Atomic(int) stage;
    struct ring ring;     /* of a body that streams */
    atomic_bool is_cut;   /* the connection ended before that body */
    struct buf fields;    /* of it, too, as the next two: copies of what came with the header */
    char *method, *path;
};

static inline struct request *request_of(struct http_exchange *exchange)
{
    return (struct request *)exchange; /* its first member */
}

/* ---- http_request.c: callbacks of the library, the way of one request ---- */

void *http_on_target(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_on_request(void *server, struct MHD_Connection *connection, const char *target,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **state);
void http_on_completed(void *server, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode how);
/* Of the pool's threads. */
void http_run_request(void *server, void *request);

/* ---- http_body.c ---- */

/* Makes the exchange independent of its connection, which may end while it is run. false: no memory. */
MUST_USE bool http_body_open(struct request *request);
void http_body_release(struct request *request); /* zeroed is fine */
/* Value of a header field or query argument (kind) of a request that streams; NULL: none. */
const char *http_body_field(const struct request *request, enum MHD_ValueKind kind, const char *name);
/* Takes off data what fits, or all of it when nobody reads. If something is left, the connection is
 * suspended until there is room. */
void http_body_take(struct request *request, const char *data, size_t *size);
/* No more bytes will come: the body is whole, or was cut. */
void http_body_end(struct request *request, bool is_whole);
/* By the pool thread: it reads no more. */
void http_body_stop(struct request *request);
#endif
