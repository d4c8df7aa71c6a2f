/* SPDX-License-Identifier: MIT */
/*
 * OCI request signatures against the published vectors, and keys of every form against openssl's
 * reading of them. Keys for the latter are made here, once per run, by libcrypto.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "temporary.h"
#include "transfer/oci_signature.h"

#define TENANCY "ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f15p2b2m2yt2j6rx32uzr4h25vqstifsfdsq"
#define USER "ocid1.user.oc1..aaaaaaaat5nvwcna5j6aqzjcaty5eqbb6qt2jvpkanghtgdaqedqw3rynjq"
#define KEY_ID TENANCY "/" USER "/20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"
#define DATE "Thu, 05 Jan 2014 21:31:40 GMT"
#define HOST "iaas.us-phoenix-1.oraclecloud.com"

#define GET_TARGET                                                                                 \
    "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId="                     \
    "ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa"          \
    "&displayName=TeamXInstances&volumeId="                                                        \
    "ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q"
#define GET_SIGNATURE                                                                              \
    "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9" \
    "r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="

#define POST_BODY                                                                                  \
    "{\n    \"compartmentId\": "                                                                   \
    "\"ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa\",\n"   \
    "    \"instanceId\": "                                                                         \
    "\"ocid1.instance.oc1.phx.abuw4ljrlsfiqw6vzzxb43vyypt4pkodawglp3wqxjqofakrwvou52gb6s5a\",\n"   \
    "    \"volumeId\": "                                                                           \
    "\"ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q\"\n}"
#define POST_SIGNATURE                                                                             \
    "Mje8vIDPlwIHmD/cTDwRxE7HaAvBg16JnVcsuqaNRim23fFPgQfLoOOxae6WqKb1uPjYEl0qIdazWaBy/Ml8DRhqlocM" \
    "woSXv0fbukP8J5N80LCmzT/FFBvIvTB91XuXI3hYfP9Zt1l7S6ieVadHUfqBedWH0itrtPJBgKmrWso="
#define PUT_SIGNATURE                                                                              \
    "M6bvVVpt3roQSxJYxUhEVXcVM0TyadWbrgYAko3UkpoaQoRtmo2HhV/pAfcAKt9jS/4SOWHJQJpVdqGOGxvj+1uYYglj" \
    "xlI4wYoIIteq2Y8z3oQqQ0Enj2gZ+aR2XZp0EYg8ZlRfhUMztSPI+KECG/Zvsp/ym54ZcJVVHOA+tHs="

static struct oci_key *published_key(unsigned bits_min, struct error *err)
{
    struct buf pem;
    buf_init(&pem, OCI_KEY_FILE_SIZE_MAX);
    struct oci_key *key = NULL;
    if (file_read(UNIT_DATA "/oci_vectors_key.pem", &pem, err))
        key = oci_key_parse(pem.data, pem.size, NULL, bits_min, err);
    buf_release(&pem);
    return key;
}

static void check_vector(const struct oci_request *request, const char *headers,
                         const char *signature)
{
    struct error err = {0};
    struct oci_key *key = published_key(1024, &err);
    CHECK(key != NULL);
    struct buf header, expected;
    buf_init(&header, 8192);
    buf_init(&expected, 8192);
    buf_printf(&expected,
               "Signature version=\"1\",headers=\"%s\",keyId=\"" KEY_ID
               "\",algorithm=\"rsa-sha256\",signature=\"%s\"",
               headers, signature);
    CHECK_OK(key && oci_authorization(request, key, KEY_ID, &header, &err), &err);
    CHECK_EQ_TEXT(buf_text(&header), buf_text(&expected));
    buf_release(&header);
    buf_release(&expected);
    oci_key_free(key);
}

static void test_published_get(void)
{
    const struct oci_request request = {
        .method = "GET", .target = GET_TARGET, .host = HOST, .date = DATE};
    struct buf text;
    buf_init(&text, 8192);
    oci_signing_string(&request, &text);
    CHECK_EQ_TEXT(buf_text(&text),
                  "date: " DATE "\n(request-target): get " GET_TARGET "\nhost: " HOST);
    buf_release(&text);
    check_vector(&request, "date (request-target) host", GET_SIGNATURE);
}

static void test_published_post(void)
{
    const struct oci_request request = {
        .method = "POST", .target = "/20160918/volumeAttachments", .host = HOST, .date = DATE,
        .signs_body = true, .content_type = "application/json", .body = POST_BODY,
        .body_size = strlen(POST_BODY)};
    char digest[OCI_DIGEST_SIZE];
    CHECK_EQ_INT(strlen(POST_BODY), 316);
    CHECK_EQ_TEXT(oci_content_digest(POST_BODY, strlen(POST_BODY), digest),
                  "V9Z20UJTvkvpJ50flBzKE32+6m2zJjweHpDMX/U4Uy0=");
    check_vector(&request,
                 "date (request-target) host content-length content-type x-content-sha256",
                 POST_SIGNATURE);
}

static void test_published_put(void)
{
    const struct oci_request request = {
        .method = "PUT", .target = "/n/ns/b/CCSDACS_CustomerSync/o/C1-DCTIL_0033_00.csv",
        .host = "objectstorage.us-phoenix-1.oraclecloud.com", .date = DATE};
    check_vector(&request, "date (request-target) host", PUT_SIGNATURE);
}

static void test_signing_string_keeps_port_and_encoding(void)
{
    const struct oci_request request = {
        .method = "GET", .target = "/api/a%2Fb?x=%20", .host = "localhost:7000", .date = DATE};
    struct buf text;
    buf_init(&text, 8192);
    oci_signing_string(&request, &text);
    CHECK_EQ_TEXT(buf_text(&text),
                  "date: " DATE "\n(request-target): get /api/a%2Fb?x=%20\nhost: localhost:7000");
    buf_release(&text);
}

static void test_digest_of_nothing(void)
{
    char digest[OCI_DIGEST_SIZE];
    CHECK_EQ_TEXT(oci_content_digest("", 0, digest),
                  "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void test_fingerprint(void)
{
    struct error err = {0};
    struct oci_key *key = published_key(1024, &err);
    CHECK(key != NULL);
    CHECK_EQ_TEXT(key ? oci_key_fingerprint(key) : "",
                  "73:61:a2:21:67:e0:df:be:7e:4b:93:1e:15:98:a5:b7");
    oci_key_free(key);
}

static void test_short_key_is_refused(void)
{
    struct error err = {0};
    CHECK(published_key(OCI_KEY_BITS_MIN, &err) == NULL);
    CHECK_EQ_TEXT(error_kind_name(err.kind), "invalid");
    CHECK_CONTAINS(err.message, "1024 bits");
    struct oci_key *key = published_key(1024, &err);
    CHECK(key != NULL);
    oci_key_free(key);
    CHECK(published_key(1025, &err) == NULL);
}

/* ---- keys made here ---- */

