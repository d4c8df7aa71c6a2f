/* SPDX-License-Identifier: MIT */
/*
 * What Object Storage answers, as values: pages of a listing, error bodies, times. Pure functions
 * over text from outside; nothing here asks the network. Thread-safe.
 */
#ifndef TRANSFER_OBJECT_LISTING_H
#define TRANSFER_OBJECT_LISTING_H
#include "base/buf.h"
#include "base/error.h"
#include "transfer/transfer.h"

#define OBJECT_NAME_SIZE_MAX 1024u  /* bytes of UTF-8, the service's limit */

/*
 * Appends one page (the body of ListObjects) to out in the order given, and sets next to
 * nextStartWith ("" on the last page). Objects whose name ends in '/' are placeholders of folders
 * and left out. Objects without a usable name or size are counted in out->unparsed. ERROR_BROKEN:
 * not a listing; ERROR_LIMIT as listing_add.
 */
MUST_USE bool object_listing_append(const char *text, size_t size, struct remote_listing *out,
                                    struct buf *next, struct error *err);

/* "2026-11-24T02:37:00.123Z" or with an offset to seconds since 1970; 0 if it is not that. */
int64_t object_time_parse(const char *text);

/* "Tue, 24 Nov 2026 02:37:00 GMT" to seconds since 1970; 0 if it is not that. */
int64_t object_http_date_parse(const char *text);

/* Appends the "code: message" of an error body, or a short form of a body that is none; control
 * bytes become blanks, at most 300 bytes. */
void object_error_text(const struct buf *body, struct buf *out);

/* ERROR_INVALID: not UTF-8, control bytes, empty, or longer than 1,024 bytes. */
MUST_USE bool object_check_name(const char *name, struct error *err);
#endif
