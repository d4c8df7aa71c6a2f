/* SPDX-License-Identifier: MIT */
/*
 * BearSSL decodes and signs; libcrypto opens encrypted PEM files and gives the public half, which
 * BearSSL cannot. See oci_key.h. Our buffers of key material are wiped before they are given back.
 */
#include "transfer/oci_key.h"

#include <bearssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct oci_key {
    br_skey_decoder_context decoder; /* holds the numbers that rsa points to */
    const br_rsa_private_key *rsa;
    char fingerprint[OCI_FINGERPRINT_SIZE];
};

#define DER_SIZE_MAX 4096 /* of a 4,096-bit key: 2.4 KiB */

/* ---- PEM ---- */

struct der_sink {
    struct buf *der;
    bool active;
};

static void append_der(void *context, const void *bytes, size_t size)
{
    struct der_sink *sink = context;
    if (sink->active)
        buf_append(sink->der, bytes, size);
}

static void wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_release(buf);
}

static bool is_private_key(const char *label)
{
    return strcmp(label, "RSA PRIVATE KEY") == 0 || strcmp(label, "PRIVATE KEY") == 0;
}

static bool wrong_label(const char *label, struct error *err)
{
    if (strcmp(label, "OPENSSH PRIVATE KEY") == 0)
        return error_set(err, ERROR_INVALID,
                         "is in OpenSSH's own format; convert it with ssh-keygen -p -m PEM");
    if (strcmp(label, "EC PRIVATE KEY") == 0)
        return error_set(err, ERROR_INVALID, "is not an RSA key");
    if (label[0])
        return error_set(err, ERROR_INVALID, "holds a \"%.40s\", not a private key", label);
    return error_set(err, ERROR_INVALID, "holds no PEM private key (\"-----BEGIN ...\")");
}

/* The DER bytes of the first unencrypted private key. Its buffer never grows, so none is left over.
 */
static bool decode_pem(const char *pem, size_t size, struct buf *der, struct error *err)
{
    br_pem_decoder_context decoder;
    char label[128] = "";
    bool found = false, damaged = false;
    struct der_sink sink = {.der = der};
    br_pem_decoder_init(&decoder);
    while (size > 0 && !found && !damaged) {
        size_t taken = br_pem_decoder_push(&decoder, pem, size);
        pem += taken;
        size -= taken;
        switch (br_pem_decoder_event(&decoder)) {
        case BR_PEM_BEGIN_OBJ:
            snprintf(label, sizeof label, "%s", br_pem_decoder_name(&decoder));
            sink.active = is_private_key(label);
            br_pem_decoder_setdest(&decoder, append_der, &sink);
            break;
        case BR_PEM_END_OBJ:
            found = sink.active;
            break;
        case BR_PEM_ERROR:
            damaged = true;
            break;
        default:
            break;
        }
    }
    explicit_bzero(&decoder, sizeof decoder);
    if (found && !der->failed)
        return true;
    if (damaged || sink.active)
        return error_set(err, ERROR_INVALID, "is damaged: not valid base64 between its PEM lines");
    return wrong_label(label, err);
}

struct pass_phrase {
    const char *text;
    bool too_long;
};

static int give_pass_phrase(char *out, int size, int writing, void *context)
{
    (void)writing; /* the same for both directions */
    struct pass_phrase *phrase = context;
    size_t length = phrase->text ? strlen(phrase->text) : 0;
    phrase->too_long = length > (size_t)size;
    if (length == 0 || phrase->too_long)
        return -1;
    memcpy(out, phrase->text, length);
    return (int)length;
}

static bool append_pkey(EVP_PKEY *pkey, struct buf *der, struct error *err)
{
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
        return error_set(err, ERROR_INVALID, "is not an RSA key");
    unsigned char *bytes = NULL;
    int length = i2d_PrivateKey(pkey, &bytes);
    if (length <= 0)
        return error_set(err, ERROR_INTERNAL, "cannot be re-encoded by libcrypto");
    buf_append(der, bytes, (size_t)length);
    OPENSSL_clear_free(bytes, (size_t)length);
    return !der->failed || error_set(err, ERROR_INVALID, "is longer than 4096 bits");
}

static bool decrypt_pem(const char *pem, size_t size, const char *text, struct buf *der,
                        struct error *err)
{
    if (!text || !text[0])
        return error_set(err, ERROR_DENIED,
                         "is encrypted, but the connection sets no \"passphrase\"");
    struct pass_phrase phrase = {.text = text};
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_pass_phrase, &phrase) : NULL;
    bool ok = false;
    if (pkey)
        ok = append_pkey(pkey, der, err);
    else if (phrase.too_long)
        error_set(err, ERROR_DENIED, "is encrypted, and the pass phrase is over 1024 bytes");
    else
        error_set(err, ERROR_DENIED, "is encrypted, and the pass phrase does not open it");
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    ERR_clear_error();
    return ok;
}

