/* SPDX-License-Identifier: MIT */
/* The stand-in for the imports; see fake_host.h. */
#include "fake_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/imports.h"
#include "sluice/lookup.h"

#define PROPERTIES_MAX 64
#define FILES_MAX 32768
#define SCRIPTS_MAX 16
#define HANDLES_MAX 65536

struct fake_record fake;

struct property {
    char lookup[64], name[64], value[256];
};

struct source_file {
    char *name;
    uint64_t size;
    uint32_t flags;
};

struct failure {
    char import[32];
    int nth;
    int32_t status;
    char detail[256];
};

struct answer {
    char flow[64];
    int nth, http_status;
    struct text body;
};

enum kind { CLOSED, LISTING, OPEN_FILE, RESPONSE };

struct handle {
    enum kind kind;
    size_t position; /* LISTING */
    char name[1100]; /* OPEN_FILE */
    int status;      /* RESPONSE */
    char *body;
};

static struct world {
    struct property properties[PROPERTIES_MAX];
    size_t property_count;
    struct property facts[16];
    size_t fact_count;
    struct source_file *files;
    size_t file_count;
    struct failure failures[SCRIPTS_MAX];
    size_t failure_count;
    struct answer answers[SCRIPTS_MAX];
    size_t answer_count;
    struct {
        char name[64];
        int count;
    } counters[64];
    struct handle *handles;
    size_t handle_count;
    char *parameter, *message, *attachment;
    size_t message_size;
    char listed_prefix[256];
    char fault[1024];
} world;

/* ---- filling the world -------------------------------------------------------------------- */

void fake_property(const char *lookup, const char *property, const char *value)
{
    struct property *row = NULL;
    for (size_t i = 0; i < world.property_count; i++)
        if (!strcmp(world.properties[i].lookup, lookup) &&
            !strcmp(world.properties[i].name, property))
            row = &world.properties[i];
    if (!value) {
        if (row)
            *row = world.properties[--world.property_count];
        return;
    }
    if (!row)
        row = &world.properties[world.property_count++];
    snprintf(row->lookup, sizeof row->lookup, "%s", lookup);
    snprintf(row->name, sizeof row->name, "%s", property);
    snprintf(row->value, sizeof row->value, "%s", value);
}

void fake_config(const char *property, const char *value)
{
    fake_property(LOOKUP_CONFIG, property, value);
}

static char *keep(const char *string)
{
    return string ? memory_copy(string) : NULL;
}

void fake_parameter(const char *value)
{
    world.parameter = keep(value);
}

void fake_about(const char *key, const char *value)
{
    size_t i = 0;
    while (i < world.fact_count && strcmp(world.facts[i].name, key) != 0)
        i++;
    if (i == world.fact_count)
        world.fact_count++;
    snprintf(world.facts[i].name, sizeof world.facts[i].name, "%s", key);
    snprintf(world.facts[i].value, sizeof world.facts[i].value, "%s", value);
}

void fake_message(const char *bytes, size_t size)
{
    world.message = memory_new(size + 1);
    memcpy(world.message, bytes, size);
    world.message_size = size;
}

void fake_attach(const char *name)
{
    world.attachment = keep(name);
}

void fake_file(const char *name, uint64_t size, uint32_t flags)
{
    world.files[world.file_count++] = (struct source_file){keep(name), size, flags};
}

void fake_fail(const char *import, int nth, int32_t status, const char *detail)
{
    struct failure *failure = &world.failures[world.failure_count++];
    snprintf(failure->import, sizeof failure->import, "%s", import);
    snprintf(failure->detail, sizeof failure->detail, "%s", detail);
    failure->nth = nth;
    failure->status = status;
}

void fake_answer(const char *flow, int nth, int http_status, const char *body)
{
    struct answer *answer = &world.answers[world.answer_count++];
    snprintf(answer->flow, sizeof answer->flow, "%s", flow ? flow : "");
    answer->nth = nth;
    answer->http_status = http_status;
    text_set(&answer->body, body);
}

