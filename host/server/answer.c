/* SPDX-License-Identifier: MIT */
/* The server's own answers; see answer.h. */
#include "server/answer.h"

#include <stdio.h>

#include "flow/fault.h"

void answer_fault(struct http_answer *answer, int status, const char *code, const char *title,
                  const char *detail)
{
    const struct fault_report fault = {
        .status = status, .code = code, .title = title, .detail = detail, .instance = ""};
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
