/* SPDX-License-Identifier: MIT */
/*
 * The two Object Storage services and CCS's REST endpoint as one function each: a request that has
 * arrived whole, and the answer to it.
 */
#ifndef SIMULATION_SERVER_HTTP_H
#define SIMULATION_SERVER_HTTP_H
#include "curl_easy.h"

#define HEADERS_MAX 12

struct request {
    enum server server;
    char method[16];
    const char *path, *query; /* as in the request line; query "" if none */
    const struct curl_slist *headers;
    struct buf body;
};

struct answer {
    int status;
    struct buf headers; /* "name: value\r\n" */
    struct buf body;
    int64_t length; /* Content-Length of an answer without body (HEAD); -1: that of body */
};

/* The value of a request's header; NULL: it has none. */
const char *request_header(const struct request *request, const char *name);
/* A query parameter, decoded; false: it has none. */
bool request_parameter(const struct request *request, const char *name, char *out, size_t room);

void answer_init(struct answer *answer);
void answer_release(struct answer *answer);
void answer_clear(struct answer *answer);
void answer_header(struct answer *answer, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* {"code": ..., "message": ...} */
void answer_refuse(struct answer *answer, int status, const char *code, const char *message);

void object_serve(const struct request *request, struct answer *answer);
/* Time has passed without the host: a rule of the bucket, or an administrator, ends uploads. */
void object_forget_uploads(void);
void ccs_serve(const struct request *request, struct answer *answer);

/* Whether the request would change something. */
bool request_changes(const struct request *request);
#endif
