/* SPDX-License-Identifier: MIT */
/* Composes messages; see mime.h. Every line written here is at most 76 bytes, the subject's and an
 * address's own words apart (at most 254 bytes, far below the 998 of RFC 5322). */
#include "transfer/mime.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* ---- quoted-printable ---- */

static size_t line_end_size(const char *at)
{
    return at[0] == '\n' ? 1 : at[0] == '\r' && at[1] == '\n' ? 2 : 0;
}

static bool stays_plain(const char *at)
{
    unsigned char byte = (unsigned char)*at;
    if (byte == ' ' || byte == '\t') /* not at the end of a line */
        return at[1] && line_end_size(at + 1) == 0;
    return byte > 0x20 && byte < 0x7F && byte != '=';
}

void mime_append_quoted_printable(struct buf *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t end_size = line_end_size(text);
        if (end_size > 0) {
            buf_append_text(out, "\r\n");
            column = 0;
            text += end_size;
            continue;
        }
        /* A dot alone on a line is SMTP's end mark; encoded, no relay can trip over it. */
        bool plain = stays_plain(text) && !(column == 0 && *text == '.');
        size_t width = plain ? 1 : 3;
        if (column + width > MIME_LINE_SIZE_MAX - 1) {
            buf_append_text(out, "=\r\n");
            column = 0;
            continue;
        }
        if (plain)
            buf_append_char(out, *text);
        else
            buf_printf(out, "=%02X", (unsigned char)*text);
        column += width;
        text++;
    }
}

/* ---- header values ---- */

static bool is_plain_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7E)
            return false;
    return true;
}

static size_t character_size(const char *text)
{
    size_t size = 1;
    while (((unsigned char)text[size] & 0xC0) == 0x80)
        size++;
    return size;
}

#define WORD_BYTES_MAX 42 /* 56 in base64, 68 with "=?UTF-8?B?" and "?=" */

/* Encoded words (RFC 2047): whole characters in each, one a line. column: where the first begins.
 */
