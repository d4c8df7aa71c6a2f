/* SPDX-License-Identifier: MIT */
/* The imports themselves, over the scripted world; see fake_host.h. */
#include "fake_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/imports.h"
#include "sluice/lookup.h"

/* ---- flow --------------------------------------------------------------------------------- */

int32_t sluice_flow_input(void *data, uint32_t data_capacity)
{
    return fake_give(data, data_capacity, fake_world.message, fake_world.message_size);
}

int32_t sluice_flow_parameter(const char *name, uint32_t name_size, void *value,
                              uint32_t value_capacity)
{
    const char *wanted = TEXT_OF(name);
    if (strcmp(wanted, "extractedFileNamePrefix") != 0 || !fake_world.parameter)
        return fake_fail_with("flow.parameter", SLUICE_NOT_FOUND, "parameter was not given");
    return fake_give(value, value_capacity, fake_world.parameter, strlen(fake_world.parameter));
}

int32_t sluice_flow_about(const char *key, uint32_t key_size, void *value, uint32_t value_capacity)
{
    const char *wanted = TEXT_OF(key);
    for (size_t i = 0; i < fake_world.fact_count; i++)
        if (!strcmp(fake_world.facts[i].name, wanted))
            return fake_give(value, value_capacity, fake_world.facts[i].value, strlen(fake_world.facts[i].value));
    return fake_fail_with("flow.about", SLUICE_INVALID, "nothing is known");
}

int32_t sluice_flow_lookup(const char *table, uint32_t table_size, const char *property,
                           uint32_t property_size, void *value, uint32_t value_capacity)
{
    const char *lookup = TEXT_OF(table), *name = TEXT_OF(property);
    int32_t failed = fake_scripted("flow.lookup");
    if (failed)
        return failed;
    for (size_t i = 0; i < fake_world.property_count; i++)
        if (!strcmp(fake_world.properties[i].lookup, lookup) && !strcmp(fake_world.properties[i].name, name))
            return fake_give(value, value_capacity, fake_world.properties[i].value,
                        strlen(fake_world.properties[i].value));
    return fake_fail_with("flow.lookup", SLUICE_NOT_FOUND, "no such property");
}

int32_t sluice_flow_attachment(void)
{
    if (!fake_world.attachment)
        return fake_fail_with("flow.attachment", SLUICE_NOT_FOUND, "no file came with this message");
    int32_t handle = fake_open_handle(OPEN_FILE);
    snprintf(fake_world.handles[handle - 1].name, sizeof fake_world.handles[0].name, "%s", fake_world.attachment);
    return handle;
}

static int32_t answer_for(const char *flow, int nth)
{
    int32_t number = fake_open_handle(RESPONSE);
    struct handle *handle = &fake_world.handles[number - 1];
    handle->status = 200;
    handle->body = memory_copy("{\"status\":\"transferred\"}");
    for (size_t i = 0; i < fake_world.answer_count; i++) {
        const struct answer *answer = &fake_world.answers[i];
        if (strcmp(answer->flow, flow) != 0 || (answer->nth != 0 && nth < answer->nth))
            continue;
        handle->status = answer->http_status;
        handle->body = memory_copy(text_string(&answer->body));
    }
    return number;
}

int32_t sluice_flow_call(const char *connection, uint32_t connection_size, const char *flow,
                         uint32_t flow_size, const void *body, uint32_t body_size,
                         int32_t attachment)
{
    const char *name = TEXT_OF(flow);
    if (strcmp(TEXT_OF(connection), "OU REST OIC for CCS-DACS") != 0)
        return fake_fail_with("flow.call", SLUICE_DENIED, "no grant");
    struct fake_child *child = &fake.children[fake.child_count++ % FAKE_RECORDS_MAX];
    text_set(&child->flow, name);
    text_clear(&child->body);
    text_add_bytes(&child->body, body, body_size);
    text_clear(&child->file);
    if (attachment != 0) {
        const struct handle *file = fake_handle_of(attachment, OPEN_FILE);
        if (!file)
            return SLUICE_BAD_HANDLE;
        text_set(&child->file, file->name);
    }
    fake_note_call("flow.call", name, text_string(&child->file), "");
    char key[48];
    snprintf(key, sizeof key, "flow.call %s", name);
    int nth = fake_count_call(key);
    int32_t failed = fake_scripted("flow.call");
    return failed ? failed : answer_for(name, nth);
}

