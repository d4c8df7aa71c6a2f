/* SPDX-License-Identifier: MIT */
/* From the text of a token to its claims; see jwt.h. */
#include "server/jwt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define SECONDS_MAX 9007199254740992.0 /* 2^53: what a JSON number holds exactly */

/* The three parts; header and payload stand in the token with a '.' between them. */
struct parts {
    const char *header, *payload, *signature;
    size_t header_size, payload_size, signature_size;
};

static bool split(const char *token, size_t size, struct parts *parts)
{
    const char *end = token + size;
    const char *first = memchr(token, '.', size);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    *parts = (struct parts){
        .header = token, .header_size = (size_t)(first - token),
        .payload = first + 1, .payload_size = (size_t)(second - first - 1),
        .signature = second + 1, .signature_size = (size_t)(end - second - 1)};
    return parts->header_size > 0 && parts->payload_size > 0 && parts->signature_size > 0;
}

/* A part as the JSON object that it must be; NULL: it is none. */
static cJSON *read_object(const char *part, size_t part_size)
{
    size_t room = part_size / 4 * 3 + 3, size;
    struct error ignored; /* whoever sends a broken token is not told where it is broken */
    char *text = malloc(room + 1);
    cJSON *object = NULL;
    if (text && text_decode_base64(part, part_size, BASE64_URL, text, room, &size)) {
        text[size] = '\0';
        object = json_parse(text, size, "token", JSON_STRICT, &ignored);
    }
    free(text);
    if (cJSON_IsObject(object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* ---- header ---- */

/* RFC 7515 4.1.9: media types without regard to case, "application/" left out or not. */
static bool is_type(const char *type, const char *wanted)
{
    static const char prefix[] = "application/";
    if (strncasecmp(type, prefix, sizeof prefix - 1) == 0)
        type += sizeof prefix - 1;
    return strcasecmp(type, wanted) == 0;
}

static bool is_type_good(const cJSON *node, bool at_jwt_only)
{
    const char *type = cJSON_GetStringValue(node);
    if (!node)
        return !at_jwt_only;
    return type && (is_type(type, "at+jwt") || (!at_jwt_only && is_type(type, "jwt")));
}

struct header {
    enum jwks_algorithm algorithm;
    const char *key_id; /* NULL: none */
};

static enum jwt_verdict read_header(const cJSON *object, bool at_jwt_only, struct header *header)
{
    const char *algorithm = json_text(object, "alg");
    const cJSON *key_id = cJSON_GetObjectItemCaseSensitive(object, "kid");
    if (!algorithm || (key_id && !cJSON_IsString(key_id)))
        return JWT_MALFORMED;
    if (!jwks_algorithm_parse(algorithm, &header->algorithm))
        return JWT_ALGORITHM;
    if (cJSON_HasObjectItem(object, "crit")) /* in any spelling, to be on the safe side */
        return JWT_CRITICAL;
    if (!is_type_good(cJSON_GetObjectItemCaseSensitive(object, "typ"), at_jwt_only))
        return JWT_TYPE;
    header->key_id = key_id ? key_id->valuestring : NULL;
    return JWT_GOOD;
}

/* ---- signature ---- */

/* A key without "kid" may have made any token of its algorithm, and a token without one is tried with
 * all of them. */
static bool may_fit(const struct jwks_key *key, const struct header *header)
{
    return key->algorithm == header->algorithm &&
           (!header->key_id || !key->id[0] || strcmp(key->id, header->key_id) == 0);
}

static enum jwt_verdict check_signature(const struct parts *parts, const struct header *header,
                                        const struct jwks *keys)
{
    unsigned char signature[JWKS_SIGNATURE_SIZE_MAX];
    size_t signature_size, signed_size = parts->header_size + 1 + parts->payload_size;
    enum jwt_verdict verdict = JWT_KEY_UNKNOWN;
    if (!text_decode_base64(parts->signature, parts->signature_size, BASE64_URL, signature,
                            sizeof signature, &signature_size))
        return JWT_MALFORMED;
    for (size_t i = 0; i < keys->count; i++) {
        if (!may_fit(&keys->keys[i], header))
            continue;
        if (jwks_verify(&keys->keys[i], parts->header, signed_size, signature, signature_size))
            return JWT_GOOD;
        verdict = JWT_SIGNATURE;
    }
    return verdict;
}

/* ---- claims ---- */

static bool is_among(const cJSON *node, const char *wanted)
{
    const cJSON *item = NULL;
    if (cJSON_IsString(node))
        return strcmp(node->valuestring, wanted) == 0;
    if (!cJSON_IsArray(node))
        return false;
    cJSON_ArrayForEach(item, node) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, wanted) == 0)
            return true;
    }
    return false;
}

