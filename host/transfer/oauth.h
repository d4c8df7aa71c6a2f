/* SPDX-License-Identifier: MIT */
/*
 * Access tokens by OAuth 2.0 client credentials (RFC 6749 4.4): fetched once per connection, kept
 * until shortly before they expire, wiped with the transfer. Thread-safe; threads that need the
 * same token at the same time wait for one request, each as long as its own call allows, and share
 * what comes of it, be it a token or a failure.
 */
#ifndef TRANSFER_OAUTH_H
#define TRANSFER_OAUTH_H
#include "transfer/internal.h"

#define OAUTH_TOKEN_SIZE_MAX 16384u
#define OAUTH_ANSWER_SIZE_MAX 65536u
#define OAUTH_LIFE_DEFAULT_S 300 /* of a token whose answer names no expires_in */
#define OAUTH_MARGIN_S 60 /* a token is renewed that long before its end, or at half its life */

/*
 * Appends the connection's token to out. refused (may be NULL) is a token that the service just
 * answered with 401: if it is the kept one, another is fetched. ERROR_DENIED: id or secret refused;
 * ERROR_BROKEN: an answer that is none; else as http_call.
 */
MUST_USE bool oauth_token(struct transfer *transfer, const struct connection *connection,
                          const struct transfer_call *call, const char *refused, struct buf *out,
                          struct error *err);

/* Reads a token answer: appends the token, sets its life in seconds. For tests and fuzzing. */
MUST_USE bool oauth_parse(const char *text, size_t size, struct buf *token, int64_t *life_s,
                          struct error *err);
#endif
