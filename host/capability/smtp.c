/* SPDX-License-Identifier: MIT */
/* Capability smtp: one plain-text mail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capability/handlers.h"
#include "capability/journal.h"
#include "capability/watch.h"

#define MESSAGE_ID_SIZE 160

/* The same notice gets the same id however often it is sent: instance, count, domain of the sender. */
static void make_message_id(struct execution *execution, const char *from, char id[MESSAGE_ID_SIZE])
{
    const char *at = strrchr(from, '@');
    char domain[80] = "sluice.invalid";
    size_t length = at ? strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.-")
                       : 0;
    if (length > 0)
        snprintf(domain, sizeof domain, "%.*s", (int)length, at + 1);
    snprintf(id, MESSAGE_ID_SIZE, "%s.%llu@%s", execution->instance,
             (unsigned long long)++execution->mails, domain);
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
        error_set(&call->error, ERROR_LIMIT, "out of memory");
    return copy;
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
    struct mail_refusals refusals;
    /* In doubt it is sent again: under the same Message-ID, by which readers know it. */
    if (!journal_announce(call, message_id, strlen(message_id), JOURNAL_ON_DISK))
        return call_failed(call);
    if (!mail_send(execution->environment->transfer, call->connection, &mail, &call->transfer,
                   &refusals, &call->error)) {
        mail_refusals_release(&refusals);
        return call_failed(call);
    }
    struct buf note;
    buf_init(&note, SLUICE_TEXT_SIZE_MAX * 2);
    buf_printf(&note, "to %s, Message-ID <%s>", mail.to, message_id);
    if (refusals.words)
        buf_printf(&note, "; refused by the server: %s", refusals.words);
    call->note = arena_copy(&execution->scratch, buf_text(&note), note.size);
    buf_release(&note);
    mail_refusals_release(&refusals);
    watch_notice(execution->watch, mail.subject, mail.to);
    return SLUICE_OK;
}
