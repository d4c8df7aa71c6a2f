/* SPDX-License-Identifier: MIT */
/*
 * Signatures of modules and mappings: ECDSA over P-256 and SHA-256 (FIPS 186-4), the two numbers of 32
 * bytes one after the other, as in RFC 7518 3.4. As text a signature is one line,
 *
 *     ES256 <SHA-256 of the public key's SubjectPublicKeyInfo, hex> <signature, base64>
 *
 * which stands in the module's last section, the custom section "sluice.signature" (signed is all before
 * it), or in a file of its own, "<file>.sig" (signed is the whole file). Keys are PEM files: "PRIVATE KEY"
 * (PKCS #8) or "EC PRIVATE KEY" (RFC 5915), and "PUBLIC KEY" (RFC 5480, uncompressed). Thread-safe.
 */
#ifndef ENGINE_SIGNATURE_H
#define ENGINE_SIGNATURE_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define SIGNATURE_SECTION "sluice.signature"
#define SIGNATURE_SUFFIX ".sig"
#define SIGNATURE_LINE_MAX 256u /* bytes */
#define SIGNATURE_KEYS_MAX 64   /* trusted ones */
#define SIGNATURE_POINT_SIZE 65
#define SIGNATURE_ID_SIZE 65

/* A public key; name is that of its file without ".pem". */
struct trusted_key {
    char name[64];
    char id[SIGNATURE_ID_SIZE];
    unsigned char point[SIGNATURE_POINT_SIZE];
};

struct trusted_keys {
    struct trusted_key keys[SIGNATURE_KEYS_MAX];
    size_t count;
};

struct signing_key {
    unsigned char secret[32];
    struct trusted_key public_key;
};

/* Every *.pem of folder; a folder that does not exist has none. ERROR_INVALID names the file. */
MUST_USE bool trusted_keys_read(struct trusted_keys *out, const char *folder, struct error *err);

/* A key from a PEM file. ERROR_NOT_FOUND, ERROR_INVALID (not a key of P-256), ERROR_DENIED (others may
 * read a private key). */
MUST_USE bool trusted_key_read(struct trusted_key *out, const char *path, struct error *err);
MUST_USE bool signing_key_read(struct signing_key *out, const char *path, struct error *err);
void signing_key_wipe(struct signing_key *key);

/* Makes a key pair: private_path (mode 0600) and public_path. ERROR_EXISTS: one of them is there. */
MUST_USE bool signing_key_new(const char *private_path, const char *public_path, struct error *err);

/* Appends the line for size bytes, with a newline. */
MUST_USE bool signature_make(const struct signing_key *key, const void *bytes, size_t size,
                             struct buf *line, struct error *err);

/* Checks the line; *signer is the key that made it. ERROR_DENIED: none of keys, or bytes are others;
 * ERROR_INVALID: it is no such line. */
MUST_USE bool signature_check(const struct trusted_keys *keys, const void *bytes, size_t size,
                              const char *line, size_t line_size, const struct trusted_key **signer,
                              struct error *err);

/* How many bytes of a module come before its section SIGNATURE_SECTION, which must be the last one, and the
 * line in it; size and NULL where it has none. */
size_t signature_find(const void *module, size_t size, const char **line, size_t *line_size);
#endif
