/* SPDX-License-Identifier: MIT */
/* One file out of a form; see http_form.h. */
#include "server/http_form.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PROCESSOR_SIZE 4096

struct reading {
    const char *field;
    struct http_form_file *file;
    bool is_twice, is_badly_named;
};

/* Browsers of old sent whole paths; nobody means them. */
static bool take_name(struct http_form_file *file, const char *name)
{
    const char *slash = strrchr(name, '/'), *backslash = strrchr(name, '\\');
    if (backslash && (!slash || backslash > slash))
        slash = backslash;
    name = slash ? slash + 1 : name;
    size_t size = strlen(name);
    if (size >= sizeof file->name || text_has_control(name) || !text_is_utf8(name, size))
        return false;
    memcpy(file->name, name, size + 1);
    return true;
}

static enum MHD_Result take(void *context, enum MHD_ValueKind kind, const char *key,
                            const char *file_name, const char *type, const char *encoding,
                            const char *data, uint64_t offset, size_t size)
{
    (void)kind, (void)type, (void)encoding;
    struct reading *reading = context;
    if (!key || strcmp(key, reading->field) != 0)
        return MHD_YES;
    if (offset == 0 && reading->file->is_there && reading->file->bytes.size > 0)
        reading->is_twice = true;
    if (offset == 0 && file_name && !take_name(reading->file, file_name))
        reading->is_badly_named = true;
    reading->file->is_there = true;
    buf_append(&reading->file->bytes, data, size);
    return MHD_YES;
}

static bool judge(const struct reading *reading, bool is_well_formed, struct error *err)
{
    const struct http_form_file *file = reading->file;
    if (!is_well_formed)
        return error_set(err, ERROR_INVALID, "the body is not well-formed multipart/form-data");
    if (!file->is_there)
        return error_set(err, ERROR_INVALID, "the form has no field '%s' (curl -F %s=@FILE)",
                         reading->field, reading->field);
    if (reading->is_twice)
        return error_set(err, ERROR_INVALID, "the form has more than one field '%s'",
                         reading->field);
    if (reading->is_badly_named)
        return error_set(err, ERROR_INVALID, "the file's name is longer than %d bytes or not UTF-8 text",
                         HTTP_FORM_NAME_SIZE - 1);
    return !file->bytes.failed || error_set(err, ERROR_LIMIT, "the file is larger than %zu bytes",
                                            file->bytes.size_max);
}

bool http_form_file(struct http_exchange *exchange, const char *field, struct http_form_file *file,
                    struct error *err)
{
    struct reading reading = {.field = field, .file = file};
    file->name[0] = '\0';
    file->is_there = false;
    struct MHD_PostProcessor *processor = MHD_create_post_processor(
        http_exchange_connection(exchange), PROCESSOR_SIZE, take, &reading);
    if (!processor)
        return error_set(err, ERROR_INVALID, "the body is not multipart/form-data with a boundary");
    bool ok = MHD_post_process(processor, buf_text(&exchange->body), exchange->body.size) == MHD_YES;
    ok = MHD_destroy_post_processor(processor) == MHD_YES && ok;
    return judge(&reading, ok, err);
}
