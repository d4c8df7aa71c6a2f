/* SPDX-License-Identifier: MIT */
/*
 * The library parses a header where it was received and tells its texts as pointers into it. So the
 * texts, put together with CRLF between them, must cover the header byte by byte: what is missing was
 * a NUL, and a bare LF or a folded line leaves its texts at other places.
 */
#include "server/http_strict.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "server/http_server.h"

/* Fields of which a second one would be a second opinion. */
enum single_field { HOST, CONTENT_LENGTH, TRANSFER_ENCODING, AUTHORIZATION, CONTENT_TYPE, EXPECT, SINGLES };

#define NAME(text) {text, sizeof text - 1}

static const struct {
    const char *text;
    size_t size;
} single_names[SINGLES] = {
    [HOST] = NAME(MHD_HTTP_HEADER_HOST),
    [CONTENT_LENGTH] = NAME(MHD_HTTP_HEADER_CONTENT_LENGTH),
    [TRANSFER_ENCODING] = NAME(MHD_HTTP_HEADER_TRANSFER_ENCODING),
    [AUTHORIZATION] = NAME(MHD_HTTP_HEADER_AUTHORIZATION),
    [CONTENT_TYPE] = NAME(MHD_HTTP_HEADER_CONTENT_TYPE),
    [EXPECT] = NAME(MHD_HTTP_HEADER_EXPECT),
};

struct walk {
    const char *expected; /* where the next line must begin */
    const char *values[SINGLES];
    const char *why; /* NULL: all well so far */
};

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* RFC 9110 5.6.2. This and what follows is run for every request: common bytes are judged first. */
static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_letter(text[i]) && text[i] != '-' && !(text[i] >= '0' && text[i] <= '9') &&
            (text[i] == '\0' || !strchr("!#$%&'*+.^_`|~", text[i])))
            return false;
    return size > 0;
}

static bool is_field_value(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7F)
            return false;
    return true;
}

bool http_strict_is_target(const char *target)
{
    const char *at = target;
    while ((unsigned char)*at > 0x20 && (unsigned char)*at < 0x7F)
        at++;
    return at > target && *at == '\0';
}

static enum MHD_Result visit(void *context, enum MHD_ValueKind kind, const char *name,
                             size_t name_size, const char *value, size_t value_size)
{
    struct walk *walk = context;
    (void)kind;
    if (name != walk->expected)
        walk->why = "a line of the header does not end in CR and LF, is folded or holds NUL";
    else if (!value || !is_token(name, name_size))
        walk->why = "the name of a header field holds a byte that is not allowed there";
    else if (!is_field_value(value, value_size))
        walk->why = "the value of a header field holds a control byte";
    if (walk->why)
        return MHD_NO;
    walk->expected = value + value_size + 2;
    for (size_t i = 0; i < SINGLES; i++) {
        if (name_size != single_names[i].size || strcasecmp(name, single_names[i].text) != 0)
            continue;
        if (walk->values[i])
            walk->why = "a header field that may be there once is there twice";
        walk->values[i] = value;
    }
    return walk->why ? MHD_NO : MHD_YES;
}

/* Method SP target SP version CRLF. */
static const char *check_first_line(const struct http_first_line *line)
{
    if (!is_token(line->method, strlen(line->method)))
        return "the method is no word";
    if (line->target != line->method + strlen(line->method) + 1 ||
        line->version != line->target + line->target_size + 1 || !line->is_target)
        return "the first line is not METHOD, one blank, TARGET, one blank, VERSION";
    return NULL;
}

static uint64_t number_of(const char *digits)
{
    uint64_t number = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        number = number * 10 + (uint64_t)(*digits - '0'); /* the library has refused what overflows */
    return number;
}

static int check_framing(const struct walk *walk, const char *version,
                         struct http_framing *framing, const char **why)
{
    const char *length = walk->values[CONTENT_LENGTH], *coding = walk->values[TRANSFER_ENCODING];
    const char *expects = walk->values[EXPECT];
    bool is_old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    *why = NULL;
    if (coding && length)
        *why = "Transfer-Encoding and Content-Length contradict each other";
    else if (coding && is_old)
        *why = "HTTP/1.0 has no Transfer-Encoding";
    if (*why)
        return MHD_HTTP_BAD_REQUEST;
    if (coding && strcasecmp(coding, "chunked") != 0)
        *why = "of the transfer codings only chunked is known";
    if (*why)
        return MHD_HTTP_NOT_IMPLEMENTED;
    framing->expects_continue = expects && !is_old;
    if (framing->expects_continue && strcasecmp(expects, "100-continue") != 0)
        *why = "of the expectations only 100-continue is known";
    if (*why)
        return MHD_HTTP_EXPECTATION_FAILED;
    framing->body_size = coding ? HTTP_BODY_SIZE_UNKNOWN : length ? number_of(length) : 0;
    return 0;
}

int http_strict_check(struct MHD_Connection *connection, const struct http_first_line *line,
                      struct http_framing *framing, const char **why)
{
    struct walk walk = {.expected = line->version + strlen(line->version) + 2};
    *framing = (struct http_framing){0};
    *why = check_first_line(line);
    if (*why)
        return MHD_HTTP_BAD_REQUEST;
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, visit, &walk);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t size = info ? info->header_size : 0;
    if (!walk.why && size > line->header_size_max) {
        *why = line->header_size_max == HTTP_HEADER_SIZE_MAX ? "the header is larger than 20 KiB"
                                                             : "the header is larger than 2 MiB";
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    }
    if (!walk.why && walk.expected + 2 != line->method + size)
        walk.why = "a line of the header does not end in CR and LF, or holds NUL";
    *why = walk.why;
    return walk.why ? MHD_HTTP_BAD_REQUEST : check_framing(&walk, line->version, framing, why);
}
