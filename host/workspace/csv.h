/* SPDX-License-Identifier: MIT */
/* RFC 4180 records, one after the other; no I/O, no allocation but the caller's buffers. */
#ifndef WORKSPACE_CSV_H
#define WORKSPACE_CSV_H
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define CSV_FIELD_SIZE_MAX 65536
#define CSV_FIELDS_MAX 16

struct csv {
    const char *source; /* names the text in errors; borrowed */
    const char *at, *end;
    size_t line;        /* of what comes next, from 1 */
};

struct csv_record {
    struct buf fields[CSV_FIELDS_MAX];
    size_t count; /* 0: the end of the text */
    size_t line;  /* where the record begins */
};

/* A UTF-8 byte order mark is skipped. text is borrowed as long as csv is used. */
void csv_init(struct csv *csv, const char *text, size_t size, const char *source);

void csv_record_init(struct csv_record *record);
void csv_record_release(struct csv_record *record);

/* Reads the next record; lines without any character are skipped. ERROR_INVALID or ERROR_LIMIT
 * "source:line: ...". */
MUST_USE bool csv_next(struct csv *csv, struct csv_record *record, struct error *err);

/* Appends one field, quoted where RFC 4180 asks for it. */
void csv_append(struct buf *out, const char *field);
#endif
