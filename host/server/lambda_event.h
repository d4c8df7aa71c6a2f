/* SPDX-License-Identifier: MIT */
/*
 * Events of function URLs and HTTP APIs, payload format version 2.0 (docs.aws.amazon.com: API
 * Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs"; Lambda developer guide,
 * "Invoking function URLs"), and their answers. Cookies are the caller's and the gateway's
 * business: no flow sees or sets one. Pure, thread-safe.
 */
#ifndef SERVER_LAMBDA_EVENT_H
#define SERVER_LAMBDA_EVENT_H
#include "base/json.h"
#include "server/function.h"

/* Whether the event is a request over HTTP. ERROR_UNSUPPORTED by lambda_request_read: format 1.0.
 */
bool lambda_event_is_request(const cJSON *event);

/* The request in an event, as a function event. */
struct lambda_request {
    struct function_event event; /* borrowed from the JSON and from body */
    char *path;                  /* without the stage's name */
    char *body;                  /* decoded, where it was base64; else NULL */
};

/* json is borrowed until release, which must be called in any case. ERROR_INVALID,
 * ERROR_UNSUPPORTED. */
MUST_USE bool lambda_request_read(struct lambda_request *out, const cJSON *json, struct error *err);
void lambda_request_release(struct lambda_request *request);

/* Appends {"statusCode", "headers", "body", "isBase64Encoded"}, or without the body what begins a
 * streamed answer. */
void lambda_answer_format(const struct http_answer *answer, bool with_body, struct buf *out);
#endif
