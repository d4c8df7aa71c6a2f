/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a page of a listing, an error body, a date, a token answer, a mail
 * address list and a line of SMTP. Names that were taken over must be usable as entries: not empty,
 * within the service's limit. Build: clang -fsanitize=fuzzer,address,undefined with
 * sluice_transfer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/mime.h"
#include "transfer/oauth.h"
#include "transfer/object_listing.h"
#include "transfer/smtp_dialogue.h"
#include "fuzz/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_listing(const char *text, size_t size)
{
    struct remote_listing listing = {0};
    struct buf next;
    struct error err;
    buf_init(&next, OBJECT_NAME_SIZE_MAX);
    bool ok = object_listing_append(text, size, &listing, &next, &err);
    for (size_t i = 0; i < listing.count; i++)
        if (listing.entries[i].name[0] == '\0' ||
            strlen(listing.entries[i].name) > OBJECT_NAME_SIZE_MAX)
            abort();
    if (ok && next.failed)
        abort();
    remote_listing_release(&listing);
    buf_release(&next);
}

static void fuzz_texts(const char *text, size_t size)
{
    struct buf body, words, token;
    struct mime_addresses addresses;
    struct error err;
    int64_t life_s;
    buf_init(&body, 1u << 20);
    buf_init(&words, 1024);
    buf_init(&token, OAUTH_TOKEN_SIZE_MAX);
    buf_append(&body, text, size);
    object_error_text(&body, &words);
    if (words.failed || words.size > 301)
        abort();
    if (oauth_parse(text, size, &token, &life_s, &err) && (token.size == 0 || life_s < 0))
        abort();
    if (mime_parse_addresses(text, "to", &addresses, &err)) {
        for (size_t i = 0; i < addresses.count; i++)
            if (strpbrk(addresses.items[i].address, " <>\r\n"))
                abort();
        mime_addresses_release(&addresses);
    }
    object_time_parse(text);
    object_http_date_parse(text);
    buf_release(&body);
    buf_release(&words);
    buf_release(&token);
}

static void fuzz_dialogue(const char *text, size_t size)
{
    struct smtp_dialogue dialogue;
    smtp_dialogue_init(&dialogue);
    smtp_dialogue_sent(&dialogue, text, size);
    smtp_dialogue_received(&dialogue, text, size);
    smtp_dialogue_release(&dialogue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    char *text = input_text(data, size);
    if (!text)
        return 0;
    fuzz_listing(text, size);
    fuzz_texts(text, size);
    fuzz_dialogue(text, size);
    free(text);
    return 0;
}