void fake_reset(void)
{
    static struct source_file files[FILES_MAX];
    static struct handle handles[HANDLES_MAX];
    memset(&world, 0, sizeof world);
    memset(&fake, 0, sizeof fake);
    memset(handles, 0, sizeof handles[0] * 64);
    world.files = files;
    world.handles = handles;
    fake_about("instance", "Zm9vYmFyYmF6cXV4MDEyMw");
    fake_about("flow", "OUTL-BA-TEST");
    fake_about("name", "OU CCS DACS Customer Sync FTP Transfer");
    fake_about("version", "01.23.3000");
    fake_about("trigger", "schedule");
    fake_about("invoked_by", "integration.user");
    fake_about("started", "2026-11-24T03:09:10.000Z");
    fake_about("file_size_max", "1073741824");
    fake_config("notification.type.email", "email");
    fake_config("notification.email.error.flag", "true");
    fake_config("notification.email.process.complete.flag", "true");
    fake_config("notification.email.process.nofile.flag", "true");
    fake_config("ccs.ftp.custsync.input.directory", "/sploutput/CustomerSync");
    fake_config("ccs.prefixtag.file.uploaded", "SENT-");
    fake_config("ccs.os.custsync.namespace", "ccsnamespace");
    fake_config("ccs.os.custsync.bucketname", "CCSDACS_CustomerSync");
    fake_config("dacs.file.target.transfer.pref", "ftp");
    fake_config("dacs.ftp.custsync.output.directory", "/dacs/in");
    fake_config("dacs.os.custsync.namespace", "dacsnamespace");
    fake_config("dacs.os.custsync.bucketname", "CCSDACS_CustomerSync");
    fake_property(LOOKUP_EMAIL, "from", "admin@example.org");
    fake_property(LOOKUP_EMAIL, "to", "errors@example.org");
    fake_property(LOOKUP_EMAIL, "to.process.notification", "users@example.org,more@example.org");
}

/* ---- looking at it ------------------------------------------------------------------------ */

const struct fake_report *fake_report_of(const char *name)
{
    size_t count = fake.report_count < FAKE_RECORDS_MAX ? fake.report_count : FAKE_RECORDS_MAX;
    while (count-- > 0)
        if (!strcmp(text_string(&fake.reports[count].name), name))
            return &fake.reports[count];
    return NULL;
}

const struct fake_child *fake_child_of(const char *flow, size_t index)
{
    for (size_t i = 0; i < fake.child_count && i < FAKE_RECORDS_MAX; i++)
        if (!strcmp(text_string(&fake.children[i].flow), flow) && index-- == 0)
            return &fake.children[i];
    return NULL;
}

/* ---- what every import does first --------------------------------------------------------- */

static int count_call(const char *name)
{
    size_t i = 0;
    while (world.counters[i].name[0] && strcmp(world.counters[i].name, name) != 0)
        i++;
    snprintf(world.counters[i].name, sizeof world.counters[i].name, "%s", name);
    return ++world.counters[i].count;
}

static int32_t fail_with(const char *import, int32_t status, const char *detail)
{
    snprintf(world.fault, sizeof world.fault,
             "{\"code\":\"x\",\"title\":\"%s failed\",\"detail\":\"%s\",\"connection\":\"CONN\","
             "\"import\":\"%s\",\"peer_code\":0}",
             import, detail, import);
    return status;
}

/* The scripted failure of this call; 0: none. */
static int32_t scripted(const char *import)
{
    int nth = count_call(import);
    for (size_t i = 0; i < world.failure_count; i++) {
        const struct failure *failure = &world.failures[i];
        if (!strcmp(failure->import, import) && (failure->nth == 0 || failure->nth == nth))
            return fail_with(import, failure->status, failure->detail);
    }
    return 0;
}

/* A TEXT argument into one of a few buffers that live until the next calls. */
static const char *check_text(const char *text, uint32_t size)
{
    static char buffers[8][SLUICE_TEXT_SIZE_MAX + 1];
    static unsigned next;
    char *buffer = buffers[next++ % 8];
    if (size > SLUICE_TEXT_SIZE_MAX || !utf8_is_valid(text, size) || memchr(text, 0, size)) {
        fake.violations++;
        size = 0;
    }
    memcpy(buffer, text, size);
    buffer[size] = '\0';
    return buffer;
}

#define TEXT_OF(name) check_text(name, name##_size)

