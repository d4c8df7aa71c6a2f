/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 on libmicrohttpd: one thread for all sockets, a bounded pool of threads for requests.
 * A request is received whole (up to its ceiling) and handled on a pool thread while its connection
 * is suspended; or, if the handler says so, handled from its header on, its body being read while it
 * comes, in constant memory. Every connection has deadlines for the next header, for the rest of a
 * request, for the silence of a client that streams and for taking the answer; what runs is bounded
 * by the flow's own limits. A request that two readers could understand differently is refused
 * (http_strict.h).
 *
 * Of a body that nobody wants, HTTP_DROP_SIZE_MAX bytes are read for the sake of the connection; with a
 * larger one, or in chunks, the answer comes at once and the connection ends. The library cannot answer
 * while it reads: a body that turns out too large is dropped that far, the rest of one that streamed
 * for HTTP_DROP_MS.
 */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H
#include <netinet/in.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define HTTP_HEADER_SIZE_MAX (20u << 10)      /* first line and fields of one request */
#define HTTP_CONNECTION_MEMORY (32u << 10)    /* for the header and what is received of a body; not
                                                 more: the library would map and unmap it */
#define HTTP_PLATFORM_HEADER_SIZE_MAX (2u << 20) /* through listen_fd: a caller's fields, of which the */
#define HTTP_PLATFORM_MEMORY (4u << 20)          /* platform takes 1 MiB, with its own around them */
#define HTTP_STREAM_RING_SIZE (1u << 20)      /* for one body that streams */
#define HTTP_DROP_SIZE_MAX (16u << 20)
#define HTTP_DROP_MS 600000
#define HTTP_CONNECTIONS_EXTRA 64u            /* over connections_max, to be told that */
#define HTTP_CHALLENGE "Basic realm=\"sluice\", charset=\"UTF-8\"" /* value of WWW-Authenticate */
#define HTTP_ADDRESS_SIZE (INET6_ADDRSTRLEN + 8)

struct http_answer {
    int status; /* 0: not answered yet */
    char content_type[128];
    struct buf body;
    const char *allow;        /* value of Allow, or NULL; static */
    bool challenge;           /* adds WWW-Authenticate: Basic */
    unsigned retry_after_s;   /* 0: no Retry-After */
    char instance[64];        /* "" or the execution that answered, as Sluice-Instance */
    struct buf fields;        /* further header fields, "Name: value\n" each; http_answer_field */
};

/* One request. Texts are borrowed until it is answered; NULL where the client sent none. */
struct http_exchange {
    const char *method, *path, *authorization, *content_type;
    char address[HTTP_ADDRESS_SIZE]; /* of the peer, without port */
    uint64_t body_size; /* as the header tells it; HTTP_BODY_SIZE_UNKNOWN: in chunks */
    bool streams; /* set by begin: run reads the body with http_exchange_read */
    struct buf body;
    bool is_too_large; /* the body passed its ceiling and was not kept */
    struct http_answer answer;
};

#define HTTP_BODY_SIZE_UNKNOWN UINT64_MAX

/* Value of a header field, or NULL; name in any case. Borrowed until the request is answered. */
const char *http_exchange_field(const struct http_exchange *exchange, const char *name);
/* Appends the values of all header fields of that name to out, joined by ',' (RFC 9110, 5.3), and gives
 * its text; NULL: there is no such field. */
const char *http_exchange_fields(const struct http_exchange *exchange, const char *name,
                                 struct buf *out);
/* Value of a query argument with percent signs and '+' decoded; false: absent, over value_size, or
 * decoded to bytes that are not UTF-8 text without control characters. */
bool http_exchange_argument(const struct http_exchange *exchange, const char *name, char *value,
                            size_t value_size);
/* Whether there is such an argument at all, whatever it holds. */
bool http_exchange_has_argument(const struct http_exchange *exchange, const char *name);

enum http_read { HTTP_READ_BYTES, HTTP_READ_END, HTTP_READ_WAIT, HTTP_READ_CUT };

/* By run, if the exchange streams: the next bytes of the body. HTTP_READ_BYTES and *got in 1..size;
 * HTTP_READ_END: the body is whole; HTTP_READ_WAIT: nothing came within wait_ms; HTTP_READ_CUT: the
 * client has gone or was silent too long. The first call makes the client send (100 Continue). */
enum http_read http_exchange_read(struct http_exchange *exchange, char *buffer, size_t size,
                                  int wait_ms, size_t *got);
/* Adds a header field to the answer; value must hold no control byte. */
void http_answer_field(struct http_answer *answer, const char *name, const char *value);

struct http_handler {
    void *context;
    /* On the thread of the sockets, must not block: gives the ceiling of the body, or sets streams.
     * May answer at once by setting answer.status; nobody wants the body then. */
    size_t (*begin)(void *context, struct http_exchange *exchange);
    /* On a pool thread: must set answer.status. */
    void (*run)(void *context, struct http_exchange *exchange);
    /* Too many connections, requests that wait for a thread, bodies that stream (half as many as
     * there are threads), or bytes of bodies (bodies_size_max): must set answer.status. */
    void (*refuse)(void *context, struct http_exchange *exchange);
    void (*thread_end)(void); /* on each pool thread before it ends */
};

struct http_server_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0: any free one; NULL: listen_fd, a platform's,
                           which opens one connection at a time */
    int listen_fd; /* a socket that listens already, of any family; the server's once it is open */
    const char *certificate, *key; /* PEM files; both NULL: no TLS */
    unsigned workers, connections_max, waiting_max;
    size_t bodies_size_max; /* bodies of all requests that are in memory */
    int64_t header_ms;  /* deadline for the next header, from the end of the last answer */
    int64_t request_ms; /* for the rest of a request, and for taking an answer */
    int64_t stall_ms;   /* for the next bytes of a body that streams */
    bool is_counted;    /* in the metrics of connections, requests and workers */
    int malformed_status; /* of what http_strict.h refuses; 0: the fitting one */
    struct http_handler handler;
};

struct http_server;

/* Listens when it returns. ERROR_INVALID: address, certificate or key; ERROR_EXISTS: in use.
 * Raises the process's limit of open files as far as it needs and may; what does not fit into it is
 * said in the log, and fewer connections are taken. ERROR_LIMIT: not even one fits. */
MUST_USE bool http_server_open(struct http_server **out, const struct http_server_options *options,
                               struct error *err);
/* "http://127.0.0.1:8080". Borrowed. */
const char *http_server_url(const struct http_server *server);
/* Ends connections whose deadline passed; call a few times a second. */
void http_server_tick(struct http_server *server);
/* Reads certificate and key again; the old ones stay in force on error. */
MUST_USE bool http_server_reload(struct http_server *server, struct error *err);
/* Accepts nothing more; answers carry Connection: close from here. */
void http_server_quiesce(struct http_server *server);
/* Requests that have begun and are not answered. */
size_t http_server_busy(struct http_server *server);
/* Ends the connections that wait for a request or the rest of one; answers: also those whose client
 * does not take its answer. */
void http_server_cut_waiting(struct http_server *server, bool answers);
/* Only when nothing is busy: stops all threads. NULL is fine. */
void http_server_close(struct http_server *server);

/* http_listen.c: a listening socket; *url is filled with scheme, address and real port. */
MUST_USE bool http_listen(const char *address, const char *scheme, int *fd, char *url,
                          size_t url_size, struct error *err);
/* http_listen.c: raises the limit of open files to wanted, or as far as it may; gives what it is. */
uint64_t http_raise_descriptors(uint64_t wanted);
#endif
