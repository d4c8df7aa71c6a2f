/* SPDX-License-Identifier: MIT */
/* Fed by libcurl's debug callback, one line of a reply or one command at a time. */
#include "transfer/ftp_dialogue.h"

#include <string.h>
#include <strings.h>

void dialogue_clear(struct ftp_dialogue *dialogue)
{
    dialogue->count = 1; /* the greeting, or rather any reply that nobody asked for */
    dialogue->exchanges[0] = (struct ftp_exchange){0};
}

static void note_command(struct ftp_dialogue *dialogue, const char *data, size_t size)
{
    if (dialogue->count < DIALOGUE_EXCHANGES_MAX)
        dialogue->count++;
    struct ftp_exchange *exchange = &dialogue->exchanges[dialogue->count - 1];
    *exchange = (struct ftp_exchange){0};
    for (size_t i = 0; i < size && i < sizeof exchange->verb - 1; i++) {
        char byte = data[i];
        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        if (byte < 'A' || byte > 'Z')
            break;
        exchange->verb[i] = byte;
    }
    if (strcmp(exchange->verb, "USER") == 0)
        dialogue->is_binary = false;
    else if (strcmp(exchange->verb, "TYPE") == 0)
        dialogue->is_binary = size > 5 && data[5] == 'I';
}

static void copy_text(char text[static DIALOGUE_TEXT_SIZE], const char *data, size_t size)
{
    while (size > 0 && (data[size - 1] == '\r' || data[size - 1] == '\n'))
        size--;
    if (size >= DIALOGUE_TEXT_SIZE)
        size = DIALOGUE_TEXT_SIZE - 1;
    for (size_t i = 0; i < size; i++)
        text[i] = (unsigned char)data[i] < 0x20 || data[i] == 0x7F ? ' ' : data[i];
    text[size] = '\0';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool begins_with_word(const char *data, size_t size, const char *word)
{
    size_t length = strlen(word);
    return size >= length && strncasecmp(data, word, length) == 0;
}

/* Replies come in the order of commands. libcurl sends one at a time, but for one case: when TLS on
 * the data connection fails it tries PASV before the reply to STOR or RETR was read. */
static struct ftp_exchange *oldest_unanswered(struct ftp_dialogue *dialogue)
{
    for (size_t i = 1; i < dialogue->count; i++)
        if (dialogue->exchanges[i].code == 0)
            return &dialogue->exchanges[i];
    return &dialogue->exchanges[dialogue->count - 1];
}

/* A reply's last line is three digits and a blank (RFC 959 section 4.2); others are kept only where
 * they answer a question of ours: FEAT's lines begin with a blank. */
static void note_reply_line(struct ftp_dialogue *dialogue, const char *data, size_t size)
{
    struct ftp_exchange *exchange = &dialogue->exchanges[dialogue->count - 1];
    bool is_last = size >= 4 && is_digit(data[0]) && is_digit(data[1]) && is_digit(data[2]) &&
                   (data[3] == ' ' || data[3] == '\r' || data[3] == '\n');
    if (!is_last) {
        while (size > 0 && *data == ' ') {
            data++;
            size--;
        }
        if (strcmp(exchange->verb, "FEAT") == 0 &&
            (begins_with_word(data, size, "MLST") || begins_with_word(data, size, "MLSD")))
            dialogue->has_mlsd = FTP_YES;
        return;
    }
    exchange = oldest_unanswered(dialogue);
    exchange->code = (data[0] - '0') * 100 + (data[1] - '0') * 10 + (data[2] - '0');
    if (exchange->code_first == 0)
        exchange->code_first = exchange->code;
    copy_text(exchange->text, data + 4, size - 4);
}

int dialogue_note(CURL *easy, curl_infotype type, char *data, size_t size, void *context)
{
    (void)easy;
    struct ftp_dialogue *dialogue = context;
    if (type == CURLINFO_HEADER_OUT)
        note_command(dialogue, data, size);
    else if (type == CURLINFO_HEADER_IN)
        note_reply_line(dialogue, data, size);
    return 0;
}

const struct ftp_exchange *dialogue_find(const struct ftp_dialogue *dialogue, const char *verb,
                                         size_t nth)
{
    for (size_t i = 0; i < dialogue->count; i++)
        if (strcmp(dialogue->exchanges[i].verb, verb) == 0 && nth-- == 0)
            return &dialogue->exchanges[i];
    return NULL;
}

const struct ftp_exchange *dialogue_last(const struct ftp_dialogue *dialogue)
{
    for (size_t i = dialogue->count; i > 0; i--)
        if (dialogue->exchanges[i - 1].code != 0 && strcmp(dialogue->exchanges[i - 1].verb, "QUIT") != 0)
            return &dialogue->exchanges[i - 1];
    return NULL;
}

bool dialogue_is_let_in(const struct ftp_dialogue *dialogue)
{
    static const char *const before[] = {"", "AUTH", "PBSZ", "PROT", "ACCT"};
    const struct ftp_exchange *last = dialogue_last(dialogue);
    if (!last || last->code >= 400)
        return false;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        if (strcmp(last->verb, before[i]) == 0)
            return false;
    bool is_login = strcmp(last->verb, "USER") == 0 || strcmp(last->verb, "PASS") == 0;
    return !is_login || last->code / 100 == 2;
}

bool exchange_number(const struct ftp_exchange *exchange, uint64_t *value)
{
    if (!exchange || exchange->code != 213)
        return false;
    const char *text = exchange->text;
    while (*text == ' ')
        text++;
    uint64_t sum = 0;
    size_t digits = 0;
    for (; is_digit(text[digits]) && digits < 18; digits++)
        sum = sum * 10 + (uint64_t)(text[digits] - '0');
    *value = sum;
    return digits > 0 && (text[digits] == '\0' || text[digits] == ' ');
}
