/* SPDX-License-Identifier: MIT */
/* RFC 4180; see csv.h. */
#include "workspace/csv.h"

#include <string.h>

void csv_init(struct csv *csv, const char *text, size_t size, const char *source)
{
    size_t mark = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *csv = (struct csv){.source = source, .at = text + mark, .end = text + size, .line = 1};
}

void csv_record_init(struct csv_record *record)
{
    *record = (struct csv_record){0};
    for (size_t i = 0; i < CSV_FIELDS_MAX; i++)
        buf_init(&record->fields[i], CSV_FIELD_SIZE_MAX);
}

void csv_record_release(struct csv_record *record)
{
    for (size_t i = 0; i < CSV_FIELDS_MAX; i++)
        buf_release(&record->fields[i]);
}

static bool at_newline(const struct csv *csv)
{
    return *csv->at == '\n' || (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

static void skip_newline(struct csv *csv)
{
    if (csv->at < csv->end) {
        csv->at += *csv->at == '\r' ? 2 : 1;
        csv->line++;
    }
}

static bool read_quoted(struct csv *csv, struct buf *field, struct error *err)
{
    size_t line = csv->line;
    for (csv->at++; csv->at < csv->end; csv->at++) {
        bool doubled = *csv->at == '"' && csv->at + 1 < csv->end && csv->at[1] == '"';
        if (*csv->at == '"' && !doubled)
            break;
        csv->at += doubled;
        csv->line += *csv->at == '\n';
        buf_append_char(field, *csv->at);
    }
    if (csv->at >= csv->end)
        return error_set(err, ERROR_INVALID, "%s:%zu: a quoted field begins here and never ends",
                         csv->source, line);
    csv->at++;
    if (csv->at < csv->end && *csv->at != ',' && !at_newline(csv))
        return error_set(err, ERROR_INVALID,
                         "%s:%zu: expected a comma or the end of the line behind a closing quote",
                         csv->source, csv->line);
    return true;
}

static bool read_plain(struct csv *csv, struct buf *field, struct error *err)
{
    for (; csv->at < csv->end && *csv->at != ',' && !at_newline(csv); csv->at++) {
        if (*csv->at == '"' || *csv->at == '\r')
            return error_set(err, ERROR_INVALID, "%s:%zu: a field with %s must be in quotes",
                             csv->source, csv->line,
                             *csv->at == '"' ? "a quote inside" : "a carriage return inside");
        buf_append_char(field, *csv->at);
    }
    return true;
}

static bool read_field(struct csv *csv, struct csv_record *record, struct error *err)
{
    if (record->count == CSV_FIELDS_MAX)
        return error_set(err, ERROR_LIMIT, "%s:%zu: more than %d fields", csv->source, csv->line,
                         CSV_FIELDS_MAX);
    struct buf *field = &record->fields[record->count++];
    buf_clear(field);
    bool quoted = csv->at < csv->end && *csv->at == '"';
    if (!(quoted ? read_quoted(csv, field, err) : read_plain(csv, field, err)))
        return false;
    if (field->failed)
        return error_set(err, ERROR_LIMIT, "%s:%zu: a field is longer than %d bytes", csv->source,
                         record->line, CSV_FIELD_SIZE_MAX);
    if (memchr(buf_text(field), '\0', field->size))
        return error_set(err, ERROR_INVALID, "%s:%zu: a field holds a NUL byte", csv->source,
                         record->line);
    return true;
}

bool csv_next(struct csv *csv, struct csv_record *record, struct error *err)
{
    while (csv->at < csv->end && at_newline(csv))
        skip_newline(csv);
    record->count = 0;
    record->line = csv->line;
    if (csv->at >= csv->end)
        return true;
    while (read_field(csv, record, err)) {
        bool more = csv->at < csv->end && *csv->at == ',';
        if (!more) {
            skip_newline(csv);
            return true;
        }
        csv->at++;
    }
    return false;
}

void csv_append(struct buf *out, const char *field)
{
    /* A byte order mark at the beginning of a text would be skipped. */
    bool quote = strpbrk(field, "\",\r\n") || *field == ' ' || *field == '\0' ||
                 field[strlen(field) - 1] == ' ' || strncmp(field, "\xEF\xBB\xBF", 3) == 0;
    if (!quote || *field == '\0') {
        buf_append_text(out, field);
        return;
    }
    buf_append_char(out, '"');
    for (; *field; field++) {
        if (*field == '"')
            buf_append_char(out, '"');
        buf_append_char(out, *field);
    }
    buf_append_char(out, '"');
}
