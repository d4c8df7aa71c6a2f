/* SPDX-License-Identifier: MIT */
/* JWK Sets in, signatures checked; see jwks.h. The mathematics is BearSSL's. */
#include "server/jwks.h"

#include <bearssl.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define COORDINATE_SIZE 32u /* RFC 7518 6.2.1.2 and 3.4: of P-256, always whole */

static const char *const algorithm_names[JWKS_ALGORITHM_COUNT] = {
    [JWKS_RS256] = "RS256", [JWKS_ES256] = "ES256"};

bool jwks_algorithm_parse(const char *name, enum jwks_algorithm *algorithm)
{
    for (int i = 0; i < JWKS_ALGORITHM_COUNT; i++) {
        if (strcmp(name, algorithm_names[i]) == 0) {
            *algorithm = (enum jwks_algorithm)i;
            return true;
        }
    }
    return false;
}

/* ---- one key ---- */

/* A JWK on its way into the set. */
struct source {
    const cJSON *node;
    const char *name; /* of the file */
    size_t index;
    struct error *err;
};

static bool fail(const struct source *source, const char *what)
{
    return error_set(source->err, ERROR_INVALID, "%s: keys[%zu] %s", source->name, source->index,
                     what);
}

static const cJSON *member(const struct source *source, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(source->node, key);
}

/* RFC 7517 4.2 to 4.4: a key that says what it is for must be for this. */
static bool is_for_verifying(const struct source *source, enum jwks_algorithm algorithm)
{
    const char *use = json_text(source->node, "use"), *alg = json_text(source->node, "alg");
    const cJSON *operations = member(source, "key_ops"), *operation = NULL;
    bool may_verify = operations == NULL;
    cJSON_ArrayForEach(operation, operations) {
        if (cJSON_IsString(operation) && strcmp(operation->valuestring, "verify") == 0)
            may_verify = true;
    }
    return may_verify && (!use || strcmp(use, "sig") == 0) &&
           (!alg || strcmp(alg, algorithm_names[algorithm]) == 0);
}

/* Which algorithm the key verifies; false: one that is not used here. */
static bool find_algorithm(const struct source *source, enum jwks_algorithm *algorithm)
{
    const char *type = json_text(source->node, "kty"), *curve = json_text(source->node, "crv");
    bool is_rsa = strcmp(type, "RSA") == 0;
    *algorithm = is_rsa ? JWKS_RS256 : JWKS_ES256;
    return (is_rsa || (strcmp(type, "EC") == 0 && curve && strcmp(curve, "P-256") == 0)) &&
           is_for_verifying(source, *algorithm);
}

static bool read_id(const struct source *source, struct jwks_key *key)
{
    const cJSON *node = member(source, "kid");
    if (!node)
        return true;
    if (!cJSON_IsString(node) || !node->valuestring[0] ||
        strlen(node->valuestring) > JWKS_KEY_ID_SIZE_MAX)
        return fail(source, "has a \"kid\" that is not text of 1 to 256 bytes");
    memcpy(key->id, node->valuestring, strlen(node->valuestring) + 1);
    return true;
}

static bool decode(const struct source *source, const char *name, unsigned char *out, size_t room,
                   size_t *size)
{
    const char *text = json_text(source->node, name);
    return text && text_decode_base64(text, strlen(text), BASE64_URL, out, room, size);
}

/* Base64urlUInt of RFC 7518 2. Leading zeros, which it does not have, are added by some libraries (the
 * RFC says so at 6.3.1.1) and change nothing. */
static bool decode_number(const struct source *source, const char *name, unsigned char *out,
                          size_t room, size_t *size)
{
    unsigned char bytes[JWKS_RSA_BITS_MAX / 8 + 8];
    size_t count, zeros = 0;
    if (!decode(source, name, bytes, sizeof bytes, &count))
        return false;
    while (zeros < count && bytes[zeros] == 0)
        zeros++;
    *size = count - zeros;
    if (*size > room)
        return false;
    memcpy(out, bytes + zeros, *size);
    return true;
}

static bool is_odd(const unsigned char *number, size_t size)
{
    return size > 0 && (number[size - 1] & 1);
}

static bool read_rsa(const struct source *source, struct jwks_key *key)
{
    if (!decode_number(source, "n", key->number, sizeof key->number, &key->number_size) ||
        !is_odd(key->number, key->number_size))
        return fail(source, "has no usable modulus \"n\" (base64url of an odd number, at most 4096 "
                            "bits)");
    size_t bits = key->number_size * 8;
    for (unsigned char top = key->number[0]; !(top & 0x80); top = (unsigned char)(top << 1))
        bits--;
    if (bits < JWKS_RSA_BITS_MIN)
        return fail(source, "is an RSA key below 2048 bits, which is refused");
    if (!decode_number(source, "e", key->exponent, sizeof key->exponent, &key->exponent_size) ||
        !is_odd(key->exponent, key->exponent_size) ||
        (key->exponent_size == 1 && key->exponent[0] == 1))
        return fail(source, "has no usable exponent \"e\" (base64url of an odd number from 3 to 32 "
                            "bits)");
    return true;
}

/* BearSSL multiplies only points that are on the curve. */
static bool is_on_curve(const unsigned char point[static JWKS_POINT_SIZE])
{
    unsigned char copy[JWKS_POINT_SIZE];
    static const unsigned char one[] = {1};
    memcpy(copy, point, sizeof copy);
    return br_ec_get_default()->mul(copy, sizeof copy, one, sizeof one, BR_EC_secp256r1) == 1;
}