static const struct extension *extension_at(const char *point)
{
    for (size_t i = 0; i < fake_world.extension_count; i++)
        if (strcmp(fake_world.extensions[i].point, point) == 0)
            return &fake_world.extensions[i];
    return NULL;
}

int32_t sluice_flow_extensions(const char *point, uint32_t point_size)
{
    return extension_at(TEXT_OF(point)) != NULL;
}

int32_t sluice_flow_extend(const char *point, uint32_t point_size, const void *message,
                           uint32_t message_size)
{
    const char *name = TEXT_OF(point);
    char key[48];
    snprintf(key, sizeof key, "flow.extend %s", name);
    int32_t failed = fake_scripted(key);
    if (failed)
        return failed;
    const struct extension *extension = extension_at(name);
    if (!extension)
        return 0;
    text_clear(&fake.extended);
    text_add_bytes(&fake.extended, message, message_size);
    int32_t number = fake_open_handle(RESPONSE);
    fake_world.handles[number - 1].status = 200;
    fake_world.handles[number - 1].body = memory_copy(extension->result);
    return number;
}

int32_t sluice_flow_extend_file(const char *point, uint32_t point_size, int32_t file)
{
    const struct handle *given = fake_handle_of(file, OPEN_FILE);
    char key[48];
    snprintf(key, sizeof key, "flow.extend_file %s", TEXT_OF(point));
    int32_t failed = fake_scripted(key);
    if (failed)
        return failed;
    if (!given)
        return SLUICE_BAD_HANDLE;
    if (!fake_world.filters_content)
        return 0;
    int32_t number = fake_open_handle(OPEN_FILE);
    snprintf(fake_world.handles[number - 1].name, sizeof fake_world.handles[0].name, "filtered:%.1000s",
             fake_handle_of(file, OPEN_FILE)->name);
    return number;
}

int32_t sluice_flow_respond(uint32_t status, const char *content_type, uint32_t content_type_size,
                            const void *body, uint32_t body_size)
{
    fake.response_status = (int)status;
    text_set(&fake.response_type, TEXT_OF(content_type));
    text_clear(&fake.response);
    text_add_bytes(&fake.response, body, body_size);
    return SLUICE_OK;
}

int32_t sluice_flow_fail(const char *code, uint32_t code_size, const char *title,
                         uint32_t title_size, const char *detail, uint32_t detail_size)
{
    text_set(&fake.fault_code, TEXT_OF(code));
    text_set(&fake.fault_title, TEXT_OF(title));
    text_set(&fake.fault_detail, TEXT_OF(detail));
    return SLUICE_OK;
}

int32_t sluice_flow_fault(void *record, uint32_t record_capacity)
{
    if (!fake_world.fault[0])
        return SLUICE_NOT_FOUND;
    return fake_give(record, record_capacity, fake_world.fault, strlen(fake_world.fault));
}

int32_t sluice_flow_track(const char *name, uint32_t name_size, const char *value,
                          uint32_t value_size)
{
    text_add_format(&fake.tracked, "%s=%s\n", TEXT_OF(name), TEXT_OF(value));
    return SLUICE_OK;
}

int32_t sluice_flow_report_file(const char *name, uint32_t name_size, uint32_t state,
                                const char *detail, uint32_t detail_size)
{
    const char *file = TEXT_OF(name), *text = TEXT_OF(detail);
    fake.state_counts[state]++;
    if (fake.report_count < FAKE_RECORDS_MAX) {
        struct fake_report *report = &fake.reports[fake.report_count];
        text_set(&report->name, file);
        text_set(&report->detail, text);
        report->state = (int)state;
    }
    fake.report_count++;
    return SLUICE_OK;
}

/* ---- content servers ---------------------------------------------------------------------- */

static int32_t list(const char *import, const char *place, const char *prefix)
{
    fake_note_call(import, place, prefix, "");
    int32_t failed = fake_scripted(import);
    if (failed)
        return failed;
    snprintf(fake_world.listed_prefix, sizeof fake_world.listed_prefix, "%s", prefix);
    return fake_open_handle(LISTING);
}

