/* SPDX-License-Identifier: MIT */
/*
 * What libmicrohttpd lets pass and a second reader of the same bytes (a proxy before us) might
 * understand differently, which is how requests are smuggled (RFC 9112 11.2): lines that do not end
 * in CRLF, NUL, folded fields, blanks before a colon, more than one length. Thread of the sockets.
 *
 * Not seen from here: a bare LF behind the size of a chunk or behind its bytes; the fields behind the last
 * chunk, which nobody here reads; two bytes that the library has written NUL over and that were NUL LF,
 * not CR LF; in place of the blank line, a colon and a bare LF, or with a NUL or a bare LF at the end of
 * the last field as many bytes as CR LF CR LF. The library takes them; a proxy that holds to RFC 9110 5.1
 * and 5.5 (names are words, values without NUL) passes none of them on.
 */
#ifndef SERVER_HTTP_STRICT_H
#define SERVER_HTTP_STRICT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

/* Whether a target, as it came, is printable ASCII without blanks (RFC 3986 2). */
bool http_strict_is_target(const char *target);

/* What the library calls the request's first line, and what its target was before the library parsed it,
 * which cuts and rewrites the arguments. */
struct http_first_line {
    const char *method, *target, *version;
    size_t target_size;
    bool is_target; /* http_strict_is_target */
    size_t header_size_max; /* of the first line and all fields */
};

/* How the client says that its body comes. */
struct http_framing {
    uint64_t body_size; /* 0: none; or HTTP_BODY_SIZE_UNKNOWN */
    int expects_continue;
};

/* 0, or the status that the request is to be refused with; then *why is a sentence. */
int http_strict_check(struct MHD_Connection *connection, const struct http_first_line *line,
                      struct http_framing *framing, const char **why);
#endif
