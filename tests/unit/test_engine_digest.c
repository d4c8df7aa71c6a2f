/* SPDX-License-Identifier: MIT */
/* digest_hex against the values of FIPS 180-2 and of coreutils' sha256sum. */
#include "check.h"
#include "engine/digest.h"

static void known_values(void)
{
    char text[DIGEST_TEXT_SIZE];
    CHECK_EQ_TEXT(digest_hex(NULL, "", 0, text),
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_EQ_TEXT(digest_hex(NULL, "abc", 3, text),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_prefix_ends_with_its_nul(void)
{
    char text[DIGEST_TEXT_SIZE];
    CHECK_EQ_TEXT(digest_hex("v1", "abc", 3, text),
                  "3f8d3f13fe47503d116714e33a9b2283c62126c1f9cf7817668c6e8a027aa014");
}

CHECK_MAIN(TEST(known_values), TEST(a_prefix_ends_with_its_nul))
