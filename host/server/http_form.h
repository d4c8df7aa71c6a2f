/* SPDX-License-Identifier: MIT */
/* The fields of a multipart/form-data body that was received whole. */
#ifndef SERVER_HTTP_FORM_H
#define SERVER_HTTP_FORM_H
#include "server/http_server.h"

#define HTTP_FORM_NAME_SIZE 256 /* of a field's file name */

struct http_form_file {
    char name[HTTP_FORM_NAME_SIZE]; /* as the client called it, folders left out; "" if it did not */
    struct buf bytes;               /* its ceiling is the caller's */
    bool is_there;
};

/*
 * Reads the field of that name into file, whose bytes the caller has initialised and releases. Other
 * fields are passed over. ERROR_INVALID: not a well-formed form, the field is missing or given twice,
 * or its file name cannot be used; ERROR_LIMIT: more bytes than the ceiling.
 */
MUST_USE bool http_form_file(const struct http_exchange *exchange, const char *field,
                             struct http_form_file *file, struct error *err);
#endif
