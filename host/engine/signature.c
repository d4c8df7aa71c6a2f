/* SPDX-License-Identifier: MIT */
/* See signature.h. */
#include "engine/signature.h"

#include <bearssl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "engine/digest.h"
#include "engine/section.h"

#define PEM_SIZE_MAX 4096u
#define ALGORITHM "ES256"
#define SIGNATURE_SIZE 64

/* SubjectPublicKeyInfo of an uncompressed point of P-256, up to the point (RFC 5480). */
static const unsigned char spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                          0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                          0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
#define SPKI_SIZE (sizeof spki_head + SIGNATURE_POINT_SIZE)

/* ---- PEM ------------------------------------------------------------------------------------------ */

/* The bytes of the first block with that label. False: there is none, or it is damaged. */
static bool pem_bytes(const char *text, const char *label, unsigned char *out, size_t room, size_t *size)
{
    char begin[64], end[64], digits[PEM_SIZE_MAX];
    size_t count = 0;
    snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    snprintf(end, sizeof end, "-----END %s-----", label);
    const char *at = strstr(text, begin), *stop = at ? strstr(at, end) : NULL;
    if (!stop)
        return false;
    for (at += strlen(begin); at < stop && count < sizeof digits; at++)
        if (!strchr(" \t\r\n", *at))
            digits[count++] = *at;
    bool ok = at == stop && text_decode_base64(digits, count, BASE64_PADDED, out, room, size);
    explicit_bzero(digits, sizeof digits);
    return ok;
}

static void take_name(struct trusted_key *key, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t size = strlen(name);
    size -= size > 4 && strcmp(name + size - 4, ".pem") == 0 ? 4 : 0;
    snprintf(key->name, sizeof key->name, "%.*s", (int)size, name);
}

static void set_point(struct trusted_key *key, const unsigned char *point)
{
    unsigned char spki[SPKI_SIZE];
    memcpy(spki, spki_head, sizeof spki_head);
    memcpy(spki + sizeof spki_head, point, SIGNATURE_POINT_SIZE);
    memcpy(key->point, point, SIGNATURE_POINT_SIZE);
    digest_hex(NULL, spki, sizeof spki, key->id);
}

/* ---- reading keys --------------------------------------------------------------------------------- */

bool trusted_key_read(struct trusted_key *out, const char *path, struct error *err)
{
    struct buf text;
    unsigned char spki[SPKI_SIZE];
    size_t size = 0;
    *out = (struct trusted_key){.name = ""};
    buf_init(&text, PEM_SIZE_MAX);
    bool ok = file_read(path, &text, err);
    if (ok && (!pem_bytes(buf_text(&text), "PUBLIC KEY", spki, sizeof spki, &size) ||
               size != sizeof spki || memcmp(spki, spki_head, sizeof spki_head) != 0 ||
               spki[sizeof spki_head] != 4))
        ok = error_set(err, ERROR_INVALID, "'%s' is no public key of P-256 in PEM (PUBLIC KEY)", path);
    buf_release(&text);
    if (ok) {
        set_point(out, spki + sizeof spki_head);
        take_name(out, path);
    }
    return ok;
}

static int is_pem(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 4 && strcmp(entry->d_name + size - 4, ".pem") == 0;
}

