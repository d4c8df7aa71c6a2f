/* SPDX-License-Identifier: MIT */
/* Tokens and JWK Sets against vectors of an independent implementation: data/make_jwt_vectors.py. */
#include <stdlib.h>

#include "check.h"
#include "base/file.h"
#include "server/jwt.h"

static cJSON *vectors;

static const char *const verdict_names[] = {
    [JWT_GOOD] = "GOOD", [JWT_MALFORMED] = "MALFORMED", [JWT_OVERSIZED] = "OVERSIZED",
    [JWT_ALGORITHM] = "ALGORITHM", [JWT_CRITICAL] = "CRITICAL", [JWT_TYPE] = "TYPE",
    [JWT_KEY_UNKNOWN] = "KEY_UNKNOWN", [JWT_SIGNATURE] = "SIGNATURE", [JWT_CLAIMS] = "CLAIMS",
    [JWT_ISSUER] = "ISSUER", [JWT_AUDIENCE] = "AUDIENCE", [JWT_EXPIRED] = "EXPIRED",
    [JWT_EARLY] = "EARLY",
};

static const cJSON *item(const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(vectors, name);
}

static int64_t whole(const cJSON *object, const char *name)
{
    return (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static struct jwks *read_keys(const cJSON *object)
{
    struct error err = {0};
    struct jwks *keys = calloc(1, sizeof *keys);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(object, "jwks"));
    CHECK(keys && text);
    CHECK_OK(jwks_parse(keys, text, strlen(text), "jwks", &err), &err);
    cJSON_free(text);
    return keys;
}

static struct jwt_expectation expectation(const struct jwks *keys)
{
    return (struct jwt_expectation){.keys = keys, .issuer = json_text(vectors, "issuer"),
                                    .audience = json_text(vectors, "audience"),
                                    .clock_skew_s = whole(vectors, "skew_s")};
}

static void check_tokens(const char *list, const struct jwt_expectation *expected)
{
    const cJSON *row = NULL;
    int count = 0;
    cJSON_ArrayForEach(row, item(list)) {
        const char *token = json_text(row, "token"), *wanted = json_text(row, "verdict");
        cJSON *claims;
        int64_t expires_s;
        enum jwt_verdict verdict = jwt_verify(token, strlen(token), expected,
                                              whole(vectors, "now_s"), &claims, &expires_s);
        bool right = strcmp(verdict_names[verdict], wanted) == 0;
        if (!right)
            fprintf(stderr, "    %s: got %s, expected %s\n", json_text(row, "why"),
                    verdict_names[verdict], wanted);
        CHECK(right);
        CHECK(claims || (verdict != JWT_GOOD && verdict < JWT_CLAIMS));
        CHECK_EQ_INT(expires_s > whole(vectors, "now_s"), verdict == JWT_GOOD);
        cJSON_Delete(claims);
        count++;
    }
    printf("%d tokens of \"%s\"\n", count, list);
    CHECK(count > 0);
}

static void tokens_get_their_verdicts(void)
{
    struct jwks *keys = read_keys(vectors);
    struct jwt_expectation expected = expectation(keys);
    check_tokens("tokens", &expected);
    expected.at_jwt_only = true;
    check_tokens("at_jwt_tokens", &expected);
    free(keys);
}

static void the_examples_of_rfc_7515_are_known(void)
{
    const cJSON *rfc = item("rfc7515"), *token = NULL;
    struct jwks *keys = read_keys(rfc);
    const struct jwt_expectation expected = {.keys = keys, .issuer = json_text(rfc, "issuer"),
                                             .audience = "nobody"};
    int count = 0;
    cJSON_ArrayForEach(token, cJSON_GetObjectItemCaseSensitive(rfc, "tokens")) {
        cJSON *claims;
        int64_t expires_s;
        CHECK_EQ_INT(jwt_verify(token->valuestring, strlen(token->valuestring), &expected,
                                whole(rfc, "now_s"), &claims, &expires_s),
                     JWT_AUDIENCE); /* they have none; signature and issuer are good */
        CHECK(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(claims, "http://example.com/is_root")));
        cJSON_Delete(claims);
        count++;
    }
    CHECK_EQ_INT(count, 2);
    free(keys);
}