enum form { PKCS1, PKCS8 };

static EVP_PKEY *made_key(void)
{
    static EVP_PKEY *key;
    if (!key)
        key = EVP_RSA_gen(2048);
    return key;
}

static char *pem_of(EVP_PKEY *key, enum form form, const char *phrase, size_t *size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = phrase ? EVP_aes_256_cbc() : NULL;
    const unsigned char *bytes = (const unsigned char *)phrase;
    int length = phrase ? (int)strlen(phrase) : 0;
    if (form == PKCS1)
        PEM_write_bio_PrivateKey_traditional(bio, key, cipher, bytes, length, NULL, NULL);
    else
        PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, phrase, length, NULL, NULL);
    char *data;
    long total = BIO_get_mem_data(bio, &data);
    *size = (size_t)total;
    char *copy = malloc(*size + 1);
    memcpy(copy, data, *size);
    copy[*size] = '\0';
    BIO_free(bio);
    return copy;
}

static struct oci_key *parse(enum form form, const char *locked, const char *phrase,
                             struct error *err)
{
    size_t size;
    char *pem = pem_of(made_key(), form, locked, &size);
    struct oci_key *key = oci_key_parse(pem, size, phrase, OCI_KEY_BITS_MIN, err);
    free(pem);
    return key;
}

static bool verifies(const char *text, const char *base64)
{
    unsigned char signature[600];
    int size = EVP_DecodeBlock(signature, (const unsigned char *)base64, (int)strlen(base64));
    while (size > 0 && base64[strlen(base64) - 1] == '=' && size % 256 != 0)
        size--;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, made_key()) == 1 &&
              EVP_DigestVerify(context, signature, (size_t)size, (const unsigned char *)text,
                               strlen(text)) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

static void test_every_form_signs(void)
{
    static const struct {
        enum form form;
        const char *locked;
    } forms[] = {{PKCS1, NULL}, {PKCS8, NULL}, {PKCS1, "correct horse"}, {PKCS8, "correct horse"}};
    char first[OCI_FINGERPRINT_SIZE] = "";
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct error err = {0};
        struct oci_key *key = parse(forms[i].form, forms[i].locked, "correct horse", &err);
        struct buf signature;
        buf_init(&signature, 1024);
        CHECK_OK(key && oci_key_sign(key, "hello", 5, &signature, &err), &err);
        CHECK(verifies("hello", buf_text(&signature)));
        CHECK(!verifies("hellp", buf_text(&signature)));
        if (!first[0] && key)
            snprintf(first, sizeof first, "%s", oci_key_fingerprint(key));
        CHECK_EQ_TEXT(key ? oci_key_fingerprint(key) : "", first);
        buf_release(&signature);
        oci_key_free(key);
    }
}

