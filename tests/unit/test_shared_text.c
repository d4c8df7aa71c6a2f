/* SPDX-License-Identifier: MIT */
/* The guest's text: growth, UTF-8, wrapping, names, times. */
#include "check.h"
#include "fake_host.h"
#include "sluice/flow.h"
#include "sluice/text.h"

static void test_text_grows_and_clears(void)
{
    struct text text = {0};
    CHECK_EQ_TEXT(text_string(&text), "");
    for (int i = 0; i < 1000; i++)
        text_add_format(&text, "%d,", i % 10);
    CHECK_EQ_INT(text.size, 2000);
    CHECK_EQ_INT(strlen(text_string(&text)), 2000);
    text_clear(&text);
    CHECK_EQ_TEXT(text_string(&text), "");
    text_add_bytes(&text, "a\0b", 3);
    CHECK_EQ_INT(text.size, 3);
    text_release(&text);
    CHECK_EQ_INT(text.size, 0);
}

static void test_formatting_at_the_border_of_the_small_buffer(void)
{
    static const int lengths[] = {0, 254, 255, 256, 257, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct text text = {0};
        text_set(&text, "<");
        text_add_format(&text, "%*s", lengths[i], "");
        text_add(&text, ">");
        CHECK_EQ_INT(text.size, lengths[i] + 2);
        CHECK_EQ_INT(strlen(text_string(&text)), lengths[i] + 2);
        text_release(&text);
    }
}

