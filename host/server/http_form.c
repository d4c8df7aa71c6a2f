/* SPDX-License-Identifier: MIT */
/* One file out of a form; see http_form.h. */
#include "server/http_form.h"

#include <stdio.h>
#include <string.h>

#include "base/multipart.h"
#include "base/text.h"

#define FIELD_NAME_SIZE 128   /* of those that are looked for; longer ones are not among them */
#define FILE_PATH_SIZE 4096   /* as sent; the name is what is behind the folders */

struct reading {
    const char *field;
    struct http_form_file *file;
    bool is_in_file; /* the part at hand is that field */
};

/* Some clients send whole paths; nobody means them. */
static bool take_name(struct http_form_file *file, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/'), *backslash = strrchr(path, '\\');
    if (backslash && (!slash || backslash > slash))
        slash = backslash;
    const char *name = slash ? slash + 1 : path;
    size_t size = strlen(name);
    if (size >= sizeof file->name || text_has_control(name) || !text_is_utf8(name, size))
        return error_set(err, ERROR_INVALID, "the file's name is longer than %d bytes or not UTF-8 text",
                         HTTP_FORM_NAME_SIZE - 1);
    memcpy(file->name, name, size + 1);
    return true;
}

static bool begin_part(struct reading *reading, const struct multipart *parser, struct error *err)
{
    char name[FIELD_NAME_SIZE], path[FILE_PATH_SIZE];
    const char *disposition = multipart_field(parser, "Content-Disposition");
    reading->is_in_file = disposition &&
                          multipart_parameter(disposition, "name", name, sizeof name) &&
                          strcmp(name, reading->field) == 0;
    if (!reading->is_in_file)
        return true;
    if (reading->file->is_there)
        return error_set(err, ERROR_INVALID, "the form has more than one field '%s'",
                         reading->field);
    reading->file->is_there = true;
    return !multipart_parameter(disposition, "filename", path, sizeof path) ||
           take_name(reading->file, path, err);
}

static bool read_parts(struct reading *reading, struct multipart *parser,
                       struct multipart_piece input, struct error *err)
{
    struct multipart_piece piece;
    enum multipart_event event;
    bool ok = true;
    while (ok && (event = multipart_next(parser, &input, &piece, err)) != MULTIPART_MORE) {
        if (event == MULTIPART_BAD)
            ok = false;
        else if (event == MULTIPART_PART)
            ok = begin_part(reading, parser, err);
        else if (event == MULTIPART_DATA && reading->is_in_file)
            buf_append(&reading->file->bytes, piece.data, piece.size);
    }
    return ok && (multipart_is_whole(parser) ||
                  error_set(err, ERROR_INVALID, "the form ends before its last boundary"));
}

bool http_form_file(const struct http_exchange *exchange, const char *field,
                    struct http_form_file *file, struct error *err)
{
    char boundary[MULTIPART_BOUNDARY_SIZE_MAX + 1];
    struct multipart parser;
    struct reading reading = {.field = field, .file = file};
    const struct multipart_piece input = {buf_text(&exchange->body), exchange->body.size};
    file->name[0] = '\0';
    file->is_there = false;
    if (!multipart_boundary(exchange->content_type, boundary, err))
        return false;
    multipart_init(&parser, boundary);
    if (!read_parts(&reading, &parser, input, err))
        return false;
    if (!file->is_there)
        return error_set(err, ERROR_INVALID, "the form has no field '%s' (curl -F %s=@FILE)", field,
                         field);
    return !file->bytes.failed || error_set(err, ERROR_LIMIT, "the file is larger than %zu bytes",
                                            file->bytes.size_max);
}