static void test_pass_phrase_missing_or_wrong(void)
{
    struct error err = {0};
    for (int form = PKCS1; form <= PKCS8; form++) {
        CHECK(parse((enum form)form, "correct horse", NULL, &err) == NULL);
        CHECK_EQ_TEXT(error_kind_name(err.kind), "denied");
        CHECK_CONTAINS(err.message, "passphrase");
        CHECK(parse((enum form)form, "correct horse", "battery staple", &err) == NULL);
        CHECK_EQ_TEXT(error_kind_name(err.kind), "denied");
        CHECK_CONTAINS(err.message, "does not open it");
        CHECK(strstr(err.message, "battery") == NULL);
    }
}

static void expect_problem(const char *pem, const char *words)
{
    struct error err = {0};
    CHECK(oci_key_parse(pem, strlen(pem), NULL, 1024, &err) == NULL);
    CHECK_EQ_TEXT(error_kind_name(err.kind), "invalid");
    CHECK_CONTAINS(err.message, words);
}

static void test_what_is_no_rsa_key(void)
{
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    size_t size;
    char *pem = pem_of(curve, PKCS8, NULL, &size);
    expect_problem(pem, "not an RSA key");
    free(pem);
    pem = pem_of(curve, PKCS1, NULL, &size);
    expect_problem(pem, "not an RSA key");
    free(pem);
    EVP_PKEY_free(curve);
    expect_problem("", "holds no PEM private key");
    expect_problem("just text\n", "holds no PEM private key");
    expect_problem("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", "PUBLIC KEY");
    expect_problem("-----BEGIN OPENSSH PRIVATE KEY-----\nMIIB\n-----END OPENSSH PRIVATE KEY-----\n",
                   "ssh-keygen");
    expect_problem("-----BEGIN RSA PRIVATE KEY-----\n!!!!\n-----END RSA PRIVATE KEY-----\n",
                   "damaged");
    expect_problem("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n",
                   "damaged");
    expect_problem("-----BEGIN RSA PRIVATE KEY-----\nMIIB", "damaged");
}

/* The private key of the primes 3 * 2^(bits / 2 - 2) + offset: no time goes into finding large ones. */
static EVP_PKEY *known_key(unsigned bits, const BN_ULONG offsets[2])
{
    enum { P, Q, N, E, D, DP, DQ, QI, P1, Q1, PHI, COUNT };
    static const char *const names[] = {
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
        OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    BIGNUM *is[COUNT];
    BN_CTX *work = BN_CTX_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    for (int i = 0; i < COUNT; i++)
        is[i] = BN_new();
    for (int i = 0; i < 2; i++) {
        BN_set_word(is[P + i], 3);
        BN_lshift(is[P + i], is[P + i], (int)bits / 2 - 2);
        BN_add_word(is[P + i], offsets[i]);
        BN_sub(is[P1 + i], is[P + i], BN_value_one());
    }
    BN_set_word(is[E], RSA_F4);
    BN_mul(is[N], is[P], is[Q], work);
    BN_mul(is[PHI], is[P1], is[Q1], work);
    BN_mod_inverse(is[D], is[E], is[PHI], work);
    BN_mod(is[DP], is[D], is[P1], work);
    BN_mod(is[DQ], is[D], is[Q1], work);
    BN_mod_inverse(is[QI], is[Q], is[P], work);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        OSSL_PARAM_BLD_push_BN(build, names[i], is[i]);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    CHECK(EVP_PKEY_fromdata_init(context) == 1 &&
          EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) == 1);
    CHECK_EQ_INT(EVP_PKEY_get_bits(key), bits);
    for (int i = 0; i < COUNT; i++)
        BN_free(is[i]);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_CTX_free(work);
    return key;
}