bool trusted_keys_read(struct trusted_keys *out, const char *folder, struct error *err)
{
    struct dirent **entries = NULL;
    out->count = 0;
    int count = scandir(folder, &entries, is_pem, alphasort);
    if (count < 0)
        return errno == ENOENT || error_errno(err, ERROR_DENIED, errno, "folder '%s'", folder);
    bool ok = count <= SIGNATURE_KEYS_MAX ||
              error_set(err, ERROR_LIMIT, "more than %d keys in '%s'", SIGNATURE_KEYS_MAX, folder);
    for (int i = 0; i < count; i++) {
        char *path = ok ? file_join(folder, entries[i]->d_name) : NULL;
        ok = ok && (path || error_set(err, ERROR_LIMIT, "out of memory")) &&
             trusted_key_read(&out->keys[out->count++], path, err);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* A number from 1 to the curve's order less 1 (FIPS 186-4 B.4): with another one nothing can be signed. */
static bool is_secret(const unsigned char secret[static 32])
{
    size_t size;
    const unsigned char *order = br_ec_get_default()->order(BR_EC_secp256r1, &size);
    unsigned char sum = 0;
    for (size_t i = 0; i < 32; i++)
        sum |= secret[i];
    return sum != 0 && size == 32 && memcmp(secret, order, size) < 0;
}

static bool decode_secret(const char *text, unsigned char secret[static 32])
{
    unsigned char der[PEM_SIZE_MAX];
    size_t size = 0;
    br_skey_decoder_context decoder;
    bool ok = pem_bytes(text, "PRIVATE KEY", der, sizeof der, &size) ||
              pem_bytes(text, "EC PRIVATE KEY", der, sizeof der, &size);
    br_skey_decoder_init(&decoder);
    br_skey_decoder_push(&decoder, der, ok ? size : 0);
    const br_ec_private_key *key =
        ok && br_skey_decoder_last_error(&decoder) == 0 ? br_skey_decoder_get_ec(&decoder) : NULL;
    ok = key && key->curve == BR_EC_secp256r1 && key->xlen <= 32;
    if (ok) {
        memset(secret, 0, 32);
        memcpy(secret + (32 - key->xlen), key->x, key->xlen);
        ok = is_secret(secret);
    }
    explicit_bzero(der, sizeof der);
    explicit_bzero(&decoder, sizeof decoder);
    return ok;
}

static br_ec_private_key private_of(struct signing_key *key)
{
    return (br_ec_private_key){.curve = BR_EC_secp256r1, .x = key->secret, .xlen = 32};
}

static bool derive_public(struct signing_key *key)
{
    unsigned char point[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_public_key public_key;
    const br_ec_private_key private_key = private_of(key);
    if (br_ec_compute_pub(br_ec_get_default(), &public_key, point, &private_key) !=
        SIGNATURE_POINT_SIZE)
        return false;
    set_point(&key->public_key, point);
    return true;
}

bool signing_key_read(struct signing_key *out, const char *path, struct error *err)
{
    struct stat about;
    struct buf text;
    *out = (struct signing_key){.secret = {0}};
    buf_init(&text, PEM_SIZE_MAX);
    bool ok = file_read(path, &text, err);
    if (ok && stat(path, &about) == 0 && (about.st_mode & 077))
        ok = error_set(err, ERROR_DENIED, "others may read or change the private key '%s': chmod 600 it",
                       path);
    if (ok && (!decode_secret(buf_text(&text), out->secret) || !derive_public(out)))
        ok = error_set(err, ERROR_INVALID,
                       "'%s' is no private key of P-256 in PEM (PRIVATE KEY or EC PRIVATE KEY, without "
                       "pass phrase)", path);
    if (text.data)
        explicit_bzero(text.data, text.size);
    buf_release(&text);
    if (ok)
        take_name(&out->public_key, path);
    else
        signing_key_wipe(out);
    return ok;
}

void signing_key_wipe(struct signing_key *key)
{
    explicit_bzero(key->secret, sizeof key->secret);
}

/* ---- making keys ---------------------------------------------------------------------------------- */

static bool write_pem(const char *path, const char *label, const unsigned char *der, size_t size,
                      unsigned mode, struct error *err)
{
    char text[PEM_SIZE_MAX];
    size_t length = br_pem_encode(text, der, size, label, 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_errno(err, errno == EEXIST ? ERROR_EXISTS : ERROR_DENIED, errno, "'%s'", path);
    bool ok = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    int number = errno;
    explicit_bzero(text, sizeof text);
    close(fd);
    return ok || error_errno(err, ERROR_INTERNAL, number, "cannot write '%s'", path);
}

static bool draw(struct signing_key *key, struct error *err)
{
    unsigned char seed[48];
    br_hmac_drbg_context random;
    br_ec_private_key private_key;
    unsigned char secret[BR_EC_KBUF_PRIV_MAX_SIZE];
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return error_errno(err, ERROR_INTERNAL, errno, "no randomness for a key");
    br_hmac_drbg_init(&random, &br_sha256_vtable, seed, sizeof seed);
    size_t size = br_ec_keygen(&random.vtable, br_ec_get_default(), &private_key, secret,
                               BR_EC_secp256r1);
    bool ok = size == sizeof key->secret;
    if (ok)
        memcpy(key->secret, secret, size);
    explicit_bzero(seed, sizeof seed);
    explicit_bzero(&random, sizeof random);
    explicit_bzero(secret, sizeof secret);
    return (ok && derive_public(key)) || error_set(err, ERROR_INTERNAL, "a key could not be made");
}

bool signing_key_new(const char *private_path, const char *public_path, struct error *err)
{
    struct signing_key key = {.secret = {0}};
    unsigned char der[512], spki[SPKI_SIZE];
    if (file_exists(private_path) || file_exists(public_path))
        return error_set(err, ERROR_EXISTS, "'%s' or '%s' is there already; nothing was written",
                         private_path, public_path);
    bool ok = draw(&key, err);
    if (ok) {
        br_ec_public_key public_key = {
            .curve = BR_EC_secp256r1, .q = key.public_key.point, .qlen = SIGNATURE_POINT_SIZE};
        const br_ec_private_key private_key = private_of(&key);
        size_t size = br_encode_ec_pkcs8_der(der, &private_key, &public_key);
        memcpy(spki, spki_head, sizeof spki_head);
        memcpy(spki + sizeof spki_head, key.public_key.point, SIGNATURE_POINT_SIZE);
        ok = write_pem(private_path, "PRIVATE KEY", der, size, 0600, err) &&
             write_pem(public_path, "PUBLIC KEY", spki, sizeof spki, 0644, err);
    }
    explicit_bzero(der, sizeof der);
    signing_key_wipe(&key);
    return ok;
}

/* ---- signing and checking --------------------------------------------------------------------------- */

static void hash(const void *bytes, size_t size, unsigned char out[static br_sha256_SIZE])
{
    br_sha256_context context;
    br_sha256_init(&context);
    br_sha256_update(&context, bytes, size);
    br_sha256_out(&context, out);
}

bool signature_make(const struct signing_key *key, const void *bytes, size_t size, struct buf *line,
                    struct error *err)
{
    unsigned char digest[br_sha256_SIZE], signature[SIGNATURE_SIZE];
    struct signing_key copy = *key; /* BearSSL's struct takes no const pointer */
    const br_ec_private_key private_key = private_of(&copy);
    hash(bytes, size, digest);
    size_t length = br_ecdsa_i31_sign_raw(br_ec_get_default(), &br_sha256_vtable, digest, &private_key,
                                          signature);
    signing_key_wipe(&copy);
    if (length != sizeof signature)
        return error_set(err, ERROR_INTERNAL, "it could not be signed");
    buf_printf(line, ALGORITHM " %s ", key->public_key.id);
    buf_append_base64(line, signature, sizeof signature);
    buf_append_char(line, '\n');
    return !line->failed || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool parse_line(const char *line, size_t size, char id[static SIGNATURE_ID_SIZE],
                       unsigned char signature[static SIGNATURE_SIZE])
{
    char text[SIGNATURE_LINE_MAX + 1], digits[SIGNATURE_LINE_MAX + 1];
    size_t length = 0;
    int end = 0;
    if (size > SIGNATURE_LINE_MAX)
        return false;
    memcpy(text, line, size);
    text[size] = '\0';
    return sscanf(text, ALGORITHM " %64[0-9a-f] %128[A-Za-z0-9+/=]%n", id, digits, &end) == 2 &&
           strlen(id) == SIGNATURE_ID_SIZE - 1 && strspn(text + end, "\r\n") == size - (size_t)end &&
           text_decode_base64(digits, strlen(digits), BASE64_PADDED, signature, SIGNATURE_SIZE,
                              &length) && length == SIGNATURE_SIZE;
}

static const struct trusted_key *find_key(const struct trusted_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].id, id) == 0)
            return &keys->keys[i];
    return NULL;
}

bool signature_check(const struct trusted_keys *keys, const void *bytes, size_t size, const char *line,
                     size_t line_size, const struct trusted_key **signer, struct error *err)
{
    char id[SIGNATURE_ID_SIZE];
    unsigned char signature[SIGNATURE_SIZE], digest[br_sha256_SIZE];
    if (!parse_line(line, line_size, id, signature))
        return error_set(err, ERROR_INVALID, "its signature is none of ours");
    const struct trusted_key *key = find_key(keys, id);
    if (!key)
        return error_set(err, ERROR_DENIED, "it is signed with key %.16s, which is not trusted here", id);
    struct trusted_key copy = *key; /* BearSSL's struct takes no const pointer */
    const br_ec_public_key public_key = {
        .curve = BR_EC_secp256r1, .q = copy.point, .qlen = SIGNATURE_POINT_SIZE};
    hash(bytes, size, digest);
    if (br_ecdsa_i31_vrfy_raw(br_ec_get_default(), digest, sizeof digest, &public_key, signature,
                              sizeof signature) != 1)
        return error_set(err, ERROR_DENIED,
                         "its signature (key '%s') does not fit: it was changed after it was signed",
                         key->name);
    *signer = key;
    return true;
}

/* ---- the section ------------------------------------------------------------------------------------- */

size_t signature_find(const void *module, size_t size, const char **line, size_t *line_size)
{
    const char *bytes = module, *end = bytes + size;
    const char *at = bytes + (size < SECTION_MODULE_HEAD ? size : SECTION_MODULE_HEAD);
    struct section section;
    *line = NULL;
    *line_size = 0;
    while (section_next(&at, end, &section)) {
        if (section.end != end || !section_is_named(&section, SIGNATURE_SECTION))
            continue;
        *line = section.content;
        *line_size = (size_t)(end - section.content);
        return (size_t)(section.begin - bytes);
    }
    return size;
}
