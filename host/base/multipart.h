/* SPDX-License-Identifier: MIT */
/*
 * Multipart bodies (RFC 2046 5.1, multipart/mixed and multipart/form-data) as they arrive: the caller
 * gives bytes in pieces of any size and gets events. Nothing but the fields of one part is kept, so
 * that parts of any size pass. Strict: lines end in CRLF, and what cannot be understood is an error.
 * Pure, not thread-safe.
 *
 *     multipart_boundary(content_type, boundary, err); multipart_init(&multipart, boundary);
 *     while ((event = multipart_next(&multipart, &input, &piece, err)) != MULTIPART_MORE) ...
 */
#ifndef BASE_MULTIPART_H
#define BASE_MULTIPART_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define MULTIPART_BOUNDARY_SIZE_MAX 70u    /* RFC 2046 5.1.1 */
#define MULTIPART_FIELDS_SIZE_MAX 8192u    /* fields of one part, with the empty line behind them */
#define MULTIPART_PREAMBLE_SIZE_MAX 4096u  /* bytes before the first boundary, which say nothing */
#define MULTIPART_EPILOGUE_SIZE_MAX 4096u  /* bytes behind the last one */
#define MULTIPART_PADDING_SIZE_MAX 64u     /* blanks between a boundary and the end of its line */

enum multipart_event {
    MULTIPART_MORE,     /* the input is used up */
    MULTIPART_PART,     /* a part begins: its fields can be asked for until the next one */
    MULTIPART_DATA,     /* piece is content of that part */
    MULTIPART_PART_END,
    MULTIPART_END,      /* the last boundary; what may follow says nothing */
    MULTIPART_BAD,      /* ERROR_INVALID or ERROR_LIMIT; stays so */
};

enum multipart_state {
    MULTIPART_IN_PREAMBLE,
    MULTIPART_IN_BOUNDARY_LINE,
    MULTIPART_IN_FIELDS,
    MULTIPART_IN_CONTENT,
    MULTIPART_IN_EPILOGUE,
    MULTIPART_IN_ERROR,
};

/* Bytes of somebody else. */
struct multipart_piece {
    const char *data;
    size_t size;
};

/* Fields belong to multipart.c. */
struct multipart {
    enum multipart_state state;
    char delimiter[MULTIPART_BOUNDARY_SIZE_MAX + 5]; /* CR LF "--" boundary */
    size_t delimiter_size;
    size_t matched;  /* bytes of the delimiter that the input ended with */
    size_t borrowed; /* of those: the first ones, which are no content */
    size_t skipped;  /* bytes of preamble, padding or epilogue */
    char line[2];    /* how the line of a boundary goes on */
    size_t line_size;
    char fields[MULTIPART_FIELDS_SIZE_MAX + 1]; /* as they come, then "name\0value\0...\0" */
    size_t fields_size;
};

/* The boundary of a Content-Type. ERROR_INVALID: no multipart type, no boundary, or no legal one. */
MUST_USE bool multipart_boundary(const char *content_type,
                                 char boundary[static MULTIPART_BOUNDARY_SIZE_MAX + 1],
                                 struct error *err);

/* boundary: as multipart_boundary gave it. */
void multipart_init(struct multipart *multipart, const char *boundary);

/* Takes bytes off the front of input. piece is set for MULTIPART_DATA, and valid as long as the input
 * and until the next call. */
enum multipart_event multipart_next(struct multipart *multipart, struct multipart_piece *input,
                                    struct multipart_piece *piece, struct error *err);

/* Whether the last boundary has come: a body that ends before was cut. */
bool multipart_is_whole(const struct multipart *multipart);

/* Value of a field of the part at hand, name in any case; NULL: it has none. */
const char *multipart_field(const struct multipart *multipart, const char *name);

/* Parameter of a field's value: filename of 'attachment; filename="a b"'. False: there is none, or
 * it is malformed or does not fit. */
bool multipart_parameter(const char *value, const char *name, char *out, size_t out_size);
#endif
