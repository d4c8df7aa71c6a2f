/* SPDX-License-Identifier: MIT */
/* A JSON document for programs, written as it grows: indented, one value a line. Not thread-safe. */
#ifndef BASE_DOCUMENT_H
#define BASE_DOCUMENT_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

#define DOCUMENT_DEPTH_MAX 16

struct document {
    struct buf text;
    int depth;
    bool has_member[DOCUMENT_DEPTH_MAX + 1];
};

/* key is NULL inside arrays and for the document itself. Texts that are NULL become null. */
void document_init(struct document *document);
void document_open(struct document *document, const char *key, char bracket); /* '{' or '[' */
void document_close(struct document *document, char bracket);                 /* '}' or ']' */
void document_text(struct document *document, const char *key, const char *value);
void document_bytes(struct document *document, const char *key, const char *value, size_t size);
void document_number(struct document *document, const char *key, int64_t value);
void document_flag(struct document *document, const char *key, bool value);
/* A value that is JSON already; NULL becomes null. */
void document_json(struct document *document, const char *key, const char *json);
/* RFC 3339 in UTC; null for 0. */
void document_time(struct document *document, const char *key, int64_t wall_ms);

/* Writes the document and a newline to out, then releases it. False: it did not fit into memory. */
bool document_finish(struct document *document, FILE *out);
/* Moves the document into out, whose content is released first; check out->failed. */
void document_move(struct document *document, struct buf *out);
#endif
