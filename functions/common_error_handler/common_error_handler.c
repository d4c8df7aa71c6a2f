/* SPDX-License-Identifier: MIT */
/*
 * OU CCS DACS Common Error Handler: the child flow that tells the administrators of a technical
 * error by mail, if the configuration wants it. Takes the JSON message that notify_error (shared/)
 * writes; every member is optional. Answers 200 {"sent", "reason"?}, also when no mail is wanted.
 */
#include <string.h>

#include "sluice/fault.h"
#include "sluice/flow.h"
#include "sluice/lookup.h"
#include "sluice/notify.h"

#define SUBJECT_SIZE_MAX 160u

struct row {
    const char *label, *member;
};

static void add_rows(const cJSON *message, const struct row *rows, size_t count, struct text *body)
{
    struct text value = {0};
    for (size_t i = 0; i < count; i++) {
        text_clear(&value);
        json_member_text(message, rows[i].member, &value);
        notify_row(body, rows[i].label, text_string(&value));
    }
    text_release(&value);
}

static void add_paragraph(const cJSON *message, const char *heading, const char *member,
                          struct text *body)
{
    struct text value = {0}, shown = {0};
    if (json_member_text(message, member, &value)) {
        text_add_printable(&shown, text_string(&value), FAULT_DETAIL_SIZE_MAX);
        text_add_format(body, "\n%s\n", heading);
        text_add_wrapped(body, text_string(&shown), 2, NOTIFY_COLUMNS);
    }
    text_release(&value);
    text_release(&shown);
}

static void compose_subject(const cJSON *message, struct text *subject)
{
    struct text name = {0}, reason = {0};
    if (!json_member_text(message, "integrationName", &name))
        text_set(&name, "a flow");
    if (!json_member_text(message, "reason", &reason))
        text_set(&reason, "see the instance");
    text_set(subject, "[CCS-DACS] Error in ");
    text_add_printable(subject, text_string(&name), SUBJECT_SIZE_MAX / 2);
    text_add(subject, ": ");
    text_add_printable(subject, text_string(&reason), SUBJECT_SIZE_MAX / 2);
    text_release(&name);
    text_release(&reason);
}

static void compose_body(const cJSON *message, struct text *body)
{
    static const struct row where[] = {
        {"Flow", "integrationName"},       {"", "integrationIdentifier"},
        {"Version", "integrationVersion"}, {"Instance", "instanceId"},
        {"Started by", "invokedBy"},       {"Started", "startTime"},
        {"Failed", "errorTime"},
    };
    static const struct row what[] = {
        {"Error code", "errorCode"},
        {"Connection", "connection"},
        {"Activity", "activity"},
        {"File", "fileName"},
    };
    text_add_wrapped(body, "A flow of the CCS-DACS integration stopped at a technical error.", 0,
                     NOTIFY_COLUMNS);
    text_add(body, "\n");
    add_rows(message, where, sizeof where / sizeof where[0], body);
    add_paragraph(message, "What failed", "reason", body);
    add_rows(message, what, sizeof what / sizeof what[0], body);
    add_paragraph(message, "Detail", "details", body);
    add_paragraph(message, "What to do next", "nextStep", body);
}

/* Both properties decide; the guide gives "email" as the type and speaks of "true", too. */
static const char *reason_for_silence(void)
{
    struct text type = {0};
    const char *reason = NULL;
    if (!lookup_flag("notification.email.error.flag"))
        reason = "notification.email.error.flag is false";
    else if (lookup_text(LOOKUP_CONFIG, "notification.type.email", "notification.type.email.flag",
                         &type) &&
             !word_is_same(text_string(&type), "email") &&
             !word_is_same(text_string(&type), "true"))
        reason = "notification.type.email is neither email nor true";
    text_release(&type);
    return reason;
}

static int answer(bool is_sent, const char *reason)
{
    struct text out = {0};
    cJSON *document = json_object();
    cJSON_AddBoolToObject(document, "sent", is_sent);
    if (reason)
        json_add_text(document, "reason", reason);
    json_print(document, &out);
    flow_respond(200, out.data, out.size);
    return FLOW_DONE;
}

int main(void)
{
    struct text input = {0}, why = {0}, subject = {0}, body = {0};
    struct fault fault = {0};

    /* 1. Another flow reports a technical error. */
    flow_input(&input);
    cJSON *message = json_read(text_string(&input), input.size, &why);
    if (!cJSON_IsObject(message)) {
        fault_set(&fault, "invalid_message", "The message cannot be used", "The message %s.",
                  message ? "is not a JSON object" : text_string(&why));
        return fault_respond(&fault, 400);
    }

    /* 2. A mail goes out if both properties say so. */
    const char *reason = reason_for_silence();
    if (reason)
        return answer(false, reason);
    compose_subject(message, &subject);
    compose_body(message, &body);
    if (!notify_mail(NOTIFY_TO_TECHNICAL, text_string(&subject), &body, &fault))
        return fault_respond(&fault, 502);
    return answer(true, NULL);
}
