/* SPDX-License-Identifier: MIT */
/*
 * A boundary begins with CR, which no boundary holds inside: a match that fails need not be looked at
 * again, and what was held of it is the beginning of the delimiter itself.
 */
#include "base/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TOKEN_MARKS "!#$%&'*+-.^_`|~" /* RFC 9110 5.6.2 */
#define BOUNDARY_MARKS "'()+_,-./:=? "

static bool is_alphanumeric(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool is_token(char byte)
{
    return is_alphanumeric(byte) || (byte && strchr(TOKEN_MARKS, byte));
}

/* ---- parameters ------------------------------------------------------------------------------ */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Copies a quoted or plain value; gives where it ended, NULL: malformed, or over out_size. */
static const char *take_value(const char *at, char *out, size_t out_size)
{
    size_t size = 0;
    bool is_quoted = *at == '"';
    for (at += is_quoted; is_quoted ? *at != '"' : is_token(*at); at++) {
        if (is_quoted && *at == '\\')
            at++;
        if (!*at || size + 1 >= out_size)
            return NULL;
        out[size++] = *at;
    }
    out[size] = '\0';
    return is_quoted || size > 0 ? at + is_quoted : NULL;
}

/* Reads "; name=value" at *at and leaves *at behind it. */
static bool next_parameter(const char **at, const char **name, size_t *name_size, char *value,
                           size_t value_size)
{
    const char *start = skip_blanks(*at);
    if (*start != ';')
        return false;
    *name = start = skip_blanks(start + 1);
    while (is_token(*start))
        start++;
    *name_size = (size_t)(start - *name);
    start = *name_size > 0 && *start == '=' ? take_value(start + 1, value, value_size) : NULL;
    *at = start ? skip_blanks(start) : "";
    return start && (**at == '\0' || **at == ';');
}

bool multipart_parameter(const char *value, const char *name, char *out, size_t out_size)
{
    char text[MULTIPART_FIELDS_SIZE_MAX];
    const char *at = value + strcspn(value, ";"), *found;
    size_t found_size;
    while (next_parameter(&at, &found, &found_size, text, sizeof text))
        if (found_size == strlen(name) && strncasecmp(found, name, found_size) == 0)
            return (size_t)snprintf(out, out_size, "%s", text) < out_size;
    return false;
}

bool multipart_boundary(const char *content_type,
                        char boundary[static MULTIPART_BOUNDARY_SIZE_MAX + 1], struct error *err)
{
    char text[MULTIPART_BOUNDARY_SIZE_MAX + 2] = "";
    if (strncasecmp(content_type, "multipart/", 10) != 0)
        return error_set(err, ERROR_INVALID, "the content type is not multipart");
    bool is_there = multipart_parameter(content_type, "boundary", text, sizeof text);
    size_t size = strlen(text);
    if (!is_there || size == 0 || size > MULTIPART_BOUNDARY_SIZE_MAX || text[size - 1] == ' ')
        return error_set(err, ERROR_INVALID, "the content type names no boundary of 1 to %u bytes",
                         MULTIPART_BOUNDARY_SIZE_MAX);
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric(text[i]) && !strchr(BOUNDARY_MARKS, text[i]))
            return error_set(err, ERROR_INVALID, "byte %zu of the boundary is not a legal one",
                             i + 1);
    memcpy(boundary, text, size + 1);
    return true;
}

/* ---- the stream ------------------------------------------------------------------------------ */

void multipart_init(struct multipart *multipart, const char *boundary)
{
    multipart->state = MULTIPART_IN_PREAMBLE;
    multipart->delimiter_size = (size_t)snprintf(multipart->delimiter, sizeof multipart->delimiter,
                                                 "\r\n--%s", boundary);
    multipart->matched = multipart->borrowed = 2; /* a body may begin with the boundary */
    multipart->skipped = multipart->line_size = multipart->fields_size = 0;
    multipart->fields[0] = '\0';
}

static enum multipart_event fail(struct multipart *multipart, struct error *err,
                                 enum error_kind kind, const char *what)
{
    multipart->state = MULTIPART_IN_ERROR;
    error_set(err, kind, "the multipart body is malformed: %s", what);
    return MULTIPART_BAD;
}

static void drop(struct multipart_piece *input, size_t size)
{
    input->data += size;
    input->size -= size;
}

