/* SPDX-License-Identifier: MIT */
/* See digest.h. The arithmetic is BearSSL's. */
#include "engine/digest.h"

#include <bearssl/bearssl_hash.h>
#include <string.h>

const char *digest_hex(const char *prefix, const void *bytes, size_t size,
                       char text[static DIGEST_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[br_sha256_SIZE];
    br_sha256_context context;
    br_sha256_init(&context);
    if (prefix)
        br_sha256_update(&context, prefix, strlen(prefix) + 1);
    br_sha256_update(&context, bytes, size);
    br_sha256_out(&context, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[2 * sizeof digest] = '\0';
    return text;
}
