/* SPDX-License-Identifier: MIT */
/* See digest.h. By Nettle, which uses the processor's own instructions: each start digests every
 * module, and what it was compiled to, whole. */
#include "engine/digest.h"

#include <nettle/sha2.h>
#include <string.h>

const char *digest_hex(const char *prefix, const void *bytes, size_t size,
                       char text[static DIGEST_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx context;
    sha256_init(&context);
    if (prefix)
        sha256_update(&context, strlen(prefix) + 1, (const uint8_t *)prefix);
    sha256_update(&context, size, bytes);
    sha256_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[2 * sizeof digest] = '\0';
    return text;
}