static int32_t open_file(const char *import, const char *place, const char *name)
{
    fake_note_call(import, place, name, "");
    int32_t failed = fake_scripted(import);
    if (failed)
        return failed;
    int32_t handle = fake_open_handle(OPEN_FILE);
    snprintf(fake_world.handles[handle - 1].name, sizeof fake_world.handles[0].name, "%s", name);
    return handle;
}

static int32_t store(const char *import, const char *place, const char *name, int32_t file,
                     void *out, uint32_t capacity)
{
    fake_note_call(import, place, name, "");
    if (!fake_handle_of(file, OPEN_FILE))
        return SLUICE_BAD_HANDLE;
    int32_t failed = fake_scripted(import);
    if (failed)
        return failed;
    char receipt[1200];
    int size = snprintf(receipt, sizeof receipt, "{\"name\":\"%s\",\"size\":4}", name);
    return fake_give(out, capacity, receipt, (size_t)size);
}

static int32_t rename_file(const char *import, const char *place, const char *from, const char *to,
                           void *out, uint32_t capacity)
{
    fake_note_call(import, place, from, to);
    int32_t failed = fake_scripted(import);
    return failed ? failed : fake_give(out, capacity, to, strlen(to));
}

#define CONTENT_IMPORTS(module, prefix_, import)                                                   \
    int32_t sluice_##module##_##prefix_##list(const char *connection, uint32_t connection_size,    \
                                              const char *place, uint32_t place_size,              \
                                              const char *prefix, uint32_t prefix_size)            \
    {                                                                                              \
        TEXT_OF(connection);                                                                       \
        return list(import "list", TEXT_OF(place), TEXT_OF(prefix));                               \
    }                                                                                              \
    int32_t sluice_##module##_##prefix_##open(const char *connection, uint32_t connection_size,    \
                                              const char *place, uint32_t place_size,              \
                                              const char *name, uint32_t name_size)                \
    {                                                                                              \
        TEXT_OF(connection);                                                                       \
        return open_file(import "open", TEXT_OF(place), TEXT_OF(name));                            \
    }                                                                                              \
    int32_t sluice_##module##_##prefix_##store(const char *connection, uint32_t connection_size,   \
                                               const char *place, uint32_t place_size,             \
                                               const char *name, uint32_t name_size, int32_t file, \
                                               void *receipt, uint32_t receipt_capacity)           \
    {                                                                                              \
        TEXT_OF(connection);                                                                       \
        return store(import "store", TEXT_OF(place), TEXT_OF(name), file, receipt,                 \
                     receipt_capacity);                                                            \
    }                                                                                              \
    int32_t sluice_##module##_##prefix_##stat(                                                     \
        const char *connection, uint32_t connection_size, const char *place, uint32_t place_size,  \
        const char *name, uint32_t name_size, struct sluice_file_info *info)                       \
    {                                                                                              \
        TEXT_OF(connection);                                                                       \
        TEXT_OF(place);                                                                            \
        TEXT_OF(name);                                                                             \
        *info = (struct sluice_file_info){.size = 4};                                              \
        return fake_scripted(import "stat");                                                            \
    }                                                                                              \
    int32_t sluice_##module##_##prefix_##rename(                                                   \
        const char *connection, uint32_t connection_size, const char *place, uint32_t place_size,  \
        const char *from, uint32_t from_size, const char *to, uint32_t to_size, void *result,      \
        uint32_t result_capacity)                                                                  \
    {                                                                                              \
        TEXT_OF(connection);                                                                       \
        return rename_file(import "rename", TEXT_OF(place), TEXT_OF(from), TEXT_OF(to), result,    \
                           result_capacity);                                                       \
    }

CONTENT_IMPORTS(ftp, , "ftp.")
CONTENT_IMPORTS(http, object_, "http.object_")

int32_t sluice_file_next(int32_t listing, void *name, uint32_t name_capacity,
                         struct sluice_file_info *info)
{
    struct handle *handle = fake_handle_of(listing, LISTING);
    if (!handle)
        return SLUICE_BAD_HANDLE;
    int32_t failed = fake_scripted("file.next");
    if (failed)
        return failed;
    size_t prefix = strlen(fake_world.listed_prefix);
    while (handle->position < fake_world.file_count) {
        const struct source_file *file = &fake_world.files[handle->position++];
        if (strncmp(file->name, fake_world.listed_prefix, prefix) != 0)
            continue;
        uint64_t size = file->flags & SLUICE_FILE_SIZE_UNKNOWN ? 0 : file->size;
        *info = (struct sluice_file_info){.size = size, .flags = file->flags};
        return fake_give(name, name_capacity, file->name, strlen(file->name));
    }
    return SLUICE_NOT_FOUND;
}

