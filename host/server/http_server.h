/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 on libmicrohttpd: one thread for all sockets, a bounded pool of threads for requests.
 * A request is received whole (up to its ceiling), handled on a pool thread while its connection is
 * suspended, and answered. Every connection has a deadline for the next whole request and for
 * taking the answer; what runs is bounded by the flow's own limits.
 */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H
#include <netinet/in.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define HTTP_HEADER_SIZE_MAX (32u << 10)      /* request line and fields of one request */
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
    struct buf body;
    bool is_too_large; /* the body passed its ceiling and was not kept */
    struct http_answer answer;
};

/* Value of a header field, or NULL; name in any case. Borrowed until the request is answered. */
const char *http_exchange_field(const struct http_exchange *exchange, const char *name);
/* Value of a query argument with percent signs and '+' decoded; false: absent, over value_size, or
 * decoded to bytes that are not UTF-8 text without control characters. */
bool http_exchange_argument(const struct http_exchange *exchange, const char *name, char *value,
                            size_t value_size);
/* Adds a header field to the answer; value must hold no control byte. */
void http_answer_field(struct http_answer *answer, const char *name, const char *value);

struct http_handler {
    void *context;
    /* On the thread of the sockets, must not block: gives the ceiling of the body. May answer at
     * once by setting answer.status; the body is then read and dropped. */
    size_t (*begin)(void *context, struct http_exchange *exchange);
    /* On a pool thread: must set answer.status. */
    void (*run)(void *context, struct http_exchange *exchange);
    /* The pool is full, or bodies take bodies_size_max: must set answer.status. */
    void (*refuse)(void *context, struct http_exchange *exchange);
    void (*thread_end)(void); /* on each pool thread before it ends */
};

struct http_server_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0: any free one; NULL: listen_fd */
    int listen_fd; /* a socket that listens already, of any family; the server's once it is open */
    const char *certificate, *key; /* PEM files; both NULL: no TLS */
    unsigned workers, connections_max, waiting_max;
    size_t bodies_size_max; /* bodies of all requests that are in memory */
    int64_t request_ms; /* deadline for a whole request, and for taking an answer */
    struct http_handler handler;
};

struct http_server;

/* Listens when it returns. ERROR_INVALID: address, certificate or key; ERROR_EXISTS: in use. */
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
/* Only when nothing is busy: stops all threads. NULL is fine. */
void http_server_close(struct http_server *server);

/* http_listen.c: a listening socket; *url is filled with scheme, address and real port. */
MUST_USE bool http_listen(const char *address, const char *scheme, int *fd, char *url,
                          size_t url_size, struct error *err);
#endif
