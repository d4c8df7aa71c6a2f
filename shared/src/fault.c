/* SPDX-License-Identifier: MIT */
/* Faults; see fault.h. */
#include "sluice/fault.h"

#include <stdarg.h>
#include <string.h>

#include "sluice/flow.h"
#include "sluice/imports.h"

#define RECORD_ROOM 1024
#define RAW_ANSWER_SIZE_MAX 1000u
#define CONNECTION_SIZE_MAX 128u

struct status_row {
    int32_t status;
    int http_status;
    const char *name;
};

static const struct status_row status_rows[] = {
    {SLUICE_INVALID, 400, "invalid"},
    {SLUICE_DENIED, 502, "denied"},
    {SLUICE_NOT_FOUND, 404, "not_found"},
    {SLUICE_EXISTS, 409, "exists"},
    {SLUICE_LIMIT, 413, "limit"},
    {SLUICE_UNAVAILABLE, 503, "unavailable"},
    {SLUICE_REFUSED, 502, "refused"},
    {SLUICE_BROKEN, 502, "broken"},
    {SLUICE_UNKNOWN, 502, "unknown"},
    {SLUICE_TIMEOUT, 504, "timeout"},
    {SLUICE_CANCELLED, 503, "cancelled"},
    {SLUICE_BAD_HANDLE, 500, "bad_handle"},
    {SLUICE_UNSUPPORTED, 500, "unsupported"},
    {SLUICE_FILTER, 500, "filter_failed"},
    {SLUICE_INTERNAL, 500, "internal"},
};

#define STATUS_COUNT (sizeof status_rows / sizeof status_rows[0])

static const struct status_row *status_row(int32_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++)
        if (status_rows[i].status == status)
            return &status_rows[i];
    return &status_rows[STATUS_COUNT - 1];
}

const char *status_name(int32_t status)
{
    return status_row(status)->name;
}

bool fault_is_set(const struct fault *fault)
{
    return fault->code.size > 0;
}

void fault_clear(struct fault *fault)
{
    text_release(&fault->code);
    text_release(&fault->title);
    text_release(&fault->detail);
    text_release(&fault->connection);
    text_release(&fault->activity);
    text_release(&fault->file_name);
    *fault = (struct fault){0};
}

void fault_set(struct fault *fault, const char *code, const char *title, const char *detail, ...)
{
    struct fault fresh = {0};
    text_set(&fresh.code, code);
    text_set(&fresh.title, title);
    va_list args;
    va_start(args, detail);
    text_add_arguments(&fresh.detail, detail, args);
    va_end(args);
    text_cut(&fresh.detail, FAULT_DETAIL_SIZE_MAX);
    fault_clear(fault);
    *fault = fresh;
}

/* The host's record of the newest failed import as JSON; NULL: there is none. */
static cJSON *read_record(void)
{
    struct text json = {0}, why = {0};
    int32_t result;
    text_room(&json, RECORD_ROOM);
    do {
        result = sluice_flow_fault(json.data, (uint32_t)json.capacity);
    } while (text_must_repeat(&json, result));
    cJSON *record = result > 0 ? json_read(json.data, json.size, &why) : NULL;
    text_release(&json);
    text_release(&why);
    return record;
}

void fault_take(struct fault *fault, int32_t status, const char *title)
{
    cJSON *record = read_record();
    fault_set(fault, status_name(status), title, "%s", "");
    fault->status = status;
    if (!json_member_text(record, "detail", &fault->detail))
        text_add_format(&fault->detail, "The call failed with \"%s\".", status_name(status));
    json_member_text(record, "connection", &fault->connection);
    json_member_text(record, "import", &fault->activity);
    text_cut(&fault->detail, FAULT_DETAIL_SIZE_MAX);
    cJSON_Delete(record);
}

