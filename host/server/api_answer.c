/* SPDX-License-Identifier: MIT */
/* What handlers of the API answer with; see api_call.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "server/answer.h"
#include "server/api_call.h"
#include "server/http_form.h"

static const struct api_field link_fields[] = {
    {.name = "rel", .kind = API_TEXT, .about = "what it leads to"},
    {.name = "href", .kind = API_TEXT,
     .about = "the address; without a host where \"base_url\" of sluice.json is not set"},
};
const struct api_schema api_link_schema = API_SCHEMA("Link", "Where to go on.", link_fields);

static const struct api_field detail_fields[] = {
    {.name = "type", .kind = API_TEXT, .about = "as in the fault"},
    {.name = "instance", .kind = API_TEXT, .about = "execution, or empty"},
    {.name = "title", .kind = API_TEXT, .about = "as in the fault"},
    {.name = "o:errorPath", .kind = API_TEXT, .about = "always empty"},
    {.name = "o:errorCode", .kind = API_TEXT, .about = "kind of error: invalid, not_found, ..."},
};
static const struct api_schema detail_schema =
    API_SCHEMA("FaultDetail", "The kind of an error, for programs.", detail_fields);
static const struct api_field fault_fields[] = {
    {.name = "type", .kind = API_TEXT, .about = "the section of RFC 2616 that describes the status"},
    {.name = "title", .kind = API_TEXT, .about = "what the status says"},
    {.name = "detail", .kind = API_TEXT, .about = "what is wrong and what to do"},
    {.name = "o:errorCode", .kind = API_TEXT, .about = "the status"},
    {.name = "o:errorDetails", .kind = API_LIST, .of = &detail_schema, .about = "one entry"},
};
const struct api_schema api_fault_schema =
    API_SCHEMA("Fault", "Why a request was not carried out.", fault_fields);

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad request"},         {403, "Not permitted"},      {404, "Not found"},
        {405, "Method not allowed"},  {409, "Conflict"},           {412, "Precondition failed"},
        {413, "Message too large"},   {415, "Media type not supported"},
        {429, "Too busy right now"},  {500, "Server error"},       {501, "Not supported"},
        {503, "Not available now"},   {504, "Took too long"},
    };
    for (size_t i = 0; i < API_COUNT(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Failed";
}

static void fault(struct api_call *call, int status, const char *code, const char *detail)
{
    snprintf(call->note, sizeof call->note, "%s", detail);
    answer_fault(&call->exchange->answer, status, code, title_of(status), detail);
}

bool api_fault(struct api_call *call, int status, const char *code, const char *format, ...)
{
    char detail[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    fault(call, status, code, detail);
    return false;
}

static int status_of(enum error_kind kind)
{
    switch (kind) {
    case ERROR_INVALID:
        return 400;
    case ERROR_DENIED:
        return 403;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_EXISTS:
        return 409;
    case ERROR_REFUSED:
        return 412;
    case ERROR_UNSUPPORTED:
        return 501;
    case ERROR_LIMIT:
    case ERROR_UNAVAILABLE:
        return 503;
    case ERROR_TIMEOUT:
        return 504;
    case ERROR_NONE:
    case ERROR_BROKEN:
    case ERROR_UNKNOWN:
    case ERROR_CANCELLED:
    case ERROR_INTERNAL:
        break;
    }
    return 500;
}

bool api_fail(struct api_call *call, const struct error *err)
{
    fault(call, status_of(err->kind), error_kind_name(err->kind), err->message);
    return false;
}

void api_answer_document(struct api_call *call, int status)
{
    struct http_answer *answer = &call->exchange->answer;
    if (call->document.text.failed) {
        api_fault(call, 503, "limit", "the answer is too large: ask for less with limit");
        return;
    }
    document_move(&call->document, &answer->body);
    answer->status = status;
    snprintf(answer->content_type, sizeof answer->content_type, "application/json");
}

void api_answer_nothing(struct api_call *call, int status)
{
    struct http_answer *answer = &call->exchange->answer;
    buf_clear(&answer->body);
    answer->status = status;
    snprintf(answer->content_type, sizeof answer->content_type, "application/json");
}

/* ---- members ------------------------------------------------------------------------------------ */

