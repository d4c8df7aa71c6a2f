/* SPDX-License-Identifier: MIT */
/* What is a version, which of two is newer, which ones a shorter one covers. */
#include <string.h>

#include "check.h"
#include "base/version.h"

static struct version parse(const char *text)
{
    struct version version = {.count = 0};
    CHECK(version_parse(text, strlen(text), &version));
    return version;
}

static void test_what_is_a_version(void)
{
    static const char *const bad[] = {"",       "1",       "1.",       ".1",      "1..2",   "1.2.",
                                      "1.2.3.", "1.2.3.4", "1.0000000", "-1.2",   "1.x",    " 1.2",
                                      "1.2 ",   "1,2",     "0x1.2",    "1.2.3\n"};
    struct version version;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (version_parse(bad[i], strlen(bad[i]), &version))
            CHECK_EQ_TEXT(bad[i], "refused");
    }
    CHECK_EQ_INT(parse("01.23.3000").parts[2], 3000);
    CHECK_EQ_INT(parse("1.999999").parts[1], 999999);
    CHECK_EQ_INT(parse("1.2").count, 2);
    CHECK(version_parse("1.23/x", 4, &version));
}

/* So many numbers of so many digits. */
static bool is_version(int digits, int parts)
{
    char text[64] = "";
    for (int i = 0; i < parts; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%0*d", i ? "." : "", digits, 7);
    struct version version;
    return version_parse(text, strlen(text), &version);
}

static void test_limits(void)
{
    CHECK(is_version(VERSION_DIGITS_MAX, 2));
    CHECK(!is_version(VERSION_DIGITS_MAX + 1, 2));
    CHECK(is_version(1, VERSION_PARTS_MAX));
    CHECK(!is_version(1, VERSION_PARTS_MAX + 1));
}

static void test_order_and_cover(void)
{
    static const struct {
        const char *a, *b;
        int order;
        bool covers; /* a names b */
    } cases[] = {
        {"1.23.3000", "01.23.3000", 0, true}, {"1.2", "1.2.0", 0, true},
        {"1.9", "1.10", -1, false},           {"2.0", "1.99.9", 1, false},
        {"1.23", "1.23.3000", -1, true},      {"1.23.1", "1.23.2", -1, false},
        {"1.2.0", "1.2", 0, true},            {"1.2.1", "1.2", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct version a = parse(cases[i].a), b = parse(cases[i].b);
        CHECK_EQ_INT(version_compare(&a, &b), cases[i].order);
        CHECK_EQ_INT(version_compare(&b, &a), -cases[i].order);
        CHECK_EQ_INT(version_covers(&a, &b), cases[i].covers);
    }
}

CHECK_MAIN(TEST(test_what_is_a_version), TEST(test_limits), TEST(test_order_and_cover))
