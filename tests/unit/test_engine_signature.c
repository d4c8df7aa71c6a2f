/* SPDX-License-Identifier: MIT */
/* Sections and signatures: what is found, what fits, what is refused whatever is changed. */
#include <bearssl.h>

#include "base/file.h"
#include "engine/section.h"
#include "engine/signature.h"
#include "temporary.h"

static const char head[] = "\0asm\1\0\0\0";

static struct buf module_with(const char *first, const char *second)
{
    struct buf module;
    buf_init(&module, 100000);
    buf_append(&module, head, 8);
    section_append(&module, first, "content", 7);
    if (second)
        section_append(&module, second, "line", 4);
    return module;
}

static void a_signature_is_found_in_the_last_section_only(void)
{
    const char *line;
    size_t size;
    struct buf last = module_with("other", SIGNATURE_SECTION), first = module_with(SIGNATURE_SECTION, "other"),
               none = module_with("other", NULL);
    CHECK_EQ_INT(signature_find(last.data, last.size, &line, &size), none.size);
    CHECK(line && size == 4 && memcmp(line, "line", 4) == 0);
    CHECK_EQ_INT(signature_find(first.data, first.size, &line, &size), first.size);
    CHECK(line == NULL);
    CHECK_EQ_INT(signature_find(none.data, none.size, &line, &size), none.size);
    for (size_t cut = 0; cut < last.size; cut++) {
        CHECK_EQ_INT(signature_find(last.data, cut, &line, &size), cut);
        CHECK(line == NULL);
    }
    buf_release(&last);
    buf_release(&first);
    buf_release(&none);
}

static void long_sections_have_long_sizes(void)
{
    struct buf module;
    struct section section;
    char content[20000] = {0};
    buf_init(&module, 100000);
    buf_append(&module, head, 8);
    section_append(&module, "name", content, sizeof content);
    const char *at = module.data + 8;
    CHECK(section_next(&at, module.data + module.size, &section));
    CHECK(section_is_named(&section, "name") && !section_is_named(&section, "nam"));
    CHECK_EQ_INT(section.end - section.content, sizeof content);
    CHECK(!section_next(&at, module.data + module.size, &section));
    buf_release(&module);
}

struct pair {
    struct temporary temporary;
    struct signing_key key;
    struct trusted_keys *keys;
};

static struct pair make_pair(void)
{
    struct error err = {0};
    struct pair pair = {.temporary = temporary_make(), .keys = calloc(1, sizeof(struct trusted_keys))};
    CHECK_OK(signing_key_new(temporary_path(&pair.temporary, "a.key"), temporary_path(&pair.temporary, "a.pem"),
                             &err), &err);
    CHECK_OK(signing_key_read(&pair.key, temporary_path(&pair.temporary, "a.key"), &err), &err);
    CHECK_OK(trusted_keys_read(pair.keys, pair.temporary.folder, &err), &err);
    CHECK_EQ_INT(pair.keys->count, 1);
    CHECK_EQ_TEXT(pair.keys->keys[0].name, "a");
    CHECK_EQ_TEXT(pair.keys->keys[0].id, pair.key.public_key.id);
    return pair;
}

static void free_pair(struct pair *pair)
{
    free(pair->keys);
    temporary_remove(&pair->temporary);
}

static void no_changed_bit_is_taken(void)
{
    struct error err = {0};
    struct pair pair = make_pair();
    const struct trusted_key *signer = NULL;
    char bytes[] = "what was signed";
    struct buf line;
    buf_init(&line, SIGNATURE_LINE_MAX);
    CHECK_OK(signature_make(&pair.key, bytes, sizeof bytes, &line, &err), &err);
    CHECK_OK(signature_check(pair.keys, bytes, sizeof bytes, line.data, line.size, &signer, &err), &err);
    CHECK(signer == &pair.keys->keys[0]);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        CHECK_FAILS(signature_check(pair.keys, bytes, sizeof bytes, line.data, line.size, &signer, &err), &err,
                    ERROR_DENIED);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t i = 0; i + 1 < line.size; i++) {
        line.data[i] ^= 1;
        CHECK(!signature_check(pair.keys, bytes, sizeof bytes, line.data, line.size, &signer, &err));
        line.data[i] ^= 1;
    }
    CHECK(!signature_check(pair.keys, bytes, sizeof bytes - 1, line.data, line.size, &signer, &err));
    pair.keys->count = 0;
    CHECK_FAILS(signature_check(pair.keys, bytes, sizeof bytes, line.data, line.size, &signer, &err), &err,
                ERROR_DENIED);
    buf_release(&line);
    free_pair(&pair);
}

