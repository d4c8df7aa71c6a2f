/* SPDX-License-Identifier: MIT */
/* Answers that are the server's own, in the fault shape of flow/fault.h. Thread-safe. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H
#include "server/auth.h"
#include "server/http_server.h"

void answer_fault(struct http_answer *answer, int status, const char *code, const char *title,
                  const char *detail);
void answer_json(struct http_answer *answer, int status, const char *json);
/* Gives the header fields that an answer has of itself, apart from its body's length. */
typedef void answer_field_fn(void *context, const char *name, const char *value);
void answer_each_field(const struct http_answer *answer, answer_field_fn *fn, void *context);
/* The status that fits an error that kept a flow from running. */
int answer_status_of(const struct error *err);
/* Tells the caller why it was refused: 401 with WWW-Authenticate (RFC 7617; RFC 6750 3 where tokens are
 * taken), 403, or 429 with Retry-After. role: the one that was needed. */
void answer_refusal(struct http_exchange *exchange, enum auth_verdict verdict, enum role role,
                    bool takes_tokens);
#endif