/* Documents of flows name the connection as the error's path, others repeat the instance there. */
static void take_connection(struct fault *fault, const cJSON *inner)
{
    struct text path = {0}, instance = {0};
    json_member_text(inner, "o:errorPath", &path);
    json_member_text(inner, "instance", &instance);
    if (strcmp(text_string(&path), text_string(&instance)) != 0)
        text_add_printable(&fault->connection, text_string(&path), CONNECTION_SIZE_MAX);
    text_release(&path);
    text_release(&instance);
}

void fault_from_answer(struct fault *fault, int http_status, const char *body, size_t body_size,
                       const char *title)
{
    struct text why = {0}, code = {0};
    cJSON *document = json_read(body, body_size, &why);
    const cJSON *inner = cJSON_GetArrayItem(json_member(document, "o:errorDetails"), 0);
    if (!json_member_text(inner, "o:errorCode", &code))
        text_add_format(&code, "http_%d", http_status);
    fault_set(fault, text_string(&code), title, "%s", "");
    struct text *detail = &fault->detail;
    if (json_member_text(document, "title", detail))
        text_add(detail, ": ");
    if (!json_member_text(document, "detail", detail)) {
        text_clear(detail);
        text_add_format(detail, "The answer has status %d and reads: ", http_status);
        struct text raw = {0};
        text_add_bytes(&raw, body, body_size);
        text_add_printable(detail, body_size ? text_string(&raw) : "(nothing)",
                           RAW_ANSWER_SIZE_MAX);
        text_release(&raw);
    }
    text_cut(detail, FAULT_DETAIL_SIZE_MAX);
    take_connection(fault, inner);
    fault->http_status = http_status;
    cJSON_Delete(document);
    text_release(&code);
    text_release(&why);
}

int fault_http_status(const struct fault *fault)
{
    return fault->status < 0 ? status_row(fault->status)->http_status : 500;
}

/* Sections of RFC 2616, chapter 10, name the statuses in the integration's fault documents. */
static void add_type(cJSON *object, int http_status)
{
    struct text type = {0};
    int section = http_status >= 500 ? 5 : 4;
    text_add_format(&type, "http://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.%d.%d",
                    section, http_status % 100 + 1);
    json_add_text(object, "type", text_string(&type));
    text_release(&type);
}

void fault_document(const struct fault *fault, int http_status, struct text *out)
{
    struct text instance = {0}, status = {0};
    flow_about("instance", &instance);
    text_add_format(&status, "%d", http_status);
    cJSON *document = json_object(), *details = json_array(), *inner = json_object();
    add_type(document, http_status);
    json_add_text(document, "title", text_string(&fault->title));
    json_add_text(document, "detail", text_string(&fault->detail));
    json_add_text(document, "o:errorCode", text_string(&status));
    cJSON_AddItemToObject(document, "o:errorDetails", details);
    cJSON_AddItemToArray(details, inner);
    add_type(inner, http_status);
    json_add_text(inner, "instance", text_string(&instance));
    json_add_text(inner, "title", text_string(&fault->title));
    json_add_text(inner, "o:errorPath", text_string(&fault->connection));
    json_add_text(inner, "o:errorCode", text_string(&fault->code));
    json_print(document, out);
    cJSON_Delete(document);
    text_release(&instance);
    text_release(&status);
}

void fault_report(const struct fault *fault)
{
    const char *code = text_string(&fault->code), *title = text_string(&fault->title);
    struct text detail = {0};
    text_add_printable(&detail, text_string(&fault->detail), FAULT_DETAIL_SIZE_MAX);
    sluice_flow_fail(SLUICE_STRING(code), SLUICE_STRING(title), detail.data, (uint32_t)detail.size);
    text_release(&detail);
}

int fault_respond(const struct fault *fault, int http_status)
{
    struct text document = {0};
    fault_document(fault, http_status, &document);
    flow_respond(http_status, document.data, document.size);
    text_release(&document);
    fault_report(fault);
    return 1;
}
