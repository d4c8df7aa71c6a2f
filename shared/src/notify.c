/* SPDX-License-Identifier: MIT */
/* Notices; see notify.h. */
#include "sluice/notify.h"

#include <string.h>

#include "sluice/extend.h"
#include "sluice/flow.h"
#include "sluice/lookup.h"
#include "sluice/smtp.h"

#define VALUE_SIZE_MAX 300u
#define PACKAGE_WORDS "OU CCS DACS "

/* What the extension point "notification" gets and gives. */
static void mail_message(const char *to, const char *subject, const struct text *body,
                         struct text *out)
{
    cJSON *message = json_object();
    json_add_text(message, "to", to);
    json_add_text(message, "subject", subject);
    json_add_text(message, "body", text_string(body));
    json_print(message, out);
    cJSON_Delete(message);
}

/* A member that is left out stays as it was. */
static void take_member(const cJSON *message, const char *name, struct text *value)
{
    struct text given = {0};
    if (json_member_text(message, name, &given))
        text_set(value, text_string(&given));
    text_release(&given);
}

static bool extend_mail(struct text *to, struct text *subject, struct text *body,
                        struct fault *fault)
{
    struct text message = {0}, why = {0};
    if (!extend_is_used("notification"))
        return true;
    mail_message(text_string(to), text_string(subject), body, &message);
    bool ok = extend_text("notification", &message, fault);
    cJSON *given = ok ? json_read(text_string(&message), message.size, &why) : NULL;
    take_member(given, "to", to);
    take_member(given, "subject", subject);
    take_member(given, "body", body);
    cJSON_Delete(given);
    text_release(&message);
    text_release(&why);
    return ok;
}

static bool send_mail(const struct text *from, const struct text *to, const struct text *subject,
                      const struct text *body, struct fault *fault)
{
    int32_t status = smtp_send(NOTIFY_CONNECTION, text_string(from), text_string(to),
                               text_string(subject), text_string(body), body->size);
    if (status < 0)
        fault_take(fault, status, "A mail could not be sent");
    return status >= 0;
}

bool notify_mail(const char *recipients, const char *subject, const struct text *body,
                 struct fault *fault)
{
    struct text from = {0}, to = {0}, title = {0}, text = {0};
    text_set(&title, subject);
    text_add(&text, text_string(body));
    bool ok = lookup_required(LOOKUP_EMAIL, "from", &from, fault) &&
              lookup_required(LOOKUP_EMAIL, recipients, &to, fault) &&
              extend_mail(&to, &title, &text, fault) &&
              send_mail(&from, &to, &title, &text, fault);
    if (!ok)
        flow_log("mail not sent: %s (%s)", subject, text_string(&fault->detail));
    text_release(&from);
    text_release(&to);
    text_release(&title);
    text_release(&text);
    return ok;
}

static void add_fact(cJSON *message, const char *name, const char *key)
{
    struct text value = {0};
    flow_about(key, &value);
    json_add_text(message, name, text_string(&value));
    text_release(&value);
}

static void add_optional(cJSON *message, const char *name, const struct text *value)
{
    if (value->size > 0)
        json_add_text(message, name, text_string(value));
}

/* The message of the error handler's trigger; functions/common_error_handler/README.md. */
static void error_message(const struct fault *fault, const char *next_step, struct text *out)
{
    char now[TIME_TEXT_SIZE];
    time_now(now);
    cJSON *message = json_object();
    add_fact(message, "integrationName", "name");
    add_fact(message, "integrationIdentifier", "flow");
    add_fact(message, "integrationVersion", "version");
    add_fact(message, "instanceId", "instance");
    add_fact(message, "invokedBy", "invoked_by");
    add_fact(message, "startTime", "started");
    json_add_text(message, "errorTime", now);
    add_optional(message, "errorCode", &fault->code);
    add_optional(message, "reason", &fault->title);
    add_optional(message, "details", &fault->detail);
    add_optional(message, "connection", &fault->connection);
    add_optional(message, "activity", &fault->activity);
    add_optional(message, "fileName", &fault->file_name);
    json_add_text(message, "nextStep", next_step);
    json_print(message, out);
    cJSON_Delete(message);
}

bool notify_error(const struct fault *fault, const char *next_step, struct text *why)
{
    struct text message = {0}, answer = {0};
    struct fault problem = {0};
    int http_status;
    error_message(fault, next_step, &message);
    int32_t status =
        flow_call(NOTIFY_ERROR_HANDLER, message.data, message.size, 0, &http_status, &answer);
    if (status < 0)
        fault_take(&problem, status, "The error handler could not be called");
    else if (http_status != 200)
        fault_from_answer(&problem, http_status, text_string(&answer), answer.size,
                          "The error handler failed");
    bool ok = !fault_is_set(&problem);
    if (!ok) {
        text_set(why, text_string(&problem.detail));
        flow_log("the error was not reported by mail: %s", text_string(why));
    }
    fault_clear(&problem);
    text_release(&message);
    text_release(&answer);
    return ok;
}

void notify_subject(struct text *subject)
{
    struct text name = {0};
    flow_about("name", &name);
    const char *shown = text_string(&name);
    if (strncmp(shown, PACKAGE_WORDS, strlen(PACKAGE_WORDS)) == 0)
        shown += strlen(PACKAGE_WORDS);
    text_set(subject, "[CCS-DACS] ");
    text_add_printable(subject, shown, VALUE_SIZE_MAX);
    text_add(subject, ": ");
    text_release(&name);
}

void notify_row(struct text *body, const char *label, const char *value)
{
    if (!value[0])
        return;
    text_add_format(body, "  %-12s", label);
    text_add_printable(body, value, VALUE_SIZE_MAX);
    text_add(body, "\n");
}

static void fact_row(struct text *body, const char *label, const char *key)
{
    struct text value = {0};
    flow_about(key, &value);
    notify_row(body, label, text_string(&value));
    text_release(&value);
}

void notify_execution_rows(struct text *body)
{
    struct text identifier = {0};
    char now[TIME_TEXT_SIZE];
    time_now(now);
    fact_row(body, "Flow", "name");
    flow_about("flow", &identifier);
    text_add_format(body, "  %-12s%s, version ", "", text_string(&identifier));
    flow_about("version", &identifier);
    text_add_format(body, "%s\n", text_string(&identifier));
    fact_row(body, "Instance", "instance");
    fact_row(body, "Started by", "invoked_by");
    fact_row(body, "Started", "started");
    notify_row(body, "Ended", now);
    text_release(&identifier);
}
