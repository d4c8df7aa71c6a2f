/* SPDX-License-Identifier: MIT */
/*
 * Notices to people: business mails to "to.process.notification", technical ones to "to", and the
 * layout both share. A notice that cannot be sent never changes how a flow ends: these functions
 * log it, say why, and go on.
 */
#ifndef SLUICE_NOTIFY_H
#define SLUICE_NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/fault.h"
#include "sluice/text.h"

#define NOTIFY_CONNECTION "OU SMTP for CCS-DACS"
#define NOTIFY_COLUMNS 76u /* of text: mail software breaks encoded lines there */
#define NOTIFY_ERROR_HANDLER "OUTL-BA-CCS_DACS_ERR_HNDLR"

/* Recipients of LOOKUP_EMAIL. */
#define NOTIFY_TO_BUSINESS "to.process.notification"
#define NOTIFY_TO_TECHNICAL "to"

/* Hands one mail from "from" to the recipients of a property over. false sets fault (missing recipients
 * or sender, or the failed smtp call). */
bool notify_mail(const char *recipients, const char *subject, const struct text *body,
                 struct fault *fault);

/* Tells the administrators of a fault through the error handler flow, which decides by the lookup
 * whether a mail goes out. next_step: what they should do, in sentences. false: the handler could
 * not do its work; why is replaced by the reason. */
bool notify_error(const struct fault *fault, const char *next_step, struct text *why);

/* "[CCS-DACS] Customer Sync FTP Transfer: ": this flow's name without the package's words. */
void notify_subject(struct text *subject);

/* One line "  Label       value"; none if value is empty. */
void notify_row(struct text *body, const char *label, const char *value);

/* The rows that identify this execution: flow, instance, started by, started, ended (now). */
void notify_execution_rows(struct text *body);
#endif
