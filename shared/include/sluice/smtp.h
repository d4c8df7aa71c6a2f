/* SPDX-License-Identifier: MIT */
/* Mail. The host encodes text as MIME needs it and refuses malformed addresses. */
#ifndef SLUICE_SMTP_H
#define SLUICE_SMTP_H
#include <stddef.h>
#include <stdint.h>

/* Hands one plain-text mail over for delivery; to is a comma separated list. Success: the host keeps it and
 * sends it when it can. Negative enum sluice_status: INVALID (an address is malformed), DENIED (no grant),
 * LIMIT (too long, or the outbox is full), UNAVAILABLE (the host cannot keep it). */
int32_t smtp_send(const char *connection, const char *from, const char *to, const char *subject,
                  const char *body, size_t body_size);
#endif
