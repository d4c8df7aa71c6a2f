/* SPDX-License-Identifier: MIT */
/*
 * The server's certificate and key, replaceable while it runs. A new pair is used by the next
 * handshake; older ones are kept until the end because handshakes may still be using them.
 * One per process: the library's callback carries no context. Thread-safe.
 */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H
#include <gnutls/abstract.h>

#include "base/error.h"

/* TLS 1.2 and later only. */
#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* ERROR_INVALID or ERROR_NOT_FOUND names the file; the pair in force stays. */
MUST_USE bool http_tls_load(const char *certificate, const char *key, struct error *err);
void http_tls_release(void);

gnutls_certificate_retrieve_function2 http_tls_retrieve;
#endif
