/* SPDX-License-Identifier: MIT */
/* Capability smtp: one plain-text mail, handed to the outbox. It is sent from there (flow/outbox.h), so
 * that a mail server that is away holds up no flow. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "capability/handlers.h"
#include "capability/journal.h"
#include "capability/watch.h"
#include "store/store_outbox.h"

#define MESSAGE_ID_SIZE 160

/* The same notice gets the same id however often it is handed over: instance, number of the call, domain
 * of the sender. */
static void make_message_id(struct execution *execution, const char *from, char id[MESSAGE_ID_SIZE])
{
    const char *at = strrchr(from, '@');
    char domain[80] = "sluice.invalid";
    size_t length = at ? strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.-")
                       : 0;
    if (length > 0)
        snprintf(domain, sizeof domain, "%.*s", (int)length, at + 1);
    int64_t number = execution->journal ? journal_number(execution->journal)
                                        : (int64_t)++execution->mails;
    snprintf(id, MESSAGE_ID_SIZE, "%s.%lld@%s", execution->instance, (long long)number, domain);
}

/* The body is BYTES, so that it may be long: the guest's own memory, without NUL and unchecked. */
static const char *copy_body(struct call *call)
{
    const struct argument *body = &call->args[4];
    if (!text_is_utf8(body->text, body->size)) {
        error_set(&call->error, ERROR_INVALID, "argument 'body' is not UTF-8 text");
        return NULL;
    }
    const char *copy = arena_copy(&call->execution->scratch, body->text, body->size);
    if (!copy)
        error_out_of_memory(&call->error);
    return copy;
}

static void note_accepted(struct call *call, const struct mail *mail, bool is_held)
{
    struct buf note;
    buf_init(&note, SLUICE_TEXT_SIZE_MAX * 2);
    buf_printf(&note, "accepted for delivery to %s, Message-ID <%s>", mail->to, mail->message_id);
    if (is_held)
        buf_printf(&note, "; held back and told of in a summary, because %d like it were written "
                          "within the hour",
                   STORE_OUTBOX_ALIKE_MAX);
    call->note = arena_copy(&call->execution->scratch, buf_text(&note), note.size);
    buf_release(&note);
}

/* Callers may start flows with an address any number of times, and when CCS is away each of them fails. A
 * scheduled flow runs once at a time and sends one summary per run. */
static bool is_started_by_callers(const struct execution *execution)
{
    while (execution->caller)
        execution = execution->caller;
    return manifest_answers(execution->manifest);
}

/* What kept the store from being written passes. As a result of the call it would stay, and no replay would
 * write the mail. */
static bool add(struct call *call, const struct outbox_mail *row, bool *is_held)
{
    if (store_outbox_add(call->execution->environment->store, row, is_held, &call->error))
        return true;
    if (call->execution->journal && call->error.kind == ERROR_UNAVAILABLE)
        journal_suspend(call);
    return false;
}

/* All that the journal has, this call's intent and the mail are committed together, its result later; a
 * Message-ID is taken once. So after a crash between the two the very same call comes again, and nothing
 * changes. */
static bool put_into_outbox(struct call *call, const struct mail *mail, bool *is_held)
{
    const struct outbox_mail row = {
        .instance = mail->instance,
        .message_id = mail->message_id,
        .connection = call->connection->name,
        .from = mail->from,
        .to = mail->to,
        .subject = mail->subject,
        .body = mail->body,
        .written_ms = clock_wall_ms(),
        .may_be_held = is_started_by_callers(call->execution),
    };
    return mail_check(call->connection, mail, &call->error) &&
           journal_announce(call, mail->message_id, strlen(mail->message_id), JOURNAL_IN_ORDER) &&
           add(call, &row, is_held);
}

int32_t capability_smtp_send(struct call *call)
{
    struct execution *execution = call->execution;
    if (call->connection->type != CONNECTION_SMTP) {
        error_set(&call->error, ERROR_UNSUPPORTED,
                  "connection '%s' is of type \"%s\"; mail needs one of type \"smtp\"",
                  call->connection->name, connection_type_name(call->connection->type));
        return call_failed(call);
    }
    const char *body = copy_body(call);
    if (!body)
        return call_failed(call);
    char message_id[MESSAGE_ID_SIZE];
    bool is_held;
    make_message_id(execution, call->args[1].text, message_id);
    const struct mail mail = {
        .message_id = message_id,
        .from = call->args[1].text,
        .to = call->args[2].text,
        .subject = call->args[3].text,
        .body = body,
        .instance = execution->instance,
    };
    call->subject = mail.subject;
    if (!put_into_outbox(call, &mail, &is_held))
        return call_failed(call);
    note_accepted(call, &mail, is_held);
    watch_notice(execution->watch, mail.subject, mail.to, is_held);
    return SLUICE_OK;
}
