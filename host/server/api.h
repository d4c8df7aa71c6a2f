/* SPDX-License-Identifier: MIT */
/*
 * OIC's developer API under /ic/api/integration/v1: integrations, connections, lookups, monitoring.
 * What it answers is one table of operations (api_call.h), from which requests are routed and the
 * OpenAPI document is written. Thread-safe after api_open.
 */
#ifndef SERVER_API_H
#define SERVER_API_H
#include "flow/flow.h"
#include "server/http_server.h"
#include "server/role.h"

struct api;

struct api_options {
    struct service *service;            /* borrowed */
    bool (*should_stop)(void *context); /* ends resubmissions that go on; NULL: never */
    void *context;
};

MUST_USE bool api_open(struct api **out, const struct api_options *options, struct error *err);
/* Ends what waits; what runs is waited for (api_busy). NULL is fine. */
void api_close(struct api *api);

/* Whether the API answers at path: all below /ic/api/integration/v1/ but triggers, and /openapi.json. */
bool api_is_at(const char *path);

/* On the thread of the sockets: the ceiling of the body. */
size_t api_body_max(const struct http_exchange *exchange);
/* What the caller must be able to do; see roles_include. */
enum role api_role(const struct http_exchange *exchange);
/* On a pool thread, once the caller is known and admitted. */
void api_answer(struct api *api, const char *user, struct http_exchange *exchange);

/* Resubmissions that wait or go on in the background. */
size_t api_busy(struct api *api);
#endif
