/* SPDX-License-Identifier: MIT */
/*
 * What libmicrohttpd lets pass and a second reader of the same bytes (a proxy before us) might
 * understand differently, which is how requests are smuggled (RFC 9112 11.2): lines that do not end
 * in CRLF, NUL, folded fields, blanks before a colon, more than one length. Not seen from here: a bare
 * LF behind the size of a chunk or behind its bytes, which the library takes. Thread of the sockets.
 */
#ifndef SERVER_HTTP_STRICT_H
#define SERVER_HTTP_STRICT_H
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

/* What the library calls the request's first line, and how long its target was before it was parsed. */
struct http_first_line {
    const char *method, *target, *version;
    size_t target_size;
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
