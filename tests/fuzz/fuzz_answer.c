/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as what peers answer beside listings: header fields and body of HTTP, replies on
 * an FTP control connection, an SMTP conversation. The first byte chooses, the second is a status. In the
 * conversations a line that begins with '>' is a command of ours. What is made of them is bounded, told in
 * printable words, and never a success.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "transfer/ftp_session.h"
#include "transfer/object_http.h"
#include "transfer/object_listing.h"
#include "transfer/otlp_retry.h"
#include "transfer/smtp_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S INT64_C(1795487820)

static const struct connection connection = {.name = "A", .type = CONNECTION_OBJECT_STORAGE};

/* ---- HTTP -------------------------------------------------------------------------------------- */

static void check_object_answer(const struct http_response *response)
{
    struct error err = {0};
    if (object_refuse(&connection, response, "object 'x'", &err) || err.kind == ERROR_NONE ||
        text_has_control(err.message))
        abort();
    if (err.retry_after_ms > HTTP_RETRY_AFTER_MS_MAX)
        abort();
    if (object_is_forgotten(response) && response->status != 404)
        abort();
}

static void check_collector(const struct http_response *response)
{
    struct otlp_verdict verdict = otlp_judge(response, NOW_S);
    bool is_success = response->status / 100 == 2;
    if ((verdict.outcome == OTLP_TAKEN) != is_success || verdict.retry_after_s < -1 ||
        text_has_control(verdict.message) || otlp_pause_ms(&verdict, 1) <= 0)
        abort();
}

/* As the headers of an answer are kept: "name: value", lower case, without control bytes. */
static void append_headers(struct buf *out, const char *text, size_t size)
{
    bool is_name = true;
    for (size_t i = 0; i < size; i++) {
        char byte = text[i];
        if (byte == '\n') {
            is_name = true;
        } else if (is_name && byte >= 'A' && byte <= 'Z') {
            byte = (char)(byte + 32);
        } else if ((unsigned char)byte < 0x20 || byte == 0x7F) {
            byte = ' ';
        }
        buf_append_char(out, byte);
        if (byte == ':' && is_name) {
            buf_append_char(out, ' ');
            is_name = false;
        }
    }
}

static void fuzz_http(const char *text, size_t size, int status)
{
    static const char *const names[] = {"etag", "date", "content-length", "opc-next-start-with", "x"};
    struct http_response response = {.status = status};
    char value[64];
    const char *body = memmem(text, size, "\n\n", 2);
    size_t head = body ? (size_t)(body - text) + 1 : size;
    buf_init(&response.headers, HTTP_HEADERS_SIZE_MAX);
    buf_init(&response.body, OBJECT_ANSWER_SIZE_MAX);
    append_headers(&response.headers, text, head);
    if (body)
        buf_append(&response.body, body + 2, size - head - 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_response_header(&response, names[i], value, sizeof value) &&
            (text_has_control(value) || !strstr(buf_text(&response.headers), value)))
            abort();
    if (http_retry_after_ms(&response, NOW_S) > HTTP_RETRY_AFTER_MS_MAX)
        abort();
    check_collector(&response);
    if (status / 100 != 2)
        check_object_answer(&response);
    http_response_release(&response);
}

/* ---- conversations ----------------------------------------------------------------------------- */

/* Each line: a command of ours or one of the peer. */
static void each_line(const char *text, size_t size,
                      void (*say)(void *context, bool is_ours, const char *line, size_t size),
                      void *context)
{
    for (size_t line; size > 0; text += line, size -= line) {
        const char *end = memchr(text, '\n', size);
        line = end ? (size_t)(end - text) + 1 : size;
        bool is_ours = *text == '>';
        char *copy = malloc(line + 1); /* so that a read behind the line is noticed */
        if (!copy)
            return;
        memcpy(copy, text, line);
        say(context, is_ours, copy + is_ours, line - is_ours);
        free(copy);
    }
}

static void say_ftp(void *context, bool is_ours, const char *line, size_t size)
{
    dialogue_note(NULL, is_ours ? CURLINFO_HEADER_OUT : CURLINFO_HEADER_IN, (char *)(uintptr_t)line,
                  size, context);
}

static void fuzz_ftp(const char *text, size_t size, int status)
{
    struct ftp_dialogue dialogue = {.count = 0};
    struct handle handle = {.dialogue = &dialogue, .connection = &connection};
    struct error err = {0};
    uint64_t number;
    dialogue_clear(&dialogue);
    each_line(text, size, say_ftp, &dialogue);
    if (dialogue.count < 1 || dialogue.count > DIALOGUE_EXCHANGES_MAX)
        abort();
    for (size_t i = 0; i < dialogue.count; i++) {
        const struct ftp_exchange *exchange = &dialogue.exchanges[i];
        if (exchange->code < 0 || exchange->code > 999 || text_has_control(exchange->text))
            abort();
        if (exchange_number(exchange, &number) &&
            (exchange->code != 213 || number > UINT64_C(999999999999999999)))
            abort();
    }
    const struct ftp_exchange *last = dialogue_last(&dialogue);
    if (!last || last->code < 400)
        return;
    if (ftp_fail(&handle, CURLE_REMOTE_ACCESS_DENIED, (enum ftp_wish)(status % (FTP_WISH_RENAME + 1)),
                 "x", &err) ||
        err.kind == ERROR_NONE || err.peer_code != last->code || text_has_control(err.message))
        abort();
}

struct conversation {
    struct smtp_dialogue dialogue;
    unsigned recipients;
};

static void say_smtp(void *context, bool is_ours, const char *line, size_t size)
{
    struct conversation *conversation = context;
    if (is_ours)
        smtp_dialogue_sent(&conversation->dialogue, line, size);
    else
        smtp_dialogue_received(&conversation->dialogue, line, size);
    conversation->recipients += is_ours && size >= 8 && strncasecmp(line, "RCPT TO:", 8) == 0;
}

static bool is_printable(const char *text)
{
    while (*text >= 0x20 && *text < 0x7F)
        text++;
    return *text == '\0';
}

static unsigned lines_of(const struct buf *text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text->size; i++)
        lines += text->data[i] == '\n';
    return lines;
}

/* A recipient is accepted, refused or delayed, once. */
static void fuzz_smtp(const char *text, size_t size)
{
    struct conversation conversation = {.recipients = 0};
    struct smtp_dialogue *dialogue = &conversation.dialogue;
    char *clean = strndup(text, size);
    if (!clean)
        return;
    for (char *at = clean; *at; at++) /* addresses of ours have no line breaks: mime.h */
        *at = *at == '\r' ? ' ' : *at;
    smtp_dialogue_init(dialogue);
    each_line(clean, strlen(clean), say_smtp, &conversation);
    if (!is_printable(dialogue->words) || !is_printable(dialogue->banner) ||
        (dialogue->code != 0 && dialogue->code < 400) || dialogue->code > 999)
        abort();
    if (dialogue->answered > conversation.recipients)
        abort();
    if (!dialogue->refused.failed && !dialogue->delayed.failed &&
        dialogue->accepted + lines_of(&dialogue->refused) + lines_of(&dialogue->delayed) >
            conversation.recipients)
        abort();
    smtp_dialogue_release(dialogue);
    free(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 2;
    int status = 100 + data[1] * 2;
    if (data[0] % 3 == 0)
        fuzz_http(text, size - 2, status);
    else if (data[0] % 3 == 1)
        fuzz_ftp(text, size - 2, status);
    else
        fuzz_smtp(text, size - 2);
    return 0;
}
