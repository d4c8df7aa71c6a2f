/* SPDX-License-Identifier: MIT */
/* Pairs commands and replies of SMTP; see smtp_dialogue.h. */
#include "transfer/smtp_dialogue.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define REFUSED_SIZE_MAX 65536

void smtp_dialogue_init(struct smtp_dialogue *dialogue)
{
    *dialogue = (struct smtp_dialogue){0};
    buf_init(&dialogue->refused, REFUSED_SIZE_MAX);
    buf_init(&dialogue->delayed, REFUSED_SIZE_MAX);
    buf_init(&dialogue->deferred, REFUSED_SIZE_MAX);
}

void smtp_dialogue_release(struct smtp_dialogue *dialogue)
{
    buf_release(&dialogue->refused);
    buf_release(&dialogue->delayed);
    buf_release(&dialogue->deferred);
}

static bool begins(const char *line, size_t size, const char *word)
{
    size_t length = strlen(word);
    return size >= length && strncasecmp(line, word, length) == 0;
}

void smtp_dialogue_sent(struct smtp_dialogue *dialogue, const char *line, size_t size)
{
    dialogue->recipient[0] = '\0';
    dialogue->is_quitting = begins(line, size, "QUIT");
    if (dialogue->is_quitting)
        return; /* what made us go is still what counts */
    dialogue->code = 0;
    dialogue->words[0] = '\0';
    dialogue->is_mail |= begins(line, size, "MAIL FROM");
    dialogue->is_data |= begins(line, size, "DATA");
    dialogue->did_auth |= begins(line, size, "AUTH ");
    if (!begins(line, size, "RCPT TO:<"))
        return;
    const char *start = line + strlen("RCPT TO:<");
    const char *end = memchr(start, '>', size - (size_t)(start - line));
    if (end && (size_t)(end - start) < sizeof dialogue->recipient) {
        memcpy(dialogue->recipient, start, (size_t)(end - start));
        dialogue->recipient[end - start] = '\0';
    }
}

/* The words of a reply as printable ASCII: they go into logs and error texts. */
static void copy_words(const char *line, size_t size, char out[static SMTP_WORDS_SIZE])
{
    size_t length = 0;
    while (size > 0 && isspace((unsigned char)line[size - 1]))
        size--;
    for (size_t i = 0; i < size && length + 1 < SMTP_WORDS_SIZE; i++)
        out[length++] =
            (unsigned char)line[i] < 0x20 || (unsigned char)line[i] >= 0x7F ? '?' : line[i];
    out[length] = '\0';
}

static void note_recipient(struct smtp_dialogue *dialogue, int code)
{
    bool is_accepted = code / 100 == 2, is_delayed = !is_accepted && (code < 500 || code == 552);
    dialogue->answered++;
    dialogue->accepted += is_accepted;
    if (!is_accepted)
        buf_printf(is_delayed ? &dialogue->delayed : &dialogue->refused, "%s: %s\n",
                   dialogue->recipient, dialogue->words);
    if (is_delayed)
        buf_printf(&dialogue->deferred, "%s%s", dialogue->deferred.size > 0 ? ", " : "",
                   dialogue->recipient);
}

void smtp_dialogue_received(struct smtp_dialogue *dialogue, const char *line, size_t size)
{
    if (dialogue->is_quitting || size < 3 || !isdigit((unsigned char)line[0]) ||
        !isdigit((unsigned char)line[1]) || !isdigit((unsigned char)line[2]))
        return;
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (!dialogue->has_banner && size > 4)
        copy_words(line + 4, size - 4, dialogue->banner);
    dialogue->has_banner = true;
    if (code == 250 && size > 8 && begins(line + 4, size - 4, "AUTH"))
        dialogue->offers_auth = true;
    if (size > 3 && !strchr(" \r\n", line[3]))
        return; /* '-': more lines of this reply follow; others are no replies for libcurl either */
    copy_words(line, size, dialogue->words);
    dialogue->code = code >= 400 ? code : 0;
    if (!dialogue->recipient[0])
        return;
    note_recipient(dialogue, code);
    dialogue->recipient[0] = '\0';
}

/* libcurl looks at this at each of its waits. */
static void wait_for_reply(CURL *easy, const struct smtp_dialogue *dialogue)
{
    long seconds = dialogue->is_quitting ? MAIL_QUIT_TIMEOUT_S
                   : dialogue->is_data   ? MAIL_DATA_TIMEOUT_S
                                         : MAIL_REPLY_TIMEOUT_S;
    if (dialogue->is_quitting || dialogue->is_for_mail)
        curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds);
}

static int take_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *context)
{
    if (type == CURLINFO_HEADER_OUT) {
        smtp_dialogue_sent(context, data, size);
        wait_for_reply(easy, context);
    } else if (type == CURLINFO_HEADER_IN)
        smtp_dialogue_received(context, data, size);
    return 0;
}

void smtp_dialogue_attach(struct smtp_dialogue *dialogue, struct handle *handle)
{
    curl_easy_setopt(handle->easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_DEBUGFUNCTION, take_debug);
    curl_easy_setopt(handle->easy, CURLOPT_DEBUGDATA, dialogue);
}
