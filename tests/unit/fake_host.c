/* SPDX-License-Identifier: MIT */
/* The stand-in for the imports: its world and how tests fill it; see fake_host.h. */
#include "fake_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/lookup.h"

struct fake_record fake;
struct world fake_world;

/* ---- filling the world -------------------------------------------------------------------- */

void fake_property(const char *lookup, const char *property, const char *value)
{
    struct property *row = NULL;
    for (size_t i = 0; i < fake_world.property_count; i++)
        if (!strcmp(fake_world.properties[i].lookup, lookup) &&
            !strcmp(fake_world.properties[i].name, property))
            row = &fake_world.properties[i];
    if (!value) {
        if (row)
            *row = fake_world.properties[--fake_world.property_count];
        return;
    }
    if (!row)
        row = &fake_world.properties[fake_world.property_count++];
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
    fake_world.parameter = keep(value);
}

void fake_about(const char *key, const char *value)
{
    size_t i = 0;
    while (i < fake_world.fact_count && strcmp(fake_world.facts[i].name, key) != 0)
        i++;
    if (i == fake_world.fact_count)
        fake_world.fact_count++;
    snprintf(fake_world.facts[i].name, sizeof fake_world.facts[i].name, "%s", key);
    snprintf(fake_world.facts[i].value, sizeof fake_world.facts[i].value, "%s", value);
}

void fake_message(const char *bytes, size_t size)
{
    fake_world.message = memory_new(size + 1);
    memcpy(fake_world.message, bytes, size);
    fake_world.message_size = size;
}

void fake_attach(const char *name)
{
    fake_world.attachment = keep(name);
}

void fake_file(const char *name, uint64_t size, uint32_t flags)
{
    fake_world.files[fake_world.file_count++] = (struct source_file){keep(name), size, flags};
}

void fake_fail(const char *import, int nth, int32_t status, const char *detail)
{
    struct failure *failure = &fake_world.failures[fake_world.failure_count++];
    snprintf(failure->import, sizeof failure->import, "%s", import);
    snprintf(failure->detail, sizeof failure->detail, "%s", detail);
    failure->nth = nth;
    failure->status = status;
}

void fake_answer(const char *flow, int nth, int http_status, const char *body)
{
    struct answer *answer = &fake_world.answers[fake_world.answer_count++];
    snprintf(answer->flow, sizeof answer->flow, "%s", flow ? flow : "");
    answer->nth = nth;
    answer->http_status = http_status;
    text_set(&answer->body, body);
}

void fake_extend(const char *point, const char *result)
{
    if (strcmp(point, "content") == 0) {
        fake_world.filters_content = true;
        return;
    }
    struct extension *extension = &fake_world.extensions[fake_world.extension_count++];
    snprintf(extension->point, sizeof extension->point, "%s", point);
    extension->result = memory_copy(result);
}

void fake_reset(void)
{
    static struct source_file files[FILES_MAX];
    static struct handle handles[HANDLES_MAX];
    memset(&fake_world, 0, sizeof fake_world);
    memset(&fake, 0, sizeof fake);
    memset(handles, 0, sizeof handles[0] * 64);
    fake_world.files = files;
    fake_world.handles = handles;
    fake_about("instance", "Zm9vYmFyYmF6cXV4MDEyMw");
    fake_about("flow", "OUTL-BA-TEST");
    fake_about("name", "OU CCS DACS Customer Sync FTP Transfer");
    fake_about("version", "01.23.3000");
    fake_about("trigger", "schedule");
    fake_about("invoked_by", "integration.user");
    fake_about("started", "2026-11-24T03:09:10.000Z");
    fake_about("file_size_max", "1073741824");
    fake_about("not_understood", "0");
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

int fake_count_call(const char *name)
{
    size_t i = 0;
    while (fake_world.counters[i].name[0] && strcmp(fake_world.counters[i].name, name) != 0)
        i++;
    snprintf(fake_world.counters[i].name, sizeof fake_world.counters[i].name, "%s", name);
    return ++fake_world.counters[i].count;
}

int32_t fake_fail_with(const char *import, int32_t status, const char *detail)
{
    snprintf(fake_world.fault, sizeof fake_world.fault,
             "{\"code\":\"x\",\"title\":\"%s failed\",\"detail\":\"%s\",\"connection\":\"CONN\","
             "\"import\":\"%s\",\"peer_code\":0}",
             import, detail, import);
    return status;
}

int32_t fake_scripted(const char *import)
{
    int nth = fake_count_call(import);
    for (size_t i = 0; i < fake_world.failure_count; i++) {
        const struct failure *failure = &fake_world.failures[i];
        if (!strcmp(failure->import, import) && (failure->nth == 0 || failure->nth == nth))
            return fake_fail_with(import, failure->status, failure->detail);
    }
    return 0;
}

const char *fake_check_text(const char *text, uint32_t size)
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

int32_t fake_give(void *out, uint32_t capacity, const char *bytes, size_t size)
{
    if (size > 0 && capacity > 0)
        memcpy(out, bytes, size < capacity ? size : capacity);
    return (int32_t)size;
}

int32_t fake_open_handle(enum kind kind)
{
    struct handle *handle = &fake_world.handles[fake_world.handle_count++];
    *handle = (struct handle){.kind = kind};
    fake.open_handles++;
    return (int32_t)fake_world.handle_count;
}

struct handle *fake_handle_of(int32_t number, enum kind kind)
{
    if (number <= 0 || (size_t)number > fake_world.handle_count ||
        fake_world.handles[number - 1].kind != kind) {
        fake.violations++;
        return NULL;
    }
    return &fake_world.handles[number - 1];
}

void fake_note_call(const char *import, const char *a, const char *b, const char *c)
{
    text_add_format(&fake.calls, "%s %s %s %s\n", import, a, b, c);
}