/* Goes on with a delimiter that earlier input began. True: piece is what was no delimiter. */
static bool resume_match(struct multipart *multipart, struct multipart_piece *input,
                         struct multipart_piece *piece)
{
    while (input->size > 0 && multipart->matched > 0 &&
           multipart->matched < multipart->delimiter_size) {
        if (input->data[0] == multipart->delimiter[multipart->matched]) {
            multipart->matched++;
            drop(input, 1);
            continue;
        }
        piece->data = multipart->delimiter + multipart->borrowed;
        piece->size = multipart->matched - multipart->borrowed;
        multipart->matched = multipart->borrowed = 0;
        return piece->size > 0;
    }
    return false;
}

/* Takes content off input, up to what is or may become a delimiter. */
static void take_content(struct multipart *multipart, struct multipart_piece *input,
                         struct multipart_piece *piece)
{
    const char *end = input->data + input->size, *at = input->data;
    *piece = *input;
    while (at < end && (at = memchr(at, '\r', (size_t)(end - at))) != NULL) {
        size_t size = (size_t)(end - at);
        if (size > multipart->delimiter_size)
            size = multipart->delimiter_size;
        if (memcmp(at, multipart->delimiter, size) == 0) {
            multipart->matched = size;
            piece->size = (size_t)(at - input->data);
            drop(input, piece->size + size);
            return;
        }
        at++;
    }
    drop(input, input->size);
}

enum search { SEARCH_MORE, SEARCH_CONTENT, SEARCH_DELIMITER };

static enum search search(struct multipart *multipart, struct multipart_piece *input,
                          struct multipart_piece *piece)
{
    if (resume_match(multipart, input, piece))
        return SEARCH_CONTENT;
    if (multipart->matched == 0 && input->size > 0) {
        take_content(multipart, input, piece);
        if (piece->size > 0)
            return SEARCH_CONTENT;
    }
    if (multipart->matched < multipart->delimiter_size)
        return SEARCH_MORE;
    multipart->matched = multipart->borrowed = 0;
    multipart->line_size = multipart->skipped = 0;
    multipart->state = MULTIPART_IN_BOUNDARY_LINE;
    return SEARCH_DELIMITER;
}

/* Behind a boundary stands "--", or blanks and the end of the line. MULTIPART_PART: fields follow. */
static enum multipart_event end_boundary_line(struct multipart *multipart,
                                              struct multipart_piece *input, struct error *err)
{
    while (input->size > 0 && multipart->line_size < sizeof multipart->line) {
        char byte = input->data[0];
        drop(input, 1);
        if (multipart->line_size > 0 || (byte != ' ' && byte != '\t'))
            multipart->line[multipart->line_size++] = byte;
        else if (++multipart->skipped > MULTIPART_PADDING_SIZE_MAX)
            return fail(multipart, err, ERROR_LIMIT, "too many blanks behind a boundary");
    }
    if (multipart->line_size < sizeof multipart->line)
        return MULTIPART_MORE;
    bool is_last = multipart->skipped == 0 && memcmp(multipart->line, "--", 2) == 0;
    if (!is_last && memcmp(multipart->line, "\r\n", 2) != 0)
        return fail(multipart, err, ERROR_INVALID, "a boundary is not followed by a new line");
    multipart->skipped = multipart->fields_size = 0;
    multipart->state = is_last ? MULTIPART_IN_EPILOGUE : MULTIPART_IN_FIELDS;
    return is_last ? MULTIPART_END : MULTIPART_PART;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* A field may be continued on a line that begins with a blank (RFC 5322 2.2.3): made one line. */
static void unfold(char *fields)
{
    for (char *at = fields; (at = strstr(at, "\r\n")) != NULL; at++)
        if (at[2] == ' ' || at[2] == '\t')
            at[0] = at[1] = ' ';
}

/* Moves what stands before end to *out, with a NUL behind it. */
static void move_down(char **out, const char *start, const char *end)
{
    memmove(*out, start, (size_t)(end - start));
    *out += end - start;
    *(*out)++ = '\0';
}

/* "Name: value" from line to end becomes name and value with a NUL each, at *out: never longer. */
static bool keep_field(const char *line, const char *end, char **out)
{
    const char *colon = line;
    while (is_token(*colon))
        colon++;
    if (colon == line || *colon != ':')
        return false;
    const char *value = skip_blanks(colon + 1);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (const char *at = value; at < end; at++)
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7F)
            return false;
    move_down(out, line, colon);
    move_down(out, value, end);
    return true;
}

static bool has_repeated_field(const struct multipart *multipart)
{
    for (const char *at = multipart->fields; *at;) {
        const char *value = at + strlen(at) + 1;
        if (multipart_field(multipart, at) != value)
            return true;
        at = value + strlen(value) + 1;
    }
    return false;
}