_Static_assert(JWKS_KEYS_MAX == 16 && JWKS_KEY_ID_SIZE_MAX == 256 && JWKS_RSA_BITS_MAX == 4096 &&
                   JWKS_RSA_EXPONENT_SIZE_MAX == 4, "data/make_jwt_vectors.py has sets at these and beyond");

static void key_sets_are_taken_or_refused(void)
{
    const cJSON *row = NULL;
    struct jwks *keys = calloc(1, sizeof *keys);
    cJSON_ArrayForEach(row, item("key_sets")) {
        struct error err = {0};
        const char *text = json_text(row, "text");
        bool ok = jwks_parse(keys, text, strlen(text), "jwks", &err);
        int count = ok ? (int)keys->count : 0;
        if (count != whole(row, "count") || (!ok && !strstr(err.message, json_text(row, "error"))))
            fprintf(stderr, "    %s: %d keys, %s\n", json_text(row, "why"), count, err.message);
        CHECK_EQ_INT(count, whole(row, "count"));
        if (!ok)
            CHECK_CONTAINS(err.message, json_text(row, "error"));
    }
    free(keys);
}

/* The size decides before anything else is looked at. */
static void size_limits_hold(void)
{
    struct error err = {0};
    struct jwks *keys = read_keys(vectors);
    const struct jwt_expectation expected = expectation(keys);
    char *text = malloc(JWKS_SIZE_MAX + 2);
    cJSON *claims;
    int64_t expires_s;
    memset(text, 'A', JWKS_SIZE_MAX + 1);
    text[JWKS_SIZE_MAX + 1] = '\0';
    CHECK_EQ_INT(jwt_verify(text, JWT_SIZE_MAX, &expected, 0, &claims, &expires_s), JWT_MALFORMED);
    CHECK_EQ_INT(jwt_verify(text, JWT_SIZE_MAX + 1, &expected, 0, &claims, &expires_s), JWT_OVERSIZED);
    CHECK_FAILS(jwks_parse(keys, text, JWKS_SIZE_MAX + 1, "jwks", &err), &err, ERROR_LIMIT);
    memset(text, ' ', JWKS_SIZE_MAX + 1);
    char *set = cJSON_PrintUnformatted(item("jwks"));
    memcpy(text, set, strlen(set));
    text[JWKS_SIZE_MAX] = '\0';
    CHECK_OK(jwks_parse(keys, text, JWKS_SIZE_MAX, "jwks", &err), &err);
    cJSON_free(set);
    free(text);
    free(keys);
}

/* Whatever bit of a good token changes, it is not good any more. */
static void no_bit_of_a_token_may_change(void)
{
    struct jwks *keys = read_keys(vectors);
    const struct jwt_expectation expected = expectation(keys);
    const char *good = json_text(cJSON_GetArrayItem(item("tokens"), 1), "token");
    size_t size = strlen(good);
    char *token = strdup(good);
    for (size_t i = 0; i < size; i++) {
        cJSON *claims;
        int64_t expires_s;
        token[i] = (char)(good[i] ^ 1);
        CHECK(jwt_verify(token, size, &expected, whole(vectors, "now_s"), &claims, &expires_s) !=
              JWT_GOOD);
        cJSON_Delete(claims);
        token[i] = good[i];
    }
    free(token);
    free(keys);
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(tokens_get_their_verdicts), TEST(the_examples_of_rfc_7515_are_known),
        TEST(key_sets_are_taken_or_refused), TEST(size_limits_hold),
        TEST(no_bit_of_a_token_may_change)};
    struct error err = {0};
    vectors = json_read_file(UNIT_DATA "/jwt_vectors.json", JSON_STRICT, &err);
    if (!vectors)
        fprintf(stderr, "%s\n", err.message);
    int status = vectors ? check_run(tests, sizeof tests / sizeof tests[0]) : 1;
    cJSON_Delete(vectors);
    return status;
}