static int32_t give(void *out, uint32_t capacity, const char *bytes, size_t size)
{
    if (size > 0 && capacity > 0)
        memcpy(out, bytes, size < capacity ? size : capacity);
    return (int32_t)size;
}

static int32_t open_handle(enum kind kind)
{
    struct handle *handle = &world.handles[world.handle_count++];
    *handle = (struct handle){.kind = kind};
    fake.open_handles++;
    return (int32_t)world.handle_count;
}

static struct handle *handle_of(int32_t number, enum kind kind)
{
    if (number <= 0 || (size_t)number > world.handle_count ||
        world.handles[number - 1].kind != kind) {
        fake.violations++;
        return NULL;
    }
    return &world.handles[number - 1];
}

static void note_call(const char *import, const char *a, const char *b, const char *c)
{
    text_add_format(&fake.calls, "%s %s %s %s\n", import, a, b, c);
}

/* ---- flow --------------------------------------------------------------------------------- */

int32_t sluice_flow_input(void *data, uint32_t data_capacity)
{
    return give(data, data_capacity, world.message, world.message_size);
}

int32_t sluice_flow_parameter(const char *name, uint32_t name_size, void *value,
                              uint32_t value_capacity)
{
    const char *wanted = TEXT_OF(name);
    if (strcmp(wanted, "extractedFileNamePrefix") != 0 || !world.parameter)
        return fail_with("flow.parameter", SLUICE_NOT_FOUND, "parameter was not given");
    return give(value, value_capacity, world.parameter, strlen(world.parameter));
}

int32_t sluice_flow_about(const char *key, uint32_t key_size, void *value, uint32_t value_capacity)
{
    const char *wanted = TEXT_OF(key);
    for (size_t i = 0; i < world.fact_count; i++)
        if (!strcmp(world.facts[i].name, wanted))
            return give(value, value_capacity, world.facts[i].value, strlen(world.facts[i].value));
    return fail_with("flow.about", SLUICE_INVALID, "nothing is known");
}

int32_t sluice_flow_lookup(const char *table, uint32_t table_size, const char *property,
                           uint32_t property_size, void *value, uint32_t value_capacity)
{
    const char *lookup = TEXT_OF(table), *name = TEXT_OF(property);
    int32_t failed = scripted("flow.lookup");
    if (failed)
        return failed;
    for (size_t i = 0; i < world.property_count; i++)
        if (!strcmp(world.properties[i].lookup, lookup) && !strcmp(world.properties[i].name, name))
            return give(value, value_capacity, world.properties[i].value,
                        strlen(world.properties[i].value));
    return fail_with("flow.lookup", SLUICE_NOT_FOUND, "no such property");
}

int32_t sluice_flow_attachment(void)
{
    if (!world.attachment)
        return fail_with("flow.attachment", SLUICE_NOT_FOUND, "no file came with this message");
    int32_t handle = open_handle(OPEN_FILE);
    snprintf(world.handles[handle - 1].name, sizeof world.handles[0].name, "%s", world.attachment);
    return handle;
}

