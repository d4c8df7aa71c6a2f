/* SPDX-License-Identifier: MIT */
/* SHA-256 as lower-case hex, for file names and identities. Pure, thread-safe. */
#ifndef ENGINE_DIGEST_H
#define ENGINE_DIGEST_H
#include <stddef.h>

#define DIGEST_TEXT_SIZE 65

/* Of prefix (text, its NUL included; NULL: none) followed by the bytes. Returns text. */
const char *digest_hex(const char *prefix, const void *bytes, size_t size,
                       char text[static DIGEST_TEXT_SIZE]);
#endif
