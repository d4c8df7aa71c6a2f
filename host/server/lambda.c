/* SPDX-License-Identifier: MIT */
/* One event after the other; see lambda.h. */
#include "server/lambda.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/answer.h"
#include "server/cloud_event.h"
#include "server/lambda_event.h"
#include "server/platform_trace.h"

#define ANSWER_TEXT_MAX (64u << 20) /* of an answer in JSON: each byte may take six */

/* What happens with one event. */
struct turn {
    struct lambda_api *api;
    struct function *function;
    bool streamed;
    const struct lambda_invocation *invocation;
    int64_t started_ms; /* wall clock: when the first event was waited for */
};

/* A deadline from before all events is a stand-in's number, not a time. */
static int64_t deadline_of(const struct turn *turn)
{
    int64_t wall_ms = turn->invocation->deadline_ms;
    return wall_ms > turn->started_ms ? function_deadline(wall_ms) : 0;
}

/* An answer that the service does not take must still end the invocation, or its caller waits. */
static bool settle(const struct turn *turn, bool sent, struct error *err)
{
    const char *id = turn->invocation->id;
    if (sent || err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_BROKEN)
        return sent;
    log_line(LOG_ERROR, NULL, "request %s: %s", id, err->message);
    if (err->kind != ERROR_LIMIT)
        return true; /* refused: it is over already */
    struct error first = *err;
    return lambda_api_fail(turn->api, id, "Sluice.limit", first.message, err) ||
           err->kind == ERROR_REFUSED;
}

/* Before the answer: a caller that has it may rely on what it says. */
static void rest(const struct turn *turn)
{
    if (!function_rest(turn->function, deadline_of(turn)))
        log_line(LOG_WARNING, NULL, "something of request %s is not told or written yet",
                 turn->invocation->id);
}

static bool answer_request(const struct turn *turn, const struct function_answer *answer,
                           struct error *err)
{
    rest(turn);
    struct buf text;
    buf_init(&text, ANSWER_TEXT_MAX);
    lambda_answer_format(&answer->http, !turn->streamed, &text);
    const char *id = turn->invocation->id;
    bool ok = text.failed        ? error_set(err, ERROR_LIMIT, "the answer is too large")
              : turn->streamed   ? lambda_api_stream(turn->api, id, &text, &answer->http.body, err)
                                 : lambda_api_respond(turn->api, id, &text, err);
    buf_release(&text);
    return settle(turn, ok, err);
}

/* JSON as it is; anything else as a JSON text. */
static bool answer_invocation(const struct turn *turn, const struct function_answer *answer,
                              struct error *err)
{
    const char *id = turn->invocation->id;
    const struct http_answer *http = &answer->http;
    rest(turn);
    if (answer->has_failed)
        return settle(turn, lambda_api_fail(turn->api, id, answer->is_late ? "Sluice.timeout"
                                                                           : answer->error_type,
                                            answer->error_message, err), err);
    cJSON *parsed = json_parse(buf_text(&http->body), http->body.size, "answer", JSON_STRICT, NULL);
    bool ok = parsed && lambda_api_respond(turn->api, id, &http->body, err);
    if (!parsed) {
        struct buf text;
        buf_init(&text, ANSWER_TEXT_MAX);
        json_append_text(&text, buf_text(&http->body), http->body.size);
        ok = lambda_api_respond(turn->api, id, &text, err);
        buf_release(&text);
    }
    cJSON_Delete(parsed);
    return settle(turn, ok, err);
}

static bool take_request(const struct turn *turn, const cJSON *json, struct function_answer *answer,
                         struct error *err)
{
    struct lambda_request request;
    struct error problem = {0};
    char text[TRACE_PARENT_SIZE];
    const char *trace = platform_trace_xray(turn->invocation->trace, text) ? text : NULL;
    bool is_read = lambda_request_read(&request, json, &problem);
    request.event.deadline_ms = deadline_of(turn);
    request.event.call = turn->invocation->id;
    request.event.platform_traceparent = trace;
    if (is_read)
        function_request(turn->function, &request.event, answer);
    else
        answer_fault(&answer->http, 400, error_kind_name(problem.kind), "The event is not usable",
                     problem.message);
    lambda_request_release(&request);
    return answer_request(turn, answer, err);
}

static bool take_invocation(const struct turn *turn, const cJSON *json,
                            struct function_answer *answer, struct error *err)
{
    const struct lambda_invocation *invocation = turn->invocation;
    char text[TRACE_PARENT_SIZE];
    const struct function_event event = {
        .content_type = json_text(json, "specversion") ? CLOUD_EVENT_STRUCTURED : "application/json",
        .body = buf_text(&invocation->event),
        .body_size = invocation->event.size,
        .deadline_ms = deadline_of(turn),
        .call = invocation->id,
        .platform_traceparent = platform_trace_xray(invocation->trace, text) ? text : NULL,
    };
    function_invoke(turn->function, FUNCTION_ANY_FLOW, &event, answer);
    return answer_invocation(turn, answer, err);
}

static bool take_event(const struct turn *turn, struct error *err)
{
    const struct buf *event = &turn->invocation->event;
    struct function_answer answer;
    struct error problem = {0};
    cJSON *json = json_parse(buf_text(event), event->size, "event", JSON_STRICT, &problem);
    if (!json)
        return settle(turn, lambda_api_fail(turn->api, turn->invocation->id, "Sluice.invalid",
                                            problem.message, err), err);
    function_answer_init(&answer);
    bool ok = lambda_event_is_request(json) ? take_request(turn, json, &answer, err)
                                            : take_invocation(turn, json, &answer, err);
    function_answer_release(&answer);
    cJSON_Delete(json);
    return ok;
}

bool lambda_serve(struct lambda_api *api, struct function *function, bool streamed,
                  struct error *err)
{
    const int64_t started_ms = clock_wall_ms();
    for (;;) {
        struct lambda_invocation invocation;
        const struct turn turn = {api, function, streamed, &invocation, started_ms};
        bool ok = lambda_api_next(api, &invocation, err);
        bool is_over = !ok && err->kind == ERROR_CANCELLED;
        if (ok)
            ok = take_event(&turn, err);
        else if (err->kind == ERROR_LIMIT && invocation.id[0])
            ok = settle(&turn, false, err);
        lambda_invocation_release(&invocation);
        if (!ok)
            return is_over;
    }
}
