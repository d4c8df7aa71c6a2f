/* SPDX-License-Identifier: MIT */
/* A request of the developer API from its address to its handler; see api.h. */
#include "server/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "server/api_body.h"
#include "server/api_call.h"
#include "server/api_recovery.h"

#define OVERRIDE "X-HTTP-Method-Override"

struct api {
    struct service *service;
    struct recovery_jobs *recovery;
};

static enum api_match find(const struct http_exchange *exchange, struct api_route *route)
{
    return api_find(exchange->method, http_exchange_field(exchange, OVERRIDE), exchange->path, route);
}

bool api_is_at(const char *path)
{
    static const char triggers[] = API_BASE "/flows/";
    return strcmp(path, "/openapi.json") == 0 ||
           (strncmp(path, API_BASE "/", strlen(API_BASE "/")) == 0 &&
            strncmp(path, triggers, strlen(triggers)) != 0);
}

size_t api_body_max(const struct http_exchange *exchange)
{
    struct api_route route;
    if (find(exchange, &route) != API_MATCH)
        return 0;
    const struct api_operation *operation = route.operation;
    return operation->body_max ? operation->body_max : operation->body ? API_JSON_SIZE_MAX : 0;
}

enum role api_role(const struct http_exchange *exchange)
{
    struct api_route route;
    return find(exchange, &route) == API_MATCH ? route.operation->role : API_ANYBODY;
}

struct recovery_jobs *api_recovery(struct api *api)
{
    return api->recovery;
}

size_t api_busy(struct api *api)
{
    return recovery_jobs_busy(api->recovery);
}

bool api_open(struct api **out, const struct api_options *options, struct error *err)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api)
        return error_set(err, ERROR_LIMIT, "out of memory");
    api->service = options->service;
    const struct recovery_jobs_options recovery = {.service = options->service,
                                              .should_stop = options->should_stop,
                                              .context = options->context};
    if (!recovery_jobs_open(&api->recovery, &recovery, err)) {
        api_close(api);
        return false;
    }
    *out = api;
    return true;
}

void api_close(struct api *api)
{
    if (!api)
        return;
    recovery_jobs_close(api->recovery);
    free(api);
}

/* ---- what holds for all operations ---------------------------------------------------------------- */

static bool is_change(const struct api_call *call)
{
    return strcmp(call->operation->method, "GET") != 0;
}

/* A page of another site may make a browser send requests with the credentials that it remembers. It
 * cannot keep the browser from saying where the page came from. */
static bool check_origin(struct api_call *call)
{
    const char *origin = http_exchange_field(call->exchange, "Origin");
    const char *host = http_exchange_field(call->exchange, "Host");
    if (!origin || !is_change(call))
        return true;
    const char *authority = strstr(origin, "://");
    if (authority && host && strcasecmp(authority + 3, host) == 0)
        return true;
    return api_fault(call, 403, "denied", "a page of another site may not change anything here");
}

static bool check_override(struct api_call *call)
{
    const char *override = http_exchange_field(call->exchange, OVERRIDE);
    if (!override || strcmp(override, "PATCH") == 0 || strcmp(call->exchange->method, "POST") != 0)
        return true;
    return api_fault(call, 400, "invalid", OVERRIDE ": only PATCH is taken here");
}

static bool check_word(struct api_call *call, const struct api_field *field, const char *value)
{
    char legal[256] = "";
    for (size_t i = 0; field->words[i]; i++) {
        if (strcasecmp(field->words[i], value) == 0)
            return true;
        size_t size = strlen(legal);
        snprintf(legal + size, sizeof legal - size, "%s%s", size ? ", " : "", field->words[i]);
    }
    return api_fault(call, 400, "invalid", "query argument '%s': expected one of %s", field->name,
                     legal);
}

