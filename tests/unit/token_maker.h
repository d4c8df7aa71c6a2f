/* SPDX-License-Identifier: MIT */
/* ES256 tokens for tests, signed with a key of their own, and the JWK Set that knows it. */
#ifndef TESTS_TOKEN_MAKER_H
#define TESTS_TOKEN_MAKER_H
#include <bearssl.h>

#include "base/buf.h"

/* base64url without padding, from the one encoder there is. */
static inline void token_append(struct buf *out, const void *bytes, size_t size)
{
    size_t start = out->size;
    buf_append_base64(out, bytes, size);
    for (char *at = out->data + start; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    while (out->size > start && out->data[out->size - 1] == '=')
        out->data[--out->size] = '\0';
}

/* which: another key for each number above 0. */
static inline br_ec_private_key token_key(unsigned char which)
{
    static unsigned char scalar[32];
    memset(scalar, which, sizeof scalar);
    return (br_ec_private_key){.curve = BR_EC_secp256r1, .x = scalar, .xlen = sizeof scalar};
}

/* {"keys": [...]} with the public half. Caller frees. */
static inline char *token_key_set(unsigned char which)
{
    struct buf out;
    unsigned char point[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_private_key key = token_key(which);
    br_ec_compute_pub(br_ec_get_default(), NULL, point, &key);
    buf_init(&out, 1024);
    buf_printf(&out, "{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-256\", \"kid\": \"%u\", \"x\": \"",
               which);
    token_append(&out, point + 1, 32);
    buf_append_text(&out, "\", \"y\": \"");
    token_append(&out, point + 33, 32);
    buf_append_text(&out, "\"}]}");
    return buf_take(&out, NULL);
}

/* "Bearer <token>" with these claims (JSON). Caller frees. */
static inline char *token_make(unsigned char which, const char *claims)
{
    struct buf out;
    char header[64];
    unsigned char digest[br_sha256_SIZE], signature[64];
    br_sha256_context sha256;
    br_ec_private_key key = token_key(which);
    buf_init(&out, 65536);
    buf_append_text(&out, "Bearer ");
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"%u\"}", which);
    token_append(&out, header, strlen(header));
    buf_append_char(&out, '.');
    token_append(&out, claims, strlen(claims));
    br_sha256_init(&sha256);
    br_sha256_update(&sha256, out.data + 7, out.size - 7);
    br_sha256_out(&sha256, digest);
    br_ecdsa_i31_sign_raw(br_ec_get_default(), &br_sha256_vtable, digest, &key, signature);
    buf_append_char(&out, '.');
    token_append(&out, signature, sizeof signature);
    return buf_take(&out, NULL);
}
#endif
