/* SPDX-License-Identifier: MIT */
/*
 * API signing keys of Oracle Cloud: RSA private keys from PEM files, their fingerprint, and the
 * RSA-SHA256 signature. A parsed key is immutable; threads may sign with it at the same time.
 * Key bytes are wiped when a key is freed, and from the buffers they passed through.
 */
#ifndef TRANSFER_OCI_KEY_H
#define TRANSFER_OCI_KEY_H
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "workspace/connection.h"

#define OCI_KEY_FILE_SIZE_MAX 65536u
#define OCI_KEY_BITS_MIN 2048u
#define OCI_KEY_BITS_MAX 4096u   /* what BearSSL signs with */
#define OCI_FINGERPRINT_SIZE 48  /* "73:61:...:b7" and its NUL */

struct oci_key;

/*
 * The first private key of a PEM text: "RSA PRIVATE KEY" (PKCS#1) or "PRIVATE KEY" (PKCS#8), either
 * of them encrypted. pass_phrase may be NULL or "" and is ignored by a key that is not encrypted.
 * bits_min is OCI_KEY_BITS_MIN everywhere but in tests. NULL: ERROR_INVALID (no private key, not
 * RSA, too short or too long, damaged) or ERROR_DENIED (pass phrase missing or wrong).
 */
struct oci_key *oci_key_parse(const char *pem, size_t size, const char *pass_phrase,
                              unsigned bits_min, struct error *err);
void oci_key_free(struct oci_key *key); /* NULL is fine */

/* MD5 of the public key's DER SubjectPublicKeyInfo, as the console shows it. Lives with key. */
const char *oci_key_fingerprint(const struct oci_key *key);

/* Appends base64(RSASSA-PKCS1-v1_5(SHA-256(text))) to out. ERROR_INTERNAL: key unusable. */
MUST_USE bool oci_key_sign(const struct oci_key *key, const void *text, size_t size,
                           struct buf *out, struct error *err);

/* Keys already read, one per (connection, key file, fingerprint) and change of the file.
 * Thread-safe. */
struct oci_keys;
struct oci_keys *oci_keys_new(void); /* NULL: out of memory */
void oci_keys_free(struct oci_keys *keys);

/*
 * The key of connection, read and checked against the configured fingerprint at first use; borrowed
 * until oci_keys_free. A file that changed since is read again. NULL: one sentence that names the
 * connection. A failure is not remembered.
 */
const struct oci_key *oci_keys_get(struct oci_keys *keys, const struct connection *connection,
                                   struct error *err);
#endif
