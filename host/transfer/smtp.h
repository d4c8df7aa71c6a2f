/* SPDX-License-Identifier: MIT */
/* What mail and the connection test share about SMTP: addresses, login, what a failure means. */
#ifndef TRANSFER_SMTP_H
#define TRANSFER_SMTP_H
#include "transfer/smtp_dialogue.h"

/* Sets URL (EHLO name included), login, and a fresh connection on handle, and attaches dialogue. A
 * connection with TLS demands it: no mail and no password in clear. */
MUST_USE bool smtp_prepare(struct handle *handle, struct smtp_dialogue *dialogue,
                           struct error *err);

/* Turns libcurl's verdict and the dialogue into err; returns false. */
bool smtp_fail(struct handle *handle, const struct smtp_dialogue *dialogue, CURLcode code,
               struct error *err);
#endif
