/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a token, as a JWK Set, as header and payload of a token that is put
 * together properly, and as base64. Nothing may be taken for good that no key has signed; keys that
 * were taken are within their limits. Build: clang -fsanitize=fuzzer,address,undefined with
 * sluice_base and BearSSL.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/jwt.h"
#include "fuzz/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 7515 A.3: a key whose private half the fuzzer cannot find by itself. */
static const char key_set[] =
    "{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-256\","
    " \"x\": \"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    " \"y\": \"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

static void verify(const char *token, size_t size)
{
    static struct jwks keys;
    cJSON *claims;
    int64_t expires_s;
    if (keys.count == 0 && !jwks_parse(&keys, key_set, sizeof key_set - 1, "keys", NULL))
        abort();
    const struct jwt_expectation expected = {.keys = &keys, .issuer = "joe", .audience = "a"};
    enum jwt_verdict verdict = jwt_verify(token, size, &expected, 1, &claims, &expires_s);
    if (verdict == JWT_GOOD || claims)
        abort();
}

static void append_url(struct buf *out, const void *bytes, size_t size)
{
    size_t start = out->size;
    buf_append_base64(out, bytes, size);
    for (size_t i = start; i < out->size; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
    while (out->size > start && out->data[out->size - 1] == '=')
        out->size--;
}

/* Well-formed outside, so that the fuzzer sees the JSON behind: the first byte says where to cut. */
static void fuzz_parts(const uint8_t *data, size_t size)
{
    struct buf token;
    if (size < 1)
        return;
    size_t cut = 1 + data[0] % size;
    buf_init(&token, 1u << 18);
    append_url(&token, data + 1, cut - 1);
    buf_append_char(&token, '.');
    append_url(&token, data + cut, size - cut);
    buf_append_char(&token, '.');
    append_url(&token, data, size < 64 ? size : 64);
    verify(token.data, token.size);
    buf_release(&token);
}

static void fuzz_keys(const char *text, size_t size)
{
    static struct jwks keys;
    struct error err;
    if (!jwks_parse(&keys, text, size, "keys", &err))
        return;
    if (keys.count == 0 || keys.count > JWKS_KEYS_MAX)
        abort();
    for (size_t i = 0; i < keys.count; i++)
        if (keys.keys[i].number_size > sizeof keys.keys[i].number ||
            strlen(keys.keys[i].id) > JWKS_KEY_ID_SIZE_MAX ||
            jwks_verify(&keys.keys[i], text, size, (const unsigned char *)text, size < 64 ? size : 64))
            abort();
}

/* What is decoded is encoded to the same text again: there is one form only. */
static void fuzz_base64(const char *text, size_t size)
{
    struct buf again;
    size_t decoded;
    char *out = malloc(size + 1);
    if (out && text_decode_base64(text, size, BASE64_PADDED, out, size, &decoded)) {
        buf_init(&again, 1u << 18);
        buf_append_base64(&again, out, decoded);
        if (again.size != size || (size > 0 && memcmp(again.data, text, size) != 0))
            abort();
        buf_release(&again);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    char *text = input_text(data, size);
    if (!text)
        return 0;
    verify(text, size);
    fuzz_parts(data, size);
    fuzz_keys(text, size);
    fuzz_base64(text, size);
    free(text);
    return 0;
}