static void lines_that_are_none(void)
{
    struct error err = {0};
    struct pair pair = make_pair();
    const struct trusted_key *signer = NULL;
    char longest[SIGNATURE_LINE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    static const char *const lines[] = {"", "\n", "ES256", "ES256 00 AA==", "RS256 x y"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        CHECK_FAILS(signature_check(pair.keys, "x", 1, lines[i], strlen(lines[i]), &signer, &err), &err,
                    ERROR_INVALID);
    CHECK_FAILS(signature_check(pair.keys, "x", 1, longest, sizeof longest, &signer, &err), &err, ERROR_INVALID);
    free_pair(&pair);
}

/* An EC PRIVATE KEY (RFC 5915) that is such a number. */
static bool reads_secret(const struct temporary *temporary, const unsigned char secret[static 32],
                         struct signing_key *key, struct error *err)
{
    static const unsigned char begin[] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const unsigned char curve[] = {0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                          0xCE, 0x3D, 0x03, 0x01, 0x07};
    unsigned char der[sizeof begin + 32 + sizeof curve];
    char pem[512];
    memcpy(der, begin, sizeof begin);
    memcpy(der + sizeof begin, secret, 32);
    memcpy(der + sizeof begin + 32, curve, sizeof curve);
    br_pem_encode(pem, der, sizeof der, "EC PRIVATE KEY", 0);
    temporary_write(temporary, "n.key", pem);
    CHECK_EQ_INT(chmod(temporary_path(temporary, "n.key"), 0600), 0);
    return signing_key_read(key, temporary_path(temporary, "n.key"), err);
}

/* Of P-256, FIPS 186-4 D.1.2.3: the first and last secret, and those beside them. */
static void a_secret_lies_below_the_order_of_the_curve(void)
{
    static const unsigned char order[32] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct signing_key key;
    unsigned char secret[32] = {0};
    CHECK_FAILS(reads_secret(&temporary, secret, &key, &err), &err, ERROR_INVALID);
    secret[31] = 1;
    CHECK_OK(reads_secret(&temporary, secret, &key, &err), &err);
    memcpy(secret, order, sizeof secret);
    CHECK_FAILS(reads_secret(&temporary, secret, &key, &err), &err, ERROR_INVALID);
    secret[31]--;
    CHECK_OK(reads_secret(&temporary, secret, &key, &err), &err);
    memset(secret, 0xFF, sizeof secret);
    CHECK_FAILS(reads_secret(&temporary, secret, &key, &err), &err, ERROR_INVALID);
    temporary_remove(&temporary);
}

static void the_number_of_trusted_keys_is_bounded(void)
{
    struct error err = {0};
    struct pair pair = make_pair();
    struct buf pem;
    char name[32];
    buf_init(&pem, 4096);
    CHECK_OK(file_read(temporary_path(&pair.temporary, "a.pem"), &pem, &err), &err);
    for (int i = 1; i <= SIGNATURE_KEYS_MAX; i++) {
        snprintf(name, sizeof name, "b%d.pem", i);
        temporary_write(&pair.temporary, name, buf_text(&pem));
        bool ok = trusted_keys_read(pair.keys, pair.temporary.folder, &err);
        CHECK_EQ_INT(ok, i < SIGNATURE_KEYS_MAX);
    }
    CHECK_EQ_TEXT(error_kind_name(err.kind), "limit");
    buf_release(&pem);
    free_pair(&pair);
}

static void a_folder_that_is_missing_has_no_keys(void)
{
    struct error err = {0};
    struct trusted_keys *keys = calloc(1, sizeof *keys);
    CHECK_OK(trusted_keys_read(keys, "/nowhere/at/all", &err), &err);
    CHECK_EQ_INT(keys->count, 0);
    free(keys);
}

CHECK_MAIN(TEST(a_signature_is_found_in_the_last_section_only), TEST(long_sections_have_long_sizes),
           TEST(no_changed_bit_is_taken), TEST(lines_that_are_none),
           TEST(a_secret_lies_below_the_order_of_the_curve),
           TEST(the_number_of_trusted_keys_is_bounded), TEST(a_folder_that_is_missing_has_no_keys))
