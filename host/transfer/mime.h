/* SPDX-License-Identifier: MIT */
/*
 * Mails as text: RFC 5322 message format, RFC 2045 quoted-printable bodies, RFC 2047 encoded words.
 * Pure: the time is a parameter. Everything that could start a header line or a command of its own
 * (CR, LF, other control bytes) is refused, never taken out silently. Thread-safe.
 */
#ifndef TRANSFER_MIME_H
#define TRANSFER_MIME_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define MIME_LINE_SIZE_MAX 76u        /* RFC 2045 6.7, RFC 2047 2: bytes before CR LF */
#define MIME_ADDRESS_SIZE_MAX 254u    /* RFC 5321 4.5.3.1.3 less the angle brackets */
#define MIME_LOCAL_PART_SIZE_MAX 64u  /* RFC 5321 4.5.3.1.1 */
#define MIME_RECIPIENTS_MAX 100u      /* what every server must take (RFC 5321 4.5.3.1.8) */
#define MIME_SUBJECT_SIZE_MAX 1000u
#define MIME_DISPLAY_SIZE_MAX 255u
#define MIME_BODY_SIZE_MAX (4u << 20)

struct mime_address {
    char address[MIME_ADDRESS_SIZE_MAX + 1];
    char display[MIME_DISPLAY_SIZE_MAX + 1]; /* UTF-8, unquoted; "" if there is none */
};

struct mime_addresses {
    struct mime_address *items;
    size_t count;
};
void mime_addresses_release(struct mime_addresses *addresses);

/*
 * Splits a comma separated list of "local@domain", "Name <local@domain>" and
 * "\"Name, quoted\" <local@domain>"; empty items are skipped (RFC 5322 4.4). field names the list
 * in errors. ERROR_INVALID says which item is wrong and why; ERROR_LIMIT: too many recipients.
 */
MUST_USE bool mime_parse_addresses(const char *text, const char *field, struct mime_addresses *out,
                                   struct error *err);

struct mime_mail {
    const char *message_id; /* without <> */
    const struct mime_address *from;
    const struct mime_addresses *to;
    const char *subject, *body; /* UTF-8; body with LF or CR LF line ends */
    const char *instance;       /* becomes X-Sluice-Instance; NULL or "": none */
    int64_t date_s;
};

/* Appends the whole message with CR LF line ends. ERROR_INVALID: control bytes, not UTF-8, bad
 * Message-ID; ERROR_LIMIT: subject or body too long, or out's ceiling. */
MUST_USE bool mime_compose(const struct mime_mail *mail, struct buf *out, struct error *err);

/* The two encodings, for tests and fuzzing. */
void mime_append_quoted_printable(struct buf *out, const char *text);
/* One unstructured value behind "Name: " of name_size bytes; folds where needed, ends without CR
 * LF. */
void mime_append_text(struct buf *out, const char *text, size_t name_size);
#endif
