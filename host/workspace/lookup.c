/* SPDX-License-Identifier: MIT */
/* Lookups as an array of rows in the file's order; see lookup.h. */
#include "workspace/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "workspace/csv.h"

void lookup_release(struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->row_count; i++) {
        free(lookup->rows[i].key);
        free(lookup->rows[i].value);
    }
    free(lookup->rows);
    free(lookup->name);
    free(lookup->key_column);
    free(lookup->value_column);
    *lookup = (struct lookup){0};
}

static struct lookup_row *find_row(const struct lookup *lookup, const char *property)
{
    for (size_t i = 0; i < lookup->row_count; i++)
        if (text_same_name(lookup->rows[i].key, property))
            return &lookup->rows[i];
    return NULL;
}

const char *lookup_get(const struct lookup *lookup, const char *property)
{
    const struct lookup_row *row = find_row(lookup, property);
    return row ? row->value : NULL;
}

static bool add_row(struct lookup *lookup, const char *key, const char *value, struct error *err)
{
    if (lookup->row_count == LOOKUP_ROWS_MAX)
        return error_set(err, ERROR_LIMIT, "lookup '%s' has %d rows, more are not possible",
                         lookup->name, LOOKUP_ROWS_MAX);
    struct lookup_row row = {strdup(key), strdup(value)};
    struct lookup_row *rows = realloc(lookup->rows, (lookup->row_count + 1) * sizeof *rows);
    if (rows)
        lookup->rows = rows;
    if (!rows || !row.key || !row.value) {
        free(row.key);
        free(row.value);
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    lookup->rows[lookup->row_count++] = row;
    return true;
}

/* An OIC export may hold a property in two spellings ("notification.type. email" next to
 * "notification.type.email"); they are one property, so they must agree. */
static bool check_twice(const struct lookup *lookup, const struct csv *csv, size_t line,
                        const char *key, const char *value, struct error *err)
{
    const struct lookup_row *row = find_row(lookup, key);
    if (!row || (strcmp(row->key, key) != 0 && strcmp(row->value, value) == 0))
        return true;
    if (strcmp(row->key, key) == 0)
        return error_set(err, ERROR_INVALID, "%s:%zu: '%s' is given twice", csv->source, line, key);
    return error_set(err, ERROR_INVALID,
                     "%s:%zu: '%s' and '%s' are the same property but have different values",
                     csv->source, line, key, row->key);
}

static bool take_row(struct lookup *lookup, const struct csv *csv, const struct csv_record *record,
                     struct error *err)
{
    const char *key = buf_text(&record->fields[0]), *value = buf_text(&record->fields[1]);
    if (record->count != 2)
        return error_set(err, ERROR_INVALID, "%s:%zu: expected 2 fields (%s,%s), found %zu",
                         csv->source, record->line, lookup->key_column, lookup->value_column,
                         record->count);
    if (!text_is_utf8(key, strlen(key)) || !text_is_utf8(value, strlen(value)))
        return error_set(err, ERROR_INVALID, "%s:%zu: not UTF-8 text", csv->source, record->line);
    if (!*key)
        return error_set(err, ERROR_INVALID, "%s:%zu: %s is empty", csv->source, record->line,
                         lookup->key_column);
    if (text_has_control(key) || text_has_control(value))
        return error_set(err, ERROR_INVALID, "%s:%zu: control characters are not possible here",
                         csv->source, record->line);
    if (!check_twice(lookup, csv, record->line, key, value, err))
        return false;
    return add_row(lookup, key, value, err) || error_context(err, "%s:%zu", csv->source,
                                                             record->line);
}

/* The layout with a name line: one field (perhaps a description behind it) that is the name. */
static bool is_name_line(const struct csv_record *record, const char *name)
{
    return record->count >= 1 && strcmp(buf_text(&record->fields[0]), name) == 0;
}

static bool take_header(struct lookup *lookup, struct csv *csv, struct csv_record *record,
                        struct error *err)
{
    if (!csv_next(csv, record, err))
        return false;
    if (is_name_line(record, lookup->name) && !csv_next(csv, record, err))
        return false;
    if (record->count != 2)
        return error_set(err, ERROR_INVALID,
                         "%s:%zu: expected a header of 2 columns such as PropertyName,Value (or "
                         "the lookup's name '%s' on a line before it)",
                         csv->source, record->line, lookup->name);
    const char *key = buf_text(&record->fields[0]), *value = buf_text(&record->fields[1]);
    if (!*key || !*value || text_has_control(key) || text_has_control(value) ||
        !text_is_utf8(key, strlen(key)) || !text_is_utf8(value, strlen(value)))
        return error_set(err, ERROR_INVALID, "%s:%zu: a column has no usable name", csv->source,
                         record->line);
    lookup->key_column = strdup(key);
    lookup->value_column = strdup(value);
    return (lookup->key_column && lookup->value_column) ||
           error_set(err, ERROR_LIMIT, "out of memory");
}

static bool take_all(struct lookup *lookup, struct csv *csv, struct csv_record *record,
                     struct error *err)
{
    if (!take_header(lookup, csv, record, err))
        return false;
    while (csv_next(csv, record, err)) {
        if (record->count == 0)
            return true;
        if (!take_row(lookup, csv, record, err))
            return false;
    }
    return false;
}

bool lookup_parse(struct lookup *out, const char *name, const char *text, size_t size,
                  const char *source, struct error *err)
{
    struct lookup lookup = {.name = strdup(name)};
    struct csv csv;
    struct csv_record record;
    if (!lookup.name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    csv_init(&csv, text, size, source);
    csv_record_init(&record);
    bool ok = size <= LOOKUP_SIZE_MAX
                  ? take_all(&lookup, &csv, &record, err)
                  : error_set(err, ERROR_LIMIT, "%s: larger than %d bytes", source, LOOKUP_SIZE_MAX);
    csv_record_release(&record);
    if (ok)
        *out = lookup;
    else
        lookup_release(&lookup);
    return ok;
}

static bool check_text(const char *what, const char *text, struct error *err)
{
    if (text_has_control(text) || !text_is_utf8(text, strlen(text)))
        return error_set(err, ERROR_INVALID, "a %s is UTF-8 text without control characters", what);
    if (strlen(text) > CSV_FIELD_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "a %s has at most %d bytes", what, CSV_FIELD_SIZE_MAX);
    return true;
}

bool lookup_set(struct lookup *lookup, const char *property, const char *value, struct error *err)
{
    if (!check_text("property name", property, err) || !check_text("value", value, err))
        return false;
    if (!*property)
        return error_set(err, ERROR_INVALID, "a property needs a name");
    if (!find_row(lookup, property))
        return add_row(lookup, property, value, err);
    for (size_t i = 0; i < lookup->row_count; i++) {
        struct lookup_row *row = &lookup->rows[i];
        if (!text_same_name(row->key, property))
            continue;
        char *copy = strdup(value);
        if (!copy)
            return error_set(err, ERROR_LIMIT, "out of memory");
        free(row->value);
        row->value = copy;
    }
    return true;
}

static void format_row(struct buf *out, const char *key, const char *value)
{
    csv_append(out, key);
    buf_append_char(out, ',');
    csv_append(out, value);
    buf_append_char(out, '\n'); /* not CRLF: setting one property changes one line of a kept file */
}

void lookup_format(const struct lookup *lookup, struct buf *out)
{
    if (strcmp(lookup->key_column, lookup->name) == 0) { /* else the header would pass for the name line */
        csv_append(out, lookup->name);
        buf_append_char(out, '\n');
    }
    format_row(out, lookup->key_column, lookup->value_column);
    for (size_t i = 0; i < lookup->row_count; i++)
        format_row(out, lookup->rows[i].key, lookup->rows[i].value);
}
