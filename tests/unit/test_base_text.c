/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "check.h"

static void utf8_is_strict(void)
{
    static const struct {
        const char *text;
        bool valid;
        const char *why;
    } cases[] = {
        {"plain", true, "ASCII"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA7", true, "2, 3 and 4 bytes"},
        {"\xC0\xAF", false, "overlong slash"},
        {"\xE0\x80\xAF", false, "overlong in three"},
        {"\xED\xA0\x80", false, "surrogate"},
        {"\xF4\x90\x80\x80", false, "above U+10FFFF"},
        {"\xC3", false, "cut"},
        {"\xE2\x82", false, "cut in three"},
        {"\x80", false, "lone continuation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (text_is_utf8(cases[i].text, strlen(cases[i].text)) != cases[i].valid)
            check_report(false, __FILE__, __LINE__, cases[i].why);
        else
            check_report(true, __FILE__, __LINE__, "");
    CHECK(!text_is_utf8("a\0b", 3));
    CHECK(text_is_utf8("", 0));
}

static void names_compare_without_case_and_punctuation(void)
{
    CHECK(text_same_name("to.process.notification", "to.ProcessNotification"));
    CHECK(text_same_name("notification.type. email", "notification.type.email"));
    CHECK(text_same_name("From", "from"));
    CHECK(!text_same_name("to", "to.process.notification"));
    CHECK(!text_same_name("", "a"));
}

static void the_nearest_name_is_found_and_nonsense_is_not(void)
{
    static const char *const names[] = {"check", "connections", "flows", "instances"};
    CHECK_EQ_TEXT(text_nearest("conections", names, 4), "connections");
    CHECK_EQ_TEXT(text_nearest("flow", names, 4), "flows");
    CHECK_EQ_TEXT(text_nearest("Check", names, 4), "check");
    CHECK(text_nearest("zzzzzz", names, 4) == NULL);
    CHECK(text_nearest("x", names, 0) == NULL);
}

static void percent_signs_are_decoded_or_refused(void)
{
    char out[8];
    CHECK(text_decode_percent("A%7cB", false, out, sizeof out));
    CHECK_EQ_TEXT(out, "A|B");
    CHECK(text_decode_percent("a+b", false, out, sizeof out));
    CHECK_EQ_TEXT(out, "a+b");
    CHECK(text_decode_percent("a+b", true, out, sizeof out));
    CHECK_EQ_TEXT(out, "a b");
    CHECK(text_decode_percent("1234567", false, out, sizeof out));
    CHECK(!text_decode_percent("12345678", false, out, sizeof out));
    static const char *const wrong[] = {"%", "%4", "%4g", "%00", "%0a", "%ff", "%c3", "\x7f"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!text_decode_percent(wrong[i], false, out, sizeof out));
}

static void sizes_parse_with_units(void)
{
    uint64_t size;
    CHECK(text_parse_size("512", &size) && size == 512);
    CHECK(text_parse_size("1GiB", &size) && size == 1ull << 30);
    CHECK(text_parse_size("1 GB", &size) && size == 1000000000);
    CHECK(text_parse_size("64 kib", &size) && size == 65536);
    CHECK(!text_parse_size("-1", &size));
    CHECK(!text_parse_size("1XB", &size));
    CHECK(!text_parse_size("", &size));
    CHECK(!text_parse_size("99999999999999999999", &size));
    CHECK(!text_parse_size("99999999999 GiB", &size));
}

static void whole_numbers_parse_within_bounds(void)
{
    int64_t value;
    CHECK(text_parse_int("65535", 1, 65535, &value) && value == 65535);
    CHECK(!text_parse_int("65536", 1, 65535, &value));
    CHECK(!text_parse_int("0", 1, 65535, &value));
    CHECK(text_parse_int("-5", -5, 5, &value) && value == -5);
    CHECK(!text_parse_int("5x", 0, 9, &value));
    CHECK(!text_parse_int(" 5", 0, 9, &value));
    CHECK(!text_parse_int("", 0, 9, &value));
}

static void sizes_are_written_for_people(void)
{
    char text[TEXT_SIZE_SIZE];
    CHECK_EQ_TEXT(text_format_size(0, text), "0 B");
    CHECK_EQ_TEXT(text_format_size(1023, text), "1023 B");
    CHECK_EQ_TEXT(text_format_size(1536, text), "1.5 KiB");
    CHECK_EQ_TEXT(text_format_size(1ull << 30, text), "1.0 GiB");
    CHECK_EQ_TEXT(text_format_size(UINT64_MAX, text), "16.0 EiB");
}

static void secrets_compare_whole(void)
{
    CHECK(text_same_secret("abc", 3, "abc", 3));
    CHECK(!text_same_secret("abc", 3, "abd", 3));
    CHECK(!text_same_secret("abc", 3, "abcd", 4));
    CHECK(text_same_secret("", 0, "", 0));
}

static void control_bytes_are_seen(void)
{
    CHECK(text_has_control("a\r\nDELE b"));
    CHECK(text_has_control("\x7F"));
    CHECK(!text_has_control("C1-DCTEX_0001_00.csv \xC3\xA9"));
}

/* RFC 4648 section 10, and everything that is not what an encoder makes. */
static void base64_is_decoded_in_its_one_form(void)
{
    static const struct {
        const char *text;
        enum base64 form;
        const char *bytes; /* NULL: refused */
    } cases[] = {
        {"", BASE64_PADDED, ""},           {"Zg==", BASE64_PADDED, "f"},
        {"Zm8=", BASE64_PADDED, "fo"},     {"Zm9v", BASE64_PADDED, "foo"},
        {"Zm9vYg==", BASE64_PADDED, "foob"}, {"Zm9vYmFy", BASE64_PADDED, "foobar"},
        {"+/+/", BASE64_PADDED, "\xFB\xFF\xBF"},
        {"Zg=", BASE64_PADDED, NULL},      {"Zg", BASE64_PADDED, NULL},
        {"Z===", BASE64_PADDED, NULL},     {"====", BASE64_PADDED, NULL},
        {"Zh==", BASE64_PADDED, NULL},     {"Zm9=", BASE64_PADDED, NULL},
        {"Zg==Zg==", BASE64_PADDED, NULL}, {"Zm9v\n", BASE64_PADDED, NULL},
        {"-_-_", BASE64_PADDED, NULL},     {"Zm 9", BASE64_PADDED, NULL},
        {"", BASE64_URL, ""},              {"Zg", BASE64_URL, "f"},
        {"Zm8", BASE64_URL, "fo"},         {"Zm9v", BASE64_URL, "foo"},
        {"-_-_", BASE64_URL, "\xFB\xFF\xBF"},
        {"Zg==", BASE64_URL, NULL},        {"Z", BASE64_URL, NULL},
        {"Zm9vY", BASE64_URL, NULL},       {"Zh", BASE64_URL, NULL},
        {"Zm9", BASE64_URL, NULL},         {"+/+/", BASE64_URL, NULL},
        {"Zm9v.", BASE64_URL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[8];
        size_t size = 99;
        bool taken = text_decode_base64(cases[i].text, strlen(cases[i].text), cases[i].form, out,
                                        sizeof out, &size);
        bool right = taken ? cases[i].bytes && size == strlen(cases[i].bytes) &&
                                 memcmp(out, cases[i].bytes, size) == 0
                           : cases[i].bytes == NULL;
        check_report(right, __FILE__, __LINE__, cases[i].text);
    }
    char out[3];
    size_t size;
    CHECK(text_decode_base64("Zm9v", 4, BASE64_URL, out, 3, &size));
    CHECK(!text_decode_base64("Zm9v", 4, BASE64_URL, out, 2, &size));
    CHECK(!text_decode_base64("Zm9\0", 4, BASE64_URL, out, 3, &size));
}

static void types_that_say_json(void)
{
    static const struct {
        const char *type;
        bool is_json;
    } cases[] = {
        {"application/json", true},  {"Application/JSON; charset=utf-8", true}, {"text/json", true},
        {"application/x+json", true}, {"application/x+json;a=b", true},         {"+json", false},
        {"application/jsonx", false}, {"application/json2", false},             {"text/plain", false},
        {"", false},                  {"text/plain; application/json", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ_INT(text_is_json_type(cases[i].type), cases[i].is_json);
}

/* The vectors of FNV-1a's authors. */
static void hashes_are_fnv_1a(void)
{
    CHECK(text_hash("") == 0xcbf29ce484222325u);
    CHECK(text_hash("a") == 0xaf63dc4c8601ec8cu);
    CHECK(text_hash("foobar") == 0x85944171f73967e8u);
}

CHECK_MAIN(TEST(hashes_are_fnv_1a), TEST(base64_is_decoded_in_its_one_form), TEST(types_that_say_json),
           TEST(utf8_is_strict), TEST(names_compare_without_case_and_punctuation),
           TEST(percent_signs_are_decoded_or_refused),
           TEST(the_nearest_name_is_found_and_nonsense_is_not), TEST(sizes_parse_with_units),
           TEST(whole_numbers_parse_within_bounds), TEST(sizes_are_written_for_people),
           TEST(secrets_compare_whole), TEST(control_bytes_are_seen))