static bool parse_fields(struct multipart *multipart)
{
    char *line = multipart->fields, *out = line;
    if (memchr(line, '\0', multipart->fields_size))
        return false;
    line[multipart->fields_size] = '\0';
    unfold(line);
    for (char *end; (end = strstr(line, "\r\n")) != line; line = end + 2)
        if (!keep_field(line, end, &out))
            return false;
    *out = '\0';
    return !has_repeated_field(multipart);
}

static bool ends_fields(const struct multipart *multipart)
{
    const char *end = multipart->fields + multipart->fields_size;
    return multipart->fields_size == 2 ||
           (multipart->fields_size >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0);
}

static enum multipart_event take_fields(struct multipart *multipart, struct multipart_piece *input,
                                        struct error *err)
{
    while (input->size > 0) {
        char byte = input->data[0];
        if (multipart->fields_size == MULTIPART_FIELDS_SIZE_MAX)
            return fail(multipart, err, ERROR_LIMIT, "the fields of a part take over 8192 bytes");
        multipart->fields[multipart->fields_size++] = byte;
        drop(input, 1);
        if (byte != '\n')
            continue;
        if (multipart->fields_size < 2 || multipart->fields[multipart->fields_size - 2] != '\r')
            return fail(multipart, err, ERROR_INVALID, "a line does not end in CR and LF");
        if (!ends_fields(multipart))
            continue;
        if (!parse_fields(multipart))
            return fail(multipart, err, ERROR_INVALID,
                        "a field of a part is not \"name: value\", or is there twice");
        multipart->matched = multipart->borrowed = 2; /* a part may be empty */
        multipart->state = MULTIPART_IN_CONTENT;
        return MULTIPART_PART;
    }
    return MULTIPART_MORE;
}

const char *multipart_field(const struct multipart *multipart, const char *name)
{
    for (const char *at = multipart->fields; *at;) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* ---- events ---------------------------------------------------------------------------------- */

static enum multipart_event skip(struct multipart *multipart, size_t size, size_t size_max,
                                 struct error *err)
{
    multipart->skipped += size;
    if (multipart->skipped > size_max)
        return fail(multipart, err, ERROR_LIMIT, "too much text outside of its parts");
    return MULTIPART_MORE;
}

static enum multipart_event in_content(struct multipart *multipart, struct multipart_piece *input,
                                       struct multipart_piece *piece)
{
    switch (search(multipart, input, piece)) {
    case SEARCH_CONTENT:
        return MULTIPART_DATA;
    case SEARCH_DELIMITER:
        return MULTIPART_PART_END;
    case SEARCH_MORE:
    default:
        return MULTIPART_MORE;
    }
}

/* False: event is the caller's; true: on to the next state. */
static bool step(struct multipart *multipart, struct multipart_piece *input,
                 struct multipart_piece *piece, enum multipart_event *event, struct error *err)
{
    switch (multipart->state) {
    case MULTIPART_IN_PREAMBLE:
        switch (search(multipart, input, piece)) {
        case SEARCH_CONTENT:
            *event = skip(multipart, piece->size, MULTIPART_PREAMBLE_SIZE_MAX, err);
            return *event != MULTIPART_BAD;
        case SEARCH_DELIMITER:
            return true;
        case SEARCH_MORE:
        default:
            *event = MULTIPART_MORE;
            return false;
        }
    case MULTIPART_IN_BOUNDARY_LINE:
        *event = end_boundary_line(multipart, input, err);
        return *event == MULTIPART_PART;
    case MULTIPART_IN_FIELDS:
        *event = take_fields(multipart, input, err);
        return false;
    case MULTIPART_IN_CONTENT:
        *event = in_content(multipart, input, piece);
        return false;
    case MULTIPART_IN_EPILOGUE:
        *event = skip(multipart, input->size, MULTIPART_EPILOGUE_SIZE_MAX, err);
        drop(input, input->size);
        return false;
    case MULTIPART_IN_ERROR:
    default:
        *event = fail(multipart, err, ERROR_INVALID, "it was found to be before");
        return false;
    }
}

enum multipart_event multipart_next(struct multipart *multipart, struct multipart_piece *input,
                                    struct multipart_piece *piece, struct error *err)
{
    enum multipart_event event = MULTIPART_MORE;
    *piece = (struct multipart_piece){0};
    while (step(multipart, input, piece, &event, err))
        continue;
    return event;
}

bool multipart_is_whole(const struct multipart *multipart)
{
    return multipart->state == MULTIPART_IN_EPILOGUE;
}
