/* SPDX-License-Identifier: MIT */
/*
 * Text for people: nothing that came from outside reaches a terminal with control bytes in it.
 * Not thread-safe.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

/* Appends text with control characters (C0, DEL, C1, bidirectional overrides) and bytes that are not
 * UTF-8 as \xNN. */
void print_escape(struct buf *out, const char *text);

/* Writes text so escaped; NULL is written as "-". */
void print_text(FILE *out, const char *text);

/* Columns that text takes once escaped: one for each code point. */
size_t print_width(const char *text);

/* A table whose columns are as wide as their widest cell; the last one is not padded. */
#define TABLE_COLUMNS_MAX 8
#define TABLE_CELL_SIZE_MAX 4096

struct table {
    size_t column_count;
    char **cells; /* escaped; rows after each other, the first is the head */
    size_t cell_count, cell_capacity;
    bool failed; /* memory is out: table_print says so */
};

void table_init(struct table *table, size_t column_count);
void table_release(struct table *table);
void table_add(struct table *table, const char *cell); /* NULL: "-" */
void table_printf(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
void table_print(const struct table *table, FILE *out);

#define DURATION_TEXT_SIZE 32
/* "840 ms", "12.3 s", "4 min 05 s", "2 h 10 min". Returns text. */
const char *print_duration(int64_t duration_ms, char text[static DURATION_TEXT_SIZE]);
#endif
