/* SPDX-License-Identifier: MIT */
/*
 * Lookups: named tables of properties, kept as CSV (RFC 4180) in the workspace's lookups/ folder,
 * in the two layouts that OIC exports are seen in: header + rows, or a name line before them.
 */
#ifndef WORKSPACE_LOOKUP_H
#define WORKSPACE_LOOKUP_H
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define LOOKUP_CONFIG "OUTL-BRT-CCS_DACS_ConfigProps"
#define LOOKUP_EMAIL "OUTL-BRT-CCS_DACS_Email_ID"

#define LOOKUP_SIZE_MAX (1 << 20) /* bytes of CSV text */
#define LOOKUP_ROWS_MAX 4096

struct lookup_row {
    char *key;   /* first column: PropertyName or Recipient */
    char *value; /* second column: Value or Email_Id */
};

struct lookup {
    char *name;                        /* file name without .csv */
    char *key_column, *value_column;   /* header texts, kept on export */
    struct lookup_row *rows;
    size_t row_count;
};

/* Parses CSV text. source names it in errors ("lookups/X.csv:12: ..."). A property
 * given twice is an error, unless it is two spellings of one name with one value. ERROR_INVALID,
 * ERROR_LIMIT. On error out is untouched. */
MUST_USE bool lookup_parse(struct lookup *out, const char *name, const char *text, size_t size,
                           const char *source, struct error *err);
void lookup_release(struct lookup *lookup);

/* The value of a property; names are compared without case and punctuation (the guide wavers:
 * to.process.notification = to.ProcessNotification). NULL: no such row. Borrowed. */
const char *lookup_get(const struct lookup *lookup, const char *property);

/* Adds one row, or replaces the value in every spelling of the property that is there. */
MUST_USE bool lookup_set(struct lookup *lookup, const char *property, const char *value,
                         struct error *err);

/* Appends the lookup as CSV, header first. */
void lookup_format(const struct lookup *lookup, struct buf *out);
#endif
