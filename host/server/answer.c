/* SPDX-License-Identifier: MIT */
/* The server's own answers; see answer.h. */
#include "server/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "flow/fault.h"
#include "server/lockout.h"

void answer_fault(struct http_answer *answer, int status, const char *code, const char *title,
                  const char *detail)
{
    const struct fault_report fault = {
        .status = status, .code = code, .title = title, .detail = detail, .instance = ""};
    metric_count(METRIC_HTTP_REFUSED, code, "", 1);
    buf_clear(&answer->body);
    fault_format(&fault, &answer->body);
    answer->status = status;
    snprintf(answer->content_type, sizeof answer->content_type, "application/json");
}

void answer_json(struct http_answer *answer, int status, const char *json)
{
    buf_append_text(&answer->body, json);
    answer->status = status;
    snprintf(answer->content_type, sizeof answer->content_type, "application/json");
}

/* Those of http_answer_field. */
static void each_further_field(const struct http_answer *answer, answer_field_fn *fn, void *context)
{
    char copy[HTTP_HEADER_SIZE_MAX + 1], *state = NULL; /* here, where memory that is out drops none */
    snprintf(copy, sizeof copy, "%s", buf_text(&answer->fields));
    for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *colon = strstr(line, ": ");
        *colon = '\0'; /* http_answer_field put it there */
        fn(context, line, colon + 2);
    }
}

void answer_each_field(const struct http_answer *answer, answer_field_fn *fn, void *context)
{
    char number[16];
    if (answer->content_type[0])
        fn(context, "Content-Type", answer->content_type);
    if (answer->allow)
        fn(context, "Allow", answer->allow);
    if (answer->challenge)
        fn(context, "WWW-Authenticate", HTTP_CHALLENGE);
    if (answer->retry_after_s > 0) {
        snprintf(number, sizeof number, "%u", answer->retry_after_s);
        fn(context, "Retry-After", number);
    }
    if (answer->instance[0])
        fn(context, "Sluice-Instance", answer->instance);
    each_further_field(answer, fn, context);
}

int answer_status_of(const struct error *err)
{
    switch (err->kind) {
    case ERROR_INVALID:
        return 400;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_EXISTS:
        return 409;
    case ERROR_LIMIT:
    case ERROR_UNAVAILABLE:
        return 503;
    default:
        return 500;
    }
}

/* RFC 6750 3: no error code for who brought no credentials. */
static void challenge(struct http_answer *answer, enum auth_verdict verdict, bool takes_tokens)
{
    char value[256];
    answer->challenge = true;
    if (!takes_tokens)
        return;
    if (verdict == AUTH_MISSING || verdict == AUTH_WRONG)
        snprintf(value, sizeof value, "Bearer realm=\"sluice\"");
    else
        snprintf(value, sizeof value, "Bearer realm=\"sluice\", error=\"invalid_token\", "
                 "error_description=\"%s\"", auth_reason(verdict));
    http_answer_field(answer, "WWW-Authenticate", value);
}

static void answer_forbidden(struct http_exchange *exchange, enum role role)
{
    char detail[64];
    if (auth_is_bearer(exchange->authorization))
        http_answer_field(&exchange->answer, "WWW-Authenticate",
                          "Bearer realm=\"sluice\", error=\"insufficient_scope\"");
    snprintf(detail, sizeof detail, "the caller does not have the role %s", role_name(role));
    answer_fault(&exchange->answer, 403, "forbidden", "Not permitted", detail);
}

void answer_refusal(struct http_exchange *exchange, enum auth_verdict verdict, enum role role,
                    bool takes_tokens)
{
    struct http_answer *answer = &exchange->answer;
    switch (verdict) {
    case AUTH_LOCKED:
        answer->retry_after_s = LOCKOUT_MS / 1000;
        answer_fault(answer, 429, "locked", "Too many failed logins",
                     "this account or address is locked out for a while");
        break;
    case AUTH_RATE:
        answer->retry_after_s = 1;
        answer_fault(answer, 429, "rate", "Too many requests",
                     "this account or address calls more often than the server's settings allow");
        break;
    case AUTH_FORBIDDEN:
        answer_forbidden(exchange, role);
        break;
    default:
        challenge(answer, verdict, takes_tokens);
        answer_fault(answer, 401, "unauthenticated", "Not authenticated", auth_reason(verdict));
        break;
    }
}
