/* SPDX-License-Identifier: MIT */
/* Escaping, tables, durations; see print.h. */
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TEXT_SIZE_MAX (16u << 20)

static size_t sequence_size(const char *text)
{
    size_t left = strnlen(text, 4);
    for (size_t size = 1; size <= left; size++)
        if (text_is_utf8(text, size))
            return size;
    return 0;
}

/* Code points that change how a terminal shows what follows: C1 controls, U+061C, U+200E/F,
 * U+2028 to U+202E, U+2066 to U+2069. */
static bool is_deceptive(const char *text, size_t size)
{
    unsigned char b[4] = {0};
    memcpy(b, text, size);
    if (size == 2)
        return (b[0] == 0xC2 && b[1] < 0xA0) || (b[0] == 0xD8 && b[1] == 0x9C);
    if (size != 3 || b[0] != 0xE2)
        return false;
    return (b[1] == 0x80 && (b[2] == 0x8E || b[2] == 0x8F || (b[2] >= 0xA8 && b[2] <= 0xAE))) ||
           (b[1] == 0x81 && b[2] >= 0xA6 && b[2] <= 0xA9);
}

void print_escape(struct buf *out, const char *text)
{
    while (*text) {
        unsigned char byte = (unsigned char)*text;
        size_t size = sequence_size(text);
        bool plain = size > 0 && byte >= 0x20 && byte != 0x7F && !is_deceptive(text, size);
        if (plain)
            buf_append(out, text, size);
        for (size_t i = 0; !plain && i < (size ? size : 1); i++)
            buf_printf(out, "\\x%02x", (unsigned char)text[i]);
        text += size ? size : 1;
    }
}

void print_text(FILE *out, const char *text)
{
    struct buf escaped;
    buf_init(&escaped, TEXT_SIZE_MAX);
    print_escape(&escaped, text ? text : "-");
    fwrite(buf_text(&escaped), 1, escaped.size, out);
    if (escaped.failed)
        fputs("...", out);
    buf_release(&escaped);
}

static size_t escaped_width(const char *escaped)
{
    size_t width = 0;
    for (; *escaped; escaped++)
        width += ((unsigned char)*escaped & 0xC0) != 0x80;
    return width;
}

size_t print_width(const char *text)
{
    struct buf escaped;
    buf_init(&escaped, TEXT_SIZE_MAX);
    print_escape(&escaped, text);
    size_t width = escaped_width(buf_text(&escaped));
    buf_release(&escaped);
    return width;
}

/* ---- tables ------------------------------------------------------------------------------------ */

void table_init(struct table *table, size_t column_count)
{
    *table = (struct table){.column_count = column_count};
}

void table_release(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){0};
}

static bool make_room(struct table *table)
{
    if (table->cell_count < table->cell_capacity)
        return true;
    size_t capacity = table->cell_capacity ? 2 * table->cell_capacity : 64;
    char **cells = realloc(table->cells, capacity * sizeof *cells);
    if (!cells)
        return false;
    table->cells = cells;
    table->cell_capacity = capacity;
    return true;
}

void table_add(struct table *table, const char *cell)
{
    struct buf escaped;
    buf_init(&escaped, TABLE_CELL_SIZE_MAX);
    print_escape(&escaped, cell && *cell ? cell : "-");
    escaped.failed = false; /* a cell that is too long is cut */
    char *text = make_room(table) ? buf_take(&escaped, NULL) : NULL;
    if (text)
        table->cells[table->cell_count++] = text;
    else
        table->failed = true;
    buf_release(&escaped);
}

void table_printf(struct table *table, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_add(table, text);
}

void table_print(const struct table *table, FILE *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = escaped_width(table->cells[i]);
        if (width > widths[i % table->column_count])
            widths[i % table->column_count] = width;
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        bool last = column + 1 == table->column_count;
        fputs(table->cells[i], out);
        for (size_t pad = escaped_width(table->cells[i]); !last && pad < widths[column] + 2; pad++)
            fputc(' ', out);
        if (last)
            fputc('\n', out);
    }
    if (table->failed)
        fputs("(out of memory: the table is not complete)\n", out);
}

const char *print_duration(int64_t duration_ms, char text[static DURATION_TEXT_SIZE])
{
    int64_t seconds = duration_ms / 1000;
    if (duration_ms < 1000)
        snprintf(text, DURATION_TEXT_SIZE, "%lld ms", (long long)duration_ms);
    else if (seconds < 60)
        snprintf(text, DURATION_TEXT_SIZE, "%.1f s", (double)(duration_ms / 100) / 10);
    else if (seconds < 3600)
        snprintf(text, DURATION_TEXT_SIZE, "%lld min %02lld s", (long long)(seconds / 60),
                 (long long)(seconds % 60));
    else
        snprintf(text, DURATION_TEXT_SIZE, "%lld h %02lld min", (long long)(seconds / 3600),
                 (long long)(seconds / 60 % 60));
    return text;
}
