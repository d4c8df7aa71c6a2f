/* SPDX-License-Identifier: MIT */
/*
 * HTTP on top of a pooled handle, as far as REST and Object Storage share it: addresses, headers,
 * and answers that are collected under limits. One thread per exchange.
 */
#ifndef TRANSFER_HTTP_ANSWER_H
#define TRANSFER_HTTP_ANSWER_H
#include "transfer/internal.h"

#define HTTP_HEADERS_SIZE_MAX 65536u /* of one answer */
#define HTTP_TARGET_SIZE_MAX 16384u
#define HTTP_LIST 0 /* which of a handle's lists holds the request's headers */

/* Where a request goes. */
struct http_target {
    struct buf url;    /* whole */
    struct buf target; /* path and query, as in the request line */
    struct buf host;   /* value of Host: no port if it is the scheme's own */
};
void http_target_release(struct http_target *target);

/* Puts path (begins with '/', or "") behind the connection's url. ERROR_INVALID: url missing, not
 * http(s)://host, with user or fragment; path with a byte that no request line may hold. */
MUST_USE bool http_target_build(const struct connection *connection, const char *path,
                                struct http_target *out, struct error *err);

/* Gathers status, headers and body of an answer; body beyond body_size_max ends the transfer. */
struct http_answer {
    struct http_response *response;
    bool is_headers_over, is_body_over;
    bool is_sent;       /* a byte of the request left */
    bool is_body_sent;  /* a byte of its body did */
    bool is_unread;     /* 417: the peer wants the body, which has not left, without being asked before */
    bool is_sent_once;  /* see http_send_once */
    bool is_sent_again; /* would have been */
};

/* Sets URL, HTTP/1.1, where the answer goes, and what notes that the request leaves. Both answer and response
 * outlive the one perform that they are for. */
void http_expect(struct handle *handle, const struct http_target *target,
                 struct http_answer *answer, struct http_response *response, size_t body_size_max);

/* The request's body, borrowed until the perform is over; sent once. */
void http_send_body(struct handle *handle, struct http_answer *answer, const void *body,
                    size_t size);

/* The request as a whole may take the connection's request_timeout, however silent the peer is in it; or: so
 * long may the peer be silent. Without that setting, the connection's stall_timeout stays. */
void http_limit_time(struct handle *handle);
void http_limit_silence(struct handle *handle);

/* Appends "name: value" to the request's headers; a value with control bytes is ERROR_INVALID. */
MUST_USE bool http_header(struct handle *handle, const char *name, const char *value,
                          struct error *err);

/*
 * A request that gets no answer on a kept connection libcurl sends again by itself. Not this one, once a
 * byte of it was sent: the peer may have acted on it. The perform then fails with
 * CURLE_SEND_FAIL_REWIND.
 */
void http_send_once(struct handle *handle, struct http_answer *answer);

/* Performs; true: response->status is set. False: transport failed or a limit was passed; *code is then
 * libcurl's verdict, or one that http_reply_lost takes for what it is: once a byte of the request was sent,
 * every verdict is a lost reply, and before that none, but CURLE_ABORTED_BY_CALLBACK stays. */
MUST_USE bool http_perform(struct handle *handle, struct http_answer *answer, CURLcode *code,
                           struct error *err);

/* The two halves for a body that is somebody else's: keeps bytes (false: they are too many), and what
 * http_perform does once the request has ended with *code. */
bool http_take_body(struct http_answer *answer, const void *bytes, size_t size);
MUST_USE bool http_conclude(struct handle *handle, struct http_answer *answer, CURLcode *code,
                            struct error *err);

/* True for codes of http_perform after which the peer may have acted although no answer came. */
bool http_reply_lost(CURLcode code);

/* True for statuses after which the peer may have acted although it says that it failed: a gateway's
 * that lost the server behind it, and a server's that failed it does not know where. */
bool http_status_is_doubtful(int status);

/* Retry-After (RFC 9110, 10.2.3) of an answer that came at now_s: seconds or a date, at most
 * HTTP_RETRY_AFTER_MS_MAX. 0: there is none, it is over, or it is neither. */
#define HTTP_RETRY_AFTER_MS_MAX 300000u
uint32_t http_retry_after_ms(const struct http_response *response, int64_t now_s);
#endif