static bool is_encrypted(const char *pem, size_t size)
{
    static const char pkcs8[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    static const char pkcs1[] = "Proc-Type: 4,ENCRYPTED";
    return memmem(pem, size, pkcs8, sizeof pkcs8 - 1) || memmem(pem, size, pkcs1, sizeof pkcs1 - 1);
}

/* ---- the public half, for the fingerprint ---- */

/* By libcrypto: BearSSL cannot find the public exponent of every key, and does not keep the one
 * that the file holds. */
static bool compute_fingerprint(struct oci_key *key, const struct buf *der, struct error *err)
{
    const unsigned char *at = (const unsigned char *)der->data;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)der->size);
    unsigned char *spki = NULL, digest[br_md5_SIZE];
    int length = pkey ? i2d_PUBKEY(pkey, &spki) : 0;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    if (length <= 0)
        return error_set(err, ERROR_INVALID, "is damaged: not a DER private key");
    br_md5_context md5;
    br_md5_init(&md5);
    br_md5_update(&md5, spki, (size_t)length);
    br_md5_out(&md5, digest);
    OPENSSL_free(spki);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(key->fingerprint + 3 * i, 4, i + 1 < sizeof digest ? "%02x:" : "%02x", digest[i]);
    return true;
}

/* ---- keys ---- */

static bool load_der(struct oci_key *key, const struct buf *der, unsigned bits_min,
                     struct error *err)
{
    br_skey_decoder_init(&key->decoder);
    br_skey_decoder_push(&key->decoder, der->data, der->size);
    int problem = br_skey_decoder_last_error(&key->decoder);
    key->rsa = br_skey_decoder_get_rsa(&key->decoder);
    if (problem == BR_ERR_X509_LIMIT_EXCEEDED ||
        (key->rsa && key->rsa->n_bitlen > OCI_KEY_BITS_MAX))
        return error_set(err, ERROR_INVALID, "is longer than %u bits", OCI_KEY_BITS_MAX);
    if (problem == 0 && !key->rsa)
        return error_set(err, ERROR_INVALID, "is not an RSA key");
    if (problem == BR_ERR_X509_UNSUPPORTED)
        return error_set(err, ERROR_INVALID, "is not an RSA key");
    if (problem != 0)
        return error_set(err, ERROR_INVALID, "is damaged: not a DER private key");
    if (key->rsa->n_bitlen < bits_min)
        return error_set(err, ERROR_INVALID, "has only %u bits; at least %u are needed",
                         (unsigned)key->rsa->n_bitlen, bits_min);
    return compute_fingerprint(key, der, err);
}

struct oci_key *oci_key_parse(const char *pem, size_t size, const char *pass_phrase,
                              unsigned bits_min, struct error *err)
{
    if (size > OCI_KEY_FILE_SIZE_MAX) {
        error_set(err, ERROR_INVALID, "is over %u bytes", OCI_KEY_FILE_SIZE_MAX);
        return NULL;
    }
    struct oci_key *key = calloc(1, sizeof *key);
    struct buf der;
    buf_init(&der, size + DER_SIZE_MAX);
    char *room = malloc(size + DER_SIZE_MAX + 1); /* at once: realloc would leave copies behind */
    bool ok = false;
    if (!key || !room) {
        free(room);
        error_set(err, ERROR_LIMIT, "out of memory");
    } else {
        der.data = room;
        der.capacity = size + DER_SIZE_MAX + 1;
        der.data[0] = '\0';
        ok = is_encrypted(pem, size) ? decrypt_pem(pem, size, pass_phrase, &der, err)
                                     : decode_pem(pem, size, &der, err);
        ok = ok && load_der(key, &der, bits_min, err);
    }
    wipe(&der);
    if (!ok) {
        oci_key_free(key);
        key = NULL;
    }
    return key;
}

void oci_key_free(struct oci_key *key)
{
    if (key)
        explicit_bzero(key, sizeof *key);
    free(key);
}

const char *oci_key_fingerprint(const struct oci_key *key)
{
    return key->fingerprint;
}

bool oci_key_sign(const struct oci_key *key, const void *text, size_t size, struct buf *out,
                  struct error *err)
{
    unsigned char digest[br_sha256_SIZE], signature[OCI_KEY_BITS_MAX / 8];
    br_sha256_context sha256;
    br_sha256_init(&sha256);
    br_sha256_update(&sha256, text, size);
    br_sha256_out(&sha256, digest);
    /* The default is the fastest that this processor offers (64-bit words on x86-64 and arm64). */
    if (!br_rsa_pkcs1_sign_get_default()(BR_HASH_OID_SHA256, digest, sizeof digest, key->rsa,
                                         signature))
        return error_set(err, ERROR_INTERNAL, "the private key cannot sign");
    buf_append_base64(out, signature, (key->rsa->n_bitlen + 7) / 8);
    return !out->failed || error_set(err, ERROR_LIMIT, "signature does not fit its buffer");
}