/* Files are asked for in their order, so it is the one of last time or the next one. */
static uint64_t size_of(const char *name)
{
    static size_t last;
    for (size_t i = 0; i < fake_world.file_count; i++) {
        const size_t at = (last + i) % fake_world.file_count;
        if (strcmp(fake_world.files[at].name, name) != 0)
            continue;
        last = at;
        return fake_world.files[at].size;
    }
    return 4;
}

int32_t sluice_file_info(int32_t file, struct sluice_file_info *info)
{
    const struct handle *handle = fake_handle_of(file, OPEN_FILE);
    if (!handle)
        return SLUICE_BAD_HANDLE;
    *info = (struct sluice_file_info){.size = size_of(handle->name)};
    info->flags = info->size > FAKE_FILE_SIZE_MAX ? SLUICE_FILE_TOO_LARGE : 0;
    return SLUICE_OK;
}

int32_t sluice_file_close(int32_t handle)
{
    if (handle <= 0 || (size_t)handle > fake_world.handle_count ||
        fake_world.handles[handle - 1].kind == CLOSED) {
        fake.violations++;
        return SLUICE_BAD_HANDLE;
    }
    fake_world.handles[handle - 1].kind = CLOSED;
    fake.open_handles--;
    return SLUICE_OK;
}

/* ---- REST and mail ------------------------------------------------------------------------ */

int32_t sluice_http_request(const char *connection, uint32_t connection_size, const char *method,
                            uint32_t method_size, const char *path, uint32_t path_size,
                            const char *content_type, uint32_t content_type_size, const void *body,
                            uint32_t body_size)
{
    struct fake_request *request = &fake.requests[fake.request_count++ % FAKE_RECORDS_MAX];
    text_set(&request->connection, TEXT_OF(connection));
    text_set(&request->method, TEXT_OF(method));
    text_set(&request->path, TEXT_OF(path));
    text_set(&request->type, TEXT_OF(content_type));
    text_clear(&request->body);
    text_add_bytes(&request->body, body, body_size);
    int32_t failed = fake_scripted("http.request");
    return failed ? failed : answer_for("", 1);
}

int32_t sluice_http_status(int32_t response)
{
    const struct handle *handle = fake_handle_of(response, RESPONSE);
    return handle ? handle->status : SLUICE_BAD_HANDLE;
}

int32_t sluice_http_header(int32_t response, const char *name, uint32_t name_size, void *value,
                           uint32_t value_capacity)
{
    TEXT_OF(name);
    (void)value;
    (void)value_capacity;
    return fake_handle_of(response, RESPONSE) ? SLUICE_NOT_FOUND : SLUICE_BAD_HANDLE;
}

int32_t sluice_http_body(int32_t response, void *body, uint32_t body_capacity)
{
    const struct handle *handle = fake_handle_of(response, RESPONSE);
    return handle ? fake_give(body, body_capacity, handle->body, strlen(handle->body))
                  : SLUICE_BAD_HANDLE;
}

int32_t sluice_smtp_send(const char *connection, uint32_t connection_size, const char *from,
                         uint32_t from_size, const char *to, uint32_t to_size, const char *subject,
                         uint32_t subject_size, const void *body, uint32_t body_size)
{
    int32_t failed = fake_scripted("smtp.send");
    if (failed)
        return failed;
    struct fake_mail *mail = &fake.mails[fake.mail_count++ % FAKE_RECORDS_MAX];
    text_set(&mail->connection, TEXT_OF(connection));
    text_set(&mail->from, TEXT_OF(from));
    text_set(&mail->to, TEXT_OF(to));
    text_set(&mail->subject, TEXT_OF(subject));
    text_clear(&mail->body);
    text_add_bytes(&mail->body, body, body_size);
    if (!utf8_is_valid(text_string(&mail->body), mail->body.size))
        fake.violations++;
    fake_note_call("smtp.send", text_string(&mail->to), text_string(&mail->subject), "");
    return SLUICE_OK;
}