static void test_counts_have_separators(void)
{
    static const struct {
        uint64_t number;
        const char *expected;
    } rows[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {1073741824, "1,073,741,824"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text = {0};
        text_add_count(&text, rows[i].number);
        CHECK_EQ_TEXT(text_string(&text), rows[i].expected);
        text_release(&text);
    }
}

static void test_utf8_is_told(void)
{
    static const struct {
        const char *bytes;
        bool is_valid;
        const char *why;
    } rows[] = {
        {"", true, "empty"},
        {"plain", true, "ASCII"},
        {"\xC3\xA9", true, "two bytes"},
        {"\xE2\x82\xAC", true, "three bytes"},
        {"\xF0\x9F\x98\x80", true, "four bytes"},
        {"\xF4\x8F\xBF\xBF", true, "the last code point"},
        {"\xF4\x90\x80\x80", false, "beyond the last code point"},
        {"\xC0\xAF", false, "overlong, two bytes"},
        {"\xE0\x80\xAF", false, "overlong, three bytes"},
        {"\xED\xA0\x80", false, "surrogate"},
        {"\xE9t\xE9", false, "Latin-1"},
        {"\xC3", false, "cut"},
        {"\x80", false, "continuation alone"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_valid = utf8_is_valid(rows[i].bytes, strlen(rows[i].bytes));
        CHECK_EQ_INT(is_valid, rows[i].is_valid);
        if (is_valid != rows[i].is_valid)
            fprintf(stderr, "    %s\n", rows[i].why);
    }
}

static void test_prefix_counts_utf16_units(void)
{
    CHECK_EQ_INT(utf8_prefix("abcdef", 6), 6);
    CHECK_EQ_INT(utf8_prefix("abcdef", 5), 5);
    CHECK_EQ_INT(utf8_prefix("a\xC3\xA9z", 2), 3);
    CHECK_EQ_INT(utf8_prefix("a\xF0\x9F\x98\x80", 2), 1); /* a pair does not fit in one unit */
    CHECK_EQ_INT(utf8_prefix("a\xF0\x9F\x98\x80", 3), 5);
    CHECK_EQ_INT(utf8_prefix("", 3), 0);
}

static void test_printable_hides_what_cannot_be_shown(void)
{
    struct text text = {0};
    text_add_printable(&text, "a\r\nb\x7F\xE9\xC3\xA9", 100);
    CHECK_EQ_TEXT(text_string(&text), "a??b??\xC3\xA9");
    text_clear(&text);
    text_add_printable(&text, "abcd", 4);
    CHECK_EQ_TEXT(text_string(&text), "abcd");
    text_clear(&text);
    text_add_printable(&text, "abcde", 4);
    CHECK_EQ_TEXT(text_string(&text), "abcd...");
    text_release(&text);
}

static void test_cut_keeps_sequences_whole(void)
{
    struct text text = {0};
    text_set(&text, "ab\xE2\x82\xAC");
    text_cut(&text, 5);
    CHECK_EQ_INT(text.size, 5);
    text_cut(&text, 4);
    CHECK_EQ_TEXT(text_string(&text), "ab");
    text_release(&text);
}

static void test_wrapping(void)
{
    static const struct {
        const char *given, *expected;
        unsigned indent, columns;
    } rows[] = {
        {"", "", 2, 10},
        {"one", "  one\n", 2, 10},
        {"one two three", "one two\nthree\n", 0, 7},
        {"one two three", "one two\nthree\n", 0, 8},
        {"unbreakablelongword x", "  unbreakablelongword\n  x\n", 2, 10},
        {"a\nb c", "a\nb c\n", 0, 10},
        {"\xC3\xA9\xC3\xA9 \xC3\xA9", "\xC3\xA9\xC3\xA9 \xC3\xA9\n", 0, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text = {0};
        text_add_wrapped(&text, rows[i].given, rows[i].indent, rows[i].columns);
        CHECK_EQ_TEXT(text_string(&text), rows[i].expected);
        text_release(&text);
    }
}

static void test_results_that_did_not_fit_are_asked_for_again(void)
{
    struct text text = {0};
    fake_reset();
    char long_value[251];
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    static const size_t sizes[] = {0, 1, 63, 64, 65, 250};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fake_about("base_url", long_value + 250 - sizes[i]);
        text_release(&text);
        flow_about("base_url", &text);
        CHECK_EQ_INT(text.size, sizes[i]);
        CHECK_EQ_TEXT(text_string(&text), long_value + 250 - sizes[i]);
    }
    flow_about("no such fact", &text);
    CHECK_EQ_TEXT(text_string(&text), "");
}

static void test_long_message_arrives_whole(void)
{
    struct text message = {0}, got = {0};
    for (int i = 0; i < 70000; i++)
        text_add(&message, "m");
    fake_reset();
    fake_message(message.data, message.size);
    CHECK_EQ_INT(flow_input(&got), 70000);
    CHECK(memcmp(got.data, message.data, 70000) == 0);
}

static void test_names_and_words(void)
{
    CHECK(name_is_same("to.ProcessNotification", "to.process.notification"));
    CHECK(name_is_same("File Reference", "fileReference"));
    CHECK(!name_is_same("Filename", "Filenames"));
    CHECK(!name_is_same("Filename", ""));
    CHECK(name_is_same("--", ""));
    CHECK(word_is_same("FTP", "ftp"));
    CHECK(!word_is_same("ftps", "ftp"));
    CHECK(!word_is_same("", "ftp"));
}

static void test_times(void)
{
    static const struct {
        int64_t seconds;
        const char *expected;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},          {951782399, "2000-02-28T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},  {1709251199, "2024-02-29T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, {253402300799, "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TIME_TEXT_SIZE];
        time_format(rows[i].seconds, text);
        CHECK_EQ_TEXT(text, rows[i].expected);
    }
}

CHECK_MAIN(TEST(test_text_grows_and_clears),
           TEST(test_formatting_at_the_border_of_the_small_buffer),
           TEST(test_counts_have_separators), TEST(test_utf8_is_told),
           TEST(test_prefix_counts_utf16_units), TEST(test_printable_hides_what_cannot_be_shown),
           TEST(test_cut_keeps_sequences_whole), TEST(test_wrapping),
           TEST(test_results_that_did_not_fit_are_asked_for_again),
           TEST(test_long_message_arrives_whole), TEST(test_names_and_words), TEST(test_times))