static bool read_ec(const struct source *source, struct jwks_key *key)
{
    size_t x_size, y_size;
    key->number[0] = 4; /* uncompressed */
    key->number_size = JWKS_POINT_SIZE;
    if (!decode(source, "x", key->number + 1, COORDINATE_SIZE, &x_size) || x_size != COORDINATE_SIZE ||
        !decode(source, "y", key->number + 1 + COORDINATE_SIZE, COORDINATE_SIZE, &y_size) ||
        y_size != COORDINATE_SIZE)
        return fail(source, "has no usable \"x\" and \"y\" (base64url of 32 bytes each)");
    return is_on_curve(key->number) || fail(source, "is not a point of the curve P-256");
}

/* *taken: false for a key that is passed over. */
static bool read_key(const struct source *source, struct jwks_key *key, bool *taken)
{
    *key = (struct jwks_key){.algorithm = JWKS_RS256};
    *taken = false;
    if (!cJSON_IsObject(source->node) || !json_text(source->node, "kty"))
        return fail(source, "is not a key: an object with \"kty\"");
    if (member(source, "d"))
        return fail(source, "is a private key; keep it where tokens are made, and give its public "
                            "half here");
    if (!find_algorithm(source, &key->algorithm))
        return true;
    *taken = true;
    return read_id(source, key) &&
           (key->algorithm == JWKS_RS256 ? read_rsa(source, key) : read_ec(source, key));
}

/* ---- the set ---- */

static bool is_known(const struct jwks *keys, const struct jwks_key *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (key->id[0] && keys->keys[i].algorithm == key->algorithm &&
            strcmp(keys->keys[i].id, key->id) == 0)
            return true;
    return false;
}

static bool add_key(const struct source *source, struct jwks *out)
{
    struct jwks_key key;
    bool taken;
    if (!read_key(source, &key, &taken))
        return false;
    if (!taken)
        return true;
    if (is_known(out, &key))
        return fail(source, "has the \"kid\" of a key before it");
    if (out->count == JWKS_KEYS_MAX)
        return error_set(source->err, ERROR_LIMIT, "%s: more than %u keys that can verify",
                         source->name, JWKS_KEYS_MAX);
    out->keys[out->count++] = key;
    return true;
}

static bool read_set(const cJSON *root, const char *name, struct jwks *out, struct error *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "keys"), *node = NULL;
    struct source source = {.name = name, .err = err};
    if (!cJSON_IsArray(list))
        return error_set(err, ERROR_INVALID, "%s: not a JWK Set: an object with \"keys\", a list",
                         name);
    cJSON_ArrayForEach(node, list) {
        source.node = node;
        if (!add_key(&source, out))
            return false;
        source.index++;
    }
    return out->count > 0 ||
           error_set(err, ERROR_INVALID, "%s: none of its %zu keys verifies signatures with RS256 or "
                     "ES256", name, source.index);
}

bool jwks_parse(struct jwks *out, const char *text, size_t size, const char *name,
                struct error *err)
{
    out->count = 0;
    if (size > JWKS_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "%s: larger than %u bytes", name, JWKS_SIZE_MAX);
    cJSON *root = json_parse(text, size, name, JSON_STRICT, err);
    bool ok = root && read_set(root, name, out, err);
    cJSON_Delete(root);
    return ok;
}

/* ---- signatures ---- */

static bool is_zero(const unsigned char *bytes, size_t size)
{
    unsigned char any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}

/* RFC 7518 3.4: r and s of 32 bytes each, behind each other. Both must be from 1 to the order minus 1;
 * BearSSL refuses the order and above, and of zero only s. */
static bool verify_ecdsa(const struct jwks_key *key, const unsigned char digest[br_sha256_SIZE],
                         const unsigned char *signature, size_t size)
{
    unsigned char point[JWKS_POINT_SIZE];
    memcpy(point, key->number, sizeof point); /* BearSSL's struct wants it writable */
    const br_ec_public_key public = {.curve = BR_EC_secp256r1, .q = point, .qlen = sizeof point};
    return size == 2 * COORDINATE_SIZE && !is_zero(signature, COORDINATE_SIZE) &&
           !is_zero(signature + COORDINATE_SIZE, COORDINATE_SIZE) &&
           br_ecdsa_vrfy_raw_get_default()(br_ec_get_default(), digest, br_sha256_SIZE, &public,
                                           signature, size) == 1;
}

static bool verify_rsa(const struct jwks_key *key, const unsigned char digest[br_sha256_SIZE],
                       const unsigned char *signature, size_t size)
{
    unsigned char signed_digest[br_sha256_SIZE];
    const br_rsa_public_key public = {
        .n = (unsigned char *)key->number, .nlen = key->number_size,
        .e = (unsigned char *)key->exponent, .elen = key->exponent_size};
    return size == key->number_size &&
           br_rsa_pkcs1_vrfy_get_default()(signature, size, BR_HASH_OID_SHA256, br_sha256_SIZE, &public,
                                           signed_digest) == 1 &&
           text_same_secret((const char *)signed_digest, br_sha256_SIZE, (const char *)digest,
                            br_sha256_SIZE);
}

bool jwks_verify(const struct jwks_key *key, const void *text, size_t text_size,
                 const unsigned char *signature, size_t signature_size)
{
    unsigned char digest[br_sha256_SIZE];
    br_sha256_context sha256;
    br_sha256_init(&sha256);
    br_sha256_update(&sha256, text, text_size);
    br_sha256_out(&sha256, digest);
    return (key->algorithm == JWKS_RS256 ? verify_rsa : verify_ecdsa)(key, digest, signature,
                                                                      signature_size);
}