/* NumericDate of RFC 7519 2, which may have a fraction. absent: what a missing one counts as. */
static bool read_date(const cJSON *claims, const char *name, double absent, double *date)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(claims, name);
    *date = node ? cJSON_GetNumberValue(node) : absent;
    return *date >= -SECONDS_MAX && *date <= SECONDS_MAX; /* false for NaN, too */
}

/* RFC 7519 4.1.4 to 4.1.6: valid from "nbf" on, and until before "exp". */
static enum jwt_verdict check_dates(const cJSON *claims, const struct jwt_expectation *expected,
                                    int64_t now_s, int64_t *expires_s)
{
    double now = (double)now_s, skew = (double)expected->clock_skew_s;
    double expires, begins, issued;
    if (!read_date(claims, "exp", NAN, &expires) || !read_date(claims, "nbf", 0, &begins) ||
        !read_date(claims, "iat", 0, &issued))
        return JWT_CLAIMS;
    if (now >= expires + skew)
        return JWT_EXPIRED;
    if (now < begins - skew || now < issued - skew)
        return JWT_EARLY;
    *expires_s = (int64_t)ceil(expires + skew);
    return JWT_GOOD;
}

static enum jwt_verdict check_claims(const cJSON *claims, const struct jwt_expectation *expected,
                                     int64_t now_s, int64_t *expires_s)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(claims, "tok_type");
    const char *issuer = json_text(claims, "iss");
    if (!issuer)
        return JWT_CLAIMS;
    if (strcmp(issuer, expected->issuer) != 0)
        return JWT_ISSUER;
    if (!is_among(cJSON_GetObjectItemCaseSensitive(claims, "aud"), expected->audience))
        return JWT_AUDIENCE;
    if (type && !is_among(type, "AT")) /* Oracle's identity domains: "IT" is an identity token */
        return JWT_TYPE;
    return check_dates(claims, expected, now_s, expires_s);
}

static enum jwt_verdict check_parts(const struct parts *parts, const cJSON *object,
                                    const struct jwt_expectation *expected, int64_t now_s,
                                    cJSON **claims, int64_t *expires_s)
{
    struct header header = {.key_id = NULL};
    enum jwt_verdict verdict = read_header(object, expected->at_jwt_only, &header);
    if (verdict == JWT_GOOD)
        verdict = check_signature(parts, &header, expected->keys);
    if (verdict != JWT_GOOD)
        return verdict;
    *claims = read_object(parts->payload, parts->payload_size);
    return *claims ? check_claims(*claims, expected, now_s, expires_s) : JWT_MALFORMED;
}

enum jwt_verdict jwt_verify(const char *token, size_t size, const struct jwt_expectation *expected,
                            int64_t now_s, cJSON **claims, int64_t *expires_s)
{
    struct parts parts;
    *claims = NULL;
    *expires_s = 0;
    if (size > JWT_SIZE_MAX)
        return JWT_OVERSIZED;
    if (!split(token, size, &parts))
        return JWT_MALFORMED;
    cJSON *object = read_object(parts.header, parts.header_size);
    enum jwt_verdict verdict =
        object ? check_parts(&parts, object, expected, now_s, claims, expires_s) : JWT_MALFORMED;
    cJSON_Delete(object);
    return verdict;
}