static bool check_argument(struct api_call *call, const struct api_field *field)
{
    char value[API_QUERY_SIZE];
    int64_t number;
    if (!http_exchange_has_argument(call->exchange, field->name))
        return true;
    if (!api_argument(call, field->name, value))
        return api_fault(call, 400, "invalid", "query argument '%s': longer than %d bytes, or not "
                         "UTF-8 text in percent encoding", field->name, API_QUERY_SIZE - 1);
    if (field->words)
        return check_word(call, field, value);
    if (field->kind == API_FLAG && strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
        return api_fault(call, 400, "invalid", "query argument '%s': expected true or false",
                         field->name);
    if (field->kind == API_NUMBER && !text_parse_int(value, field->min, field->max, &number))
        return api_fault(call, 400, "invalid",
                         "query argument '%s': expected a whole number from %lld to %lld",
                         field->name, (long long)field->min, (long long)field->max);
    return true;
}

static const struct api_field paging[] = {
    {.name = "limit", .kind = API_NUMBER, .may_lack = true, .min = 1, .max = API_LIMIT_MAX,
     .about = "how many items at most; default 100"},
    {.name = "offset", .kind = API_NUMBER, .may_lack = true, .max = API_OFFSET_MAX,
     .about = "how many items to leave out before; default 0"},
};

const struct api_field *api_paging(size_t *count)
{
    *count = API_COUNT(paging);
    return paging;
}

static bool check_arguments(struct api_call *call)
{
    const struct api_operation *operation = call->operation;
    char value[API_QUERY_SIZE];
    for (size_t i = 0; i < operation->query_count; i++)
        if (!check_argument(call, &operation->query[i]))
            return false;
    call->limit = API_LIMIT_DEFAULT;
    if (!operation->is_paged)
        return true;
    if (!check_argument(call, &paging[0]) || !check_argument(call, &paging[1]))
        return false;
    if (api_argument(call, "limit", value))
        (void)text_parse_int(value, 1, API_LIMIT_MAX, &call->limit);
    if (api_argument(call, "offset", value))
        (void)text_parse_int(value, 0, API_OFFSET_MAX, &call->offset);
    return true;
}

/* ---- the body ------------------------------------------------------------------------------------- */

static bool is_type(const struct http_exchange *exchange, const char *type)
{
    size_t size = strlen(type);
    const char *given = exchange->content_type;
    return given && strncasecmp(given, type, size) == 0 && strchr("; \t", given[size]);
}

static bool check_json(struct api_call *call)
{
    const struct api_operation *operation = call->operation;
    const struct buf *body = &call->exchange->body;
    struct error err = {0};
    if (body->size == 0 && operation->body_may_lack)
        return true;
    if (body->size == 0)
        return api_fault(call, 400, "invalid", "a JSON body is expected: %s", operation->body->about);
    if (!is_type(call->exchange, "application/json"))
        return api_fault(call, 415, "unsupported",
                         "send the body with Content-Type: application/json");
    call->body = json_parse(body->data, body->size, "body", JSON_STRICT, &err);
    return (call->body && api_body_check(operation->body, call->body, &err)) || api_fail(call, &err);
}

static bool check_body(struct api_call *call)
{
    const struct api_operation *operation = call->operation;
    if (!operation->body && !operation->file)
        return true;
    if (call->exchange->is_too_large)
        return api_fault(call, 413, "limit", "the body is larger than %zu bytes",
                         api_body_max(call->exchange));
    if (operation->body)
        return check_json(call);
    return is_type(call->exchange, "multipart/form-data") ||
           api_fault(call, 415, "unsupported",
                     "send the file as field '%s' of multipart/form-data (curl -F %s=@FILE)",
                     operation->file, operation->file);
}

/* ---- one call ------------------------------------------------------------------------------------- */

/* A change is recorded whether it was made or not. */
static void record(const struct api_call *call)
{
    int status = call->exchange->answer.status;
    const struct audit_record audit = {
        .at_ms = clock_wall_ms(),
        .actor = call->user,
        .address = call->exchange->address,
        .action = call->operation->id,
        .subject = call->exchange->path + strlen(API_BASE),
        .outcome = status < 400 ? "done" : status < 500 ? "refused" : "failed",
        .detail = call->note[0] ? call->note : NULL,
    };
    store_audit(call->store, &audit);
}

static bool is_documented(const struct api_operation *operation, int status)
{
    static const int always[] = {400, 403, 413, 415, 429, 500, 503};
    for (size_t i = 0; i < API_COUNT(always); i++)
        if (always[i] == status)
            return true;
    for (size_t i = 0; i < API_RESULTS_MAX && operation->results[i].status; i++)
        if (operation->results[i].status == status)
            return true;
    return false;
}

static void run(struct api_call *call)
{
    document_init(&call->document);
    if (check_origin(call) && check_override(call) && check_arguments(call) && check_body(call))
        call->operation->run(call);
    if (is_change(call) && !call->operation->is_recorded_below)
        record(call);
    if (!is_documented(call->operation, call->exchange->answer.status))
        log_line(LOG_ERROR, NULL, "operation %s answered %d, which its table does not say",
                 call->operation->id, call->exchange->answer.status);
    cJSON_Delete(call->body);
    buf_release(&call->document.text);
}

void api_answer(struct api *api, const char *user, struct http_exchange *exchange)
{
    struct api_route route;
    struct api_call call = {.api = api, .service = api->service,
                            .store = service_store(api->service), .exchange = exchange,
                            .user = user};
    switch (find(exchange, &route)) {
    case API_MATCH:
        call.operation = route.operation;
        memcpy(call.arguments, route.arguments, sizeof call.arguments);
        run(&call);
        return;
    case API_NO_METHOD:
        http_answer_field(&exchange->answer, "Allow", route.allow);
        api_fault(&call, 405, "method", "this address takes %s", route.allow);
        return;
    case API_NO_PATH:
    default:
        api_fault(&call, 404, "not_found",
                  "nothing is at this address; " API_BASE "/openapi.json lists what there is");
    }
}