static int32_t answer_for(const char *flow, int nth)
{
    int32_t number = open_handle(RESPONSE);
    struct handle *handle = &world.handles[number - 1];
    handle->status = 200;
    handle->body = memory_copy("{\"status\":\"transferred\"}");
    for (size_t i = 0; i < world.answer_count; i++) {
        const struct answer *answer = &world.answers[i];
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
        return fail_with("flow.call", SLUICE_DENIED, "no grant");
    struct fake_child *child = &fake.children[fake.child_count++ % FAKE_RECORDS_MAX];
    text_set(&child->flow, name);
    text_clear(&child->body);
    text_add_bytes(&child->body, body, body_size);
    text_clear(&child->file);
    if (attachment != 0) {
        const struct handle *file = handle_of(attachment, OPEN_FILE);
        if (!file)
            return SLUICE_BAD_HANDLE;
        text_set(&child->file, file->name);
    }
    note_call("flow.call", name, text_string(&child->file), "");
    char key[48];
    snprintf(key, sizeof key, "flow.call %s", name);
    int nth = count_call(key);
    int32_t failed = scripted("flow.call");
    return failed ? failed : answer_for(name, nth);
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
    if (!world.fault[0])
        return SLUICE_NOT_FOUND;
    return give(record, record_capacity, world.fault, strlen(world.fault));
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
    note_call(import, place, prefix, "");
    int32_t failed = scripted(import);
    if (failed)
        return failed;
    snprintf(world.listed_prefix, sizeof world.listed_prefix, "%s", prefix);
    return open_handle(LISTING);
}

static int32_t open_file(const char *import, const char *place, const char *name)
{
    note_call(import, place, name, "");
    int32_t failed = scripted(import);
    if (failed)
        return failed;
    int32_t handle = open_handle(OPEN_FILE);
    snprintf(world.handles[handle - 1].name, sizeof world.handles[0].name, "%s", name);
    return handle;
}

static int32_t store(const char *import, const char *place, const char *name, int32_t file,
                     void *out, uint32_t capacity)
{
    note_call(import, place, name, "");
    if (!handle_of(file, OPEN_FILE))
        return SLUICE_BAD_HANDLE;
    int32_t failed = scripted(import);
    if (failed)
        return failed;
    char receipt[1200];
    int size = snprintf(receipt, sizeof receipt, "{\"name\":\"%s\",\"size\":4}", name);
    return give(out, capacity, receipt, (size_t)size);
}

static int32_t rename_file(const char *import, const char *place, const char *from, const char *to,
                           void *out, uint32_t capacity)
{
    note_call(import, place, from, to);
    int32_t failed = scripted(import);
    return failed ? failed : give(out, capacity, to, strlen(to));
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
        return scripted(import "stat");                                                            \
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
    struct handle *handle = handle_of(listing, LISTING);
    if (!handle)
        return SLUICE_BAD_HANDLE;
    int32_t failed = scripted("file.next");
    if (failed)
        return failed;
    size_t prefix = strlen(world.listed_prefix);
    while (handle->position < world.file_count) {
        const struct source_file *file = &world.files[handle->position++];
        if (strncmp(file->name, world.listed_prefix, prefix) != 0)
            continue;
        *info = (struct sluice_file_info){.size = file->size, .flags = file->flags};
        return give(name, name_capacity, file->name, strlen(file->name));
    }
    return SLUICE_NOT_FOUND;
}

int32_t sluice_file_info(int32_t file, struct sluice_file_info *info)
{
    if (!handle_of(file, OPEN_FILE))
        return SLUICE_BAD_HANDLE;
    *info = (struct sluice_file_info){.size = 4};
    return SLUICE_OK;
}

int32_t sluice_file_close(int32_t handle)
{
    if (handle <= 0 || (size_t)handle > world.handle_count ||
        world.handles[handle - 1].kind == CLOSED) {
        fake.violations++;
        return SLUICE_BAD_HANDLE;
    }
    world.handles[handle - 1].kind = CLOSED;
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
    int32_t failed = scripted("http.request");
    return failed ? failed : answer_for("", 1);
}

int32_t sluice_http_status(int32_t response)
{
    const struct handle *handle = handle_of(response, RESPONSE);
    return handle ? handle->status : SLUICE_BAD_HANDLE;
}

int32_t sluice_http_header(int32_t response, const char *name, uint32_t name_size, void *value,
                           uint32_t value_capacity)
{
    TEXT_OF(name);
    (void)value;
    (void)value_capacity;
    return handle_of(response, RESPONSE) ? SLUICE_NOT_FOUND : SLUICE_BAD_HANDLE;
}

int32_t sluice_http_body(int32_t response, void *body, uint32_t body_capacity)
{
    const struct handle *handle = handle_of(response, RESPONSE);
    return handle ? give(body, body_capacity, handle->body, strlen(handle->body))
                  : SLUICE_BAD_HANDLE;
}

int32_t sluice_smtp_send(const char *connection, uint32_t connection_size, const char *from,
                         uint32_t from_size, const char *to, uint32_t to_size, const char *subject,
                         uint32_t subject_size, const void *body, uint32_t body_size)
{
    int32_t failed = scripted("smtp.send");
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
    note_call("smtp.send", text_string(&mail->to), text_string(&mail->subject), "");
    return SLUICE_OK;
}