/* "...123Z" becomes "...123+0000": what OIC's clients parse. */
void api_time(struct document *document, const char *key, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE], oic[CLOCK_TEXT_SIZE + 8];
    if (wall_ms == 0)
        return;
    clock_format_ms(wall_ms, text);
    snprintf(oic, sizeof oic, "%.*s+0000", (int)strcspn(text, "Z"), text);
    document_text(document, key, oic);
}

void api_text(struct document *document, const char *key, const char *value)
{
    if (value)
        document_text(document, key, value);
}

void api_links(struct api_call *call, const char *rel, const char *path, const char *segment)
{
    struct buf href;
    buf_init(&href, 4096);
    buf_printf(&href, "%s" API_BASE "%s", service_workspace(call->service)->base_url, path);
    buf_append_percent(&href, segment);
    document_open(&call->document, "links", '[');
    document_open(&call->document, NULL, '{');
    document_text(&call->document, "rel", rel);
    document_text(&call->document, "href", buf_text(&href));
    document_close(&call->document, '}');
    document_close(&call->document, ']');
    buf_release(&href);
}

void api_page(struct api_call *call, int64_t total)
{
    struct document *document = &call->document;
    document_number(document, "totalResults", total);
    document_flag(document, "hasMore", total > call->offset + call->limit);
    document_number(document, "limit", call->limit);
    document_number(document, "offset", call->offset);
}

bool api_on_page(const struct api_call *call, int64_t index)
{
    return index >= call->offset && index < call->offset + call->limit;
}

const char *api_argument(struct api_call *call, const char *name, char value[API_QUERY_SIZE])
{
    return http_exchange_argument(call->exchange, name, value, API_QUERY_SIZE) ? value : NULL;
}

const char *api_body_text(const struct api_call *call, const char *name)
{
    return call->body
               ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(call->body, name)) : NULL;
}

bool api_body_flag(const struct api_call *call, const char *name, bool *value)
{
    const cJSON *node = call->body ? cJSON_GetObjectItemCaseSensitive(call->body, name) : NULL;
    if (!cJSON_IsBool(node))
        return false;
    *value = cJSON_IsTrue(node);
    return true;
}

bool api_form_file(struct api_call *call, struct http_form_file *file)
{
    struct error err = {0};
    if (http_form_file(call->exchange, call->operation->file, file, &err))
        return true;
    return err.kind == ERROR_LIMIT ? api_fault(call, 413, "limit", "%s", err.message)
                                   : api_fail(call, &err);
}

/* ---- names -------------------------------------------------------------------------------------- */

bool api_find_flow(struct api_call *call, size_t *flow)
{
    struct error err = {0};
    return service_find(call->service, call->arguments[0], flow, &err) || api_fail(call, &err);
}

const char *api_flow_id(const char *code, const char *version, char id[static API_FLOW_ID_SIZE])
{
    snprintf(id, API_FLOW_ID_SIZE, "%s|%s", code, version);
    return id;
}

struct actor api_actor(const struct api_call *call)
{
    return (struct actor){.name = call->user, .address = call->exchange->address};
}

const char *api_connection_id(const char *name, char id[static API_ARGUMENT_SIZE])
{
    size_t size = 0;
    for (; *name && size + 1 < API_ARGUMENT_SIZE; name++) {
        bool is_plain = isalnum((unsigned char)*name) || (unsigned char)*name >= 0x80;
        if (is_plain)
            id[size++] = (char)toupper((unsigned char)*name);
        else if (size > 0 && id[size - 1] != '_')
            id[size++] = '_';
    }
    id[size] = '\0';
    return id;
}
