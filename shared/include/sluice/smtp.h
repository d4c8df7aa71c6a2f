/* SPDX-License-Identifier: MIT */
/* Mail. The host encodes text as MIME needs it and refuses malformed addresses. */
#ifndef SLUICE_SMTP_H
#define SLUICE_SMTP_H
#include <stddef.h>
#include <stdint.h>

/* Sends one plain-text mail; to is a comma separated list. Negative enum sluice_status: INVALID (an
 * address is malformed), DENIED, UNAVAILABLE, REFUSED (by the mail server), TIMEOUT, LIMIT. */
int32_t smtp_send(const char *connection, const char *from, const char *to, const char *subject,
                  const char *body, size_t body_size);
#endif