static void test_key_file_limits(void)
{
    static const BN_ULONG offsets[2][2] = {{439, 469}, {521, 1675}}; /* of 4096 bits and 4104 */
    struct error err = {0};
    char *big = malloc(OCI_KEY_FILE_SIZE_MAX + 1);
    memset(big, '\n', OCI_KEY_FILE_SIZE_MAX + 1);
    CHECK(oci_key_parse(big, OCI_KEY_FILE_SIZE_MAX + 1, NULL, 2048, &err) == NULL);
    CHECK_CONTAINS(err.message, "over 65536 bytes");
    CHECK(oci_key_parse(big, OCI_KEY_FILE_SIZE_MAX, NULL, 2048, &err) == NULL);
    CHECK_CONTAINS(err.message, "no PEM private key");
    free(big);
    for (size_t i = 0; i < 2; i++) {
        const unsigned bits = OCI_KEY_BITS_MAX + 8 * (unsigned)i;
        EVP_PKEY *long_key = known_key(bits, offsets[i]);
        size_t size;
        char *pem = pem_of(long_key, PKCS8, NULL, &size);
        struct oci_key *key = oci_key_parse(pem, size, NULL, 2048, &err);
        CHECK_EQ_INT(key != NULL, bits == OCI_KEY_BITS_MAX);
        oci_key_free(key);
        free(pem);
        EVP_PKEY_free(long_key);
    }
    CHECK_CONTAINS(err.message, "longer than 4096 bits");
}

/* ---- keys of connections ---- */

static char key_path[64];

static void write_key_file(void)
{
    temporary_name(key_path, sizeof key_path);
    int fd = mkstemp(key_path);
    FILE *file = fdopen(fd, "w");
    size_t size;
    char *pem = pem_of(made_key(), PKCS8, NULL, &size);
    fwrite(pem, 1, size, file);
    fclose(file);
    free(pem);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void test_keys_of_a_connection(void)
{
    struct error err = {0};
    write_key_file();
    struct oci_key *same = parse(PKCS8, NULL, NULL, &err);
    char fingerprint[OCI_FINGERPRINT_SIZE];
    snprintf(fingerprint, sizeof fingerprint, "%s", same ? oci_key_fingerprint(same) : "");
    oci_key_free(same);
    struct connection connection = {.name = "OS", .type = CONNECTION_OBJECT_STORAGE,
                                    .private_key = {.file = key_path},
                                    .fingerprint = fingerprint};
    char variable[] = "SLUICE_TEST_KEY";
    struct oci_keys *keys = oci_keys_new();
    CHECK(keys != NULL);
    const struct oci_key *key = oci_keys_get(keys, &connection, &err);
    CHECK(key != NULL);
    unlink(key_path); /* the second time it is not read */
    CHECK(oci_keys_get(keys, &connection, &err) == key);
    write_file(key_path, "no key"); /* replaced: read again, and this is none */
    CHECK(oci_keys_get(keys, &connection, &err) == NULL);
    CHECK_CONTAINS(err.message, "'OS'");
    unlink(key_path);
    char wrong[] = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff";
    connection.fingerprint = wrong;
    CHECK(oci_keys_get(keys, &connection, &err) == NULL);
    CHECK_CONTAINS(err.message, "cannot open"); /* another identity: read again */
    CHECK_CONTAINS(err.message, "'OS'");
    connection.fingerprint = fingerprint;
    connection.private_key = (struct secret){.env = variable};
    size_t size;
    char *pem = pem_of(made_key(), PKCS8, NULL, &size);
    setenv(variable, pem, 1);
    CHECK(oci_keys_get(keys, &connection, &err) != NULL);
    free(pem);
    oci_keys_free(keys);
}

static void test_fingerprint_of_another_key(void)
{
    struct error err = {0};
    write_key_file();
    char wrong[] = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff";
    struct connection connection = {.name = "OS", .private_key = {.file = key_path},
                                    .fingerprint = wrong};
    struct oci_keys *keys = oci_keys_new();
    CHECK(keys != NULL);
    CHECK(oci_keys_get(keys, &connection, &err) == NULL);
    CHECK_EQ_TEXT(error_kind_name(err.kind), "invalid");
    CHECK_CONTAINS(err.message, wrong);
    CHECK_CONTAINS(err.message, "correct \"fingerprint\" or \"private_key\"");
    connection.fingerprint = NULL;
    CHECK(oci_keys_get(keys, &connection, &err) == NULL);
    CHECK_CONTAINS(err.message, "sets no \"fingerprint\"");
    connection.private_key.file = NULL;
    CHECK(oci_keys_get(keys, &connection, &err) == NULL);
    CHECK_CONTAINS(err.message, "sets no \"private_key\"");
    oci_keys_free(keys);
    unlink(key_path);
}

CHECK_MAIN(TEST(test_published_get), TEST(test_published_post), TEST(test_published_put),
           TEST(test_signing_string_keeps_port_and_encoding), TEST(test_digest_of_nothing),
           TEST(test_fingerprint), TEST(test_short_key_is_refused), TEST(test_every_form_signs),
           TEST(test_pass_phrase_missing_or_wrong), TEST(test_what_is_no_rsa_key),
           TEST(test_key_file_limits), TEST(test_keys_of_a_connection),
           TEST(test_fingerprint_of_another_key))