static void append_encoded_words(struct buf *out, const char *text, size_t column)
{
    size_t room = column < MIME_LINE_SIZE_MAX - 24 ? (MIME_LINE_SIZE_MAX - 12 - column) / 4 * 3 : 3;
    bool first = true;
    while (*text) {
        size_t limit = first && room < WORD_BYTES_MAX ? room : WORD_BYTES_MAX;
        size_t size = 0;
        while (text[size] && size + character_size(text + size) <= limit)
            size += character_size(text + size);
        if (size == 0) /* a four-byte character where three bytes fit */
            size = character_size(text);
        buf_append_text(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        buf_append_base64(out, text, size);
        buf_append_text(out, "?=");
        text += size;
        first = false;
    }
}

/* ASCII text folded at its blanks; a blank stays the first byte of the next line. */
static void append_folded(struct buf *out, const char *text, size_t column)
{
    while (*text) {
        size_t blanks = strspn(text, " ");
        size_t size = blanks + strcspn(text + blanks, " ");
        if (blanks > 0 && text[blanks] && column + size > MIME_LINE_SIZE_MAX) {
            buf_append_text(out, "\r\n");
            column = 0;
        }
        buf_append(out, text, size);
        column += size;
        text += size;
    }
}

static bool has_long_word(const char *text)
{
    for (; *text; text += strspn(text, " ")) {
        size_t size = strcspn(text, " ");
        if (size > MIME_LINE_SIZE_MAX - 2)
            return true;
        text += size;
    }
    return false;
}

void mime_append_text(struct buf *out, const char *text, size_t name_size)
{
    size_t length = strlen(text);
    bool edge_blank = length > 0 && (text[0] == ' ' || text[length - 1] == ' ');
    if (is_plain_ascii(text) && !strstr(text, "=?") && !has_long_word(text) && !edge_blank)
        append_folded(out, text, name_size + 2);
    else
        append_encoded_words(out, text, name_size + 2);
}

static void append_display(struct buf *out, const char *display)
{
    if (!is_plain_ascii(display) || strstr(display, "=?") || strlen(display) > 60) {
        append_encoded_words(out, display, 4);
        return;
    }
    buf_append_char(out, '"');
    for (; *display; display++) {
        if (*display == '"' || *display == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, *display);
    }
    buf_append_char(out, '"');
}

static void append_address(struct buf *out, const struct mime_address *address)
{
    if (!address->display[0]) {
        buf_append_text(out, address->address);
        return;
    }
    size_t start = out->size;
    append_display(out, address->display);
    bool fits = out->size - start + strlen(address->address) + 9 <= MIME_LINE_SIZE_MAX;
    buf_printf(out, "%s<%s>", fits ? " " : "\r\n ", address->address);
}

static void append_recipients(struct buf *out, const struct mime_addresses *to)
{
    buf_append_text(out, "To: ");
    for (size_t i = 0; i < to->count; i++) {
        if (i > 0)
            buf_append_text(out, ",\r\n ");
        append_address(out, &to->items[i]);
    }
    buf_append_text(out, "\r\n");
}

/* ---- the message ---- */

static bool is_message_id(const char *id)
{
    size_t size = strlen(id);
    for (size_t i = 0; i < size; i++)
        if (!isgraph((unsigned char)id[i]) || strchr("<>\"(),;:\\[]", id[i]))
            return false;
    const char *at = strchr(id, '@');
    return size <= 250 && at && at != id && at[1] && !strchr(at + 1, '@');
}

static bool check_line(const char *text, const char *field, size_t size_max, struct error *err)
{
    if (strlen(text) > size_max)
        return error_set(err, ERROR_LIMIT, "the mail's %s is longer than %zu bytes", field,
                         size_max);
    if (!text_is_utf8(text, strlen(text)) || text_has_control(text))
        return error_set(err, ERROR_INVALID, "the mail's %s holds a control byte or is not UTF-8",
                         field);
    return true;
}

static bool check_mail(const struct mime_mail *mail, struct error *err)
{
    if (!is_message_id(mail->message_id))
        return error_set(err, ERROR_INVALID,
                         "the mail's Message-ID is not of the form name@domain");
    if (!check_line(mail->subject, "subject", MIME_SUBJECT_SIZE_MAX, err))
        return false;
    if (mail->instance && (!check_line(mail->instance, "instance id", 200, err)))
        return false;
    if (mail->instance && !is_plain_ascii(mail->instance))
        return error_set(err, ERROR_INVALID, "the mail's instance id is not ASCII");
    if (strlen(mail->body) > MIME_BODY_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "the mail's text is longer than %u bytes",
                         MIME_BODY_SIZE_MAX);
    if (!text_is_utf8(mail->body, strlen(mail->body)))
        return error_set(err, ERROR_INVALID, "the mail's text is not UTF-8");
    return true;
}

bool mime_compose(const struct mime_mail *mail, struct buf *out, struct error *err)
{
    char date[CLOCK_TEXT_SIZE];
    if (!check_mail(mail, err))
        return false;
    buf_printf(out, "Date: %s\r\nFrom: ", clock_format_mail(mail->date_s, date));
    append_address(out, mail->from);
    buf_append_text(out, "\r\n");
    append_recipients(out, mail->to);
    buf_append_text(out, "Subject: ");
    mime_append_text(out, mail->subject, strlen("Subject"));
    buf_printf(out, "\r\nMessage-ID: <%s>\r\nMIME-Version: 1.0\r\n", mail->message_id);
    buf_append_text(out,
                    "Content-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: quoted-printable\r\n"
                    "Auto-Submitted: auto-generated\r\n"); /* RFC 3834: no out-of-office replies */
    if (mail->instance && mail->instance[0])
        buf_printf(out, "X-Sluice-Instance: %s\r\n", mail->instance);
    buf_append_text(out, "\r\n");
    mime_append_quoted_printable(out, mail->body);
    if (out->size < 2 || out->failed || memcmp(out->data + out->size - 2, "\r\n", 2) != 0)
        buf_append_text(out, "\r\n");
    if (buf_is_out_of_memory(out))
        return error_out_of_memory(err);
    return !out->failed || error_set(err, ERROR_LIMIT, "the mail is too large");
}
