/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>

#include "base/text.h"
#include "check.h"

static void setting_returns_false_and_keeps_the_sentence(void)
{
    struct error err = {.peer_code = 5, .retry = RETRY_LATER, .retry_after_ms = 1};
    CHECK(!error_set(&err, ERROR_LIMIT, "%s is %d", "x", 3));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_INT(err.peer_code, 0);
    CHECK_EQ_INT(err.retry, RETRY_NEVER);
    CHECK_EQ_INT(err.retry_after_ms, 0);
    CHECK_EQ_TEXT(err.message, "x is 3");
    CHECK(!error_set(NULL, ERROR_LIMIT, "nobody asks"));
}

static void context_goes_before_and_keeps_the_rest(void)
{
    struct error err;
    error_set(&err, ERROR_REFUSED, "no");
    err.peer_code = 550;
    err.retry_after_ms = 7;
    CHECK(!error_advise(&err, RETRY_FEW));
    CHECK(!error_advise(NULL, RETRY_FEW));
    CHECK(!error_context(&err, "file '%s'", "a"));
    CHECK_EQ_TEXT(err.message, "file 'a': no");
    CHECK_EQ_INT(err.kind, ERROR_REFUSED);
    CHECK_EQ_INT(err.peer_code, 550);
    CHECK_EQ_INT(err.retry, RETRY_FEW);
    CHECK_EQ_INT(err.retry_after_ms, 7);
}

static void want_of_memory_is_told_from_other_limits(void)
{
    struct error err = {0};
    CHECK(!error_out_of_memory(&err));
    CHECK(!error_out_of_memory(NULL));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "out of memory");
    error_context(&err, "file '%s'", "a");
    CHECK(err.is_out_of_memory);
    error_set(&err, ERROR_LIMIT, "out of memory");
    CHECK(!err.is_out_of_memory);
}

static void errno_is_told_in_words(void)
{
    struct error err;
    error_errno(&err, ERROR_NOT_FOUND, ENOENT, "cannot open '%s'", "f");
    CHECK_EQ_TEXT(err.message, "cannot open 'f': No such file or directory");
}

static void arguments_may_point_into_the_message(void)
{
    struct error err;
    error_set(&err, ERROR_INVALID, "inner");
    error_set(&err, ERROR_INVALID, "outer: %s", err.message);
    CHECK_EQ_TEXT(err.message, "outer: inner");
}

static void a_long_message_is_cut_between_characters(void)
{
    char text[2 * ERROR_MESSAGE_SIZE];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        struct error err;
        error_set(&err, ERROR_INVALID, "%s", text);
        CHECK(text_is_utf8(err.message, strlen(err.message)));
        CHECK(strlen(err.message) >= ERROR_MESSAGE_SIZE - 4);
    }
}

static void kinds_have_names_that_parse(void)
{
    for (int kind = ERROR_NONE; kind <= ERROR_INTERNAL; kind++)
        CHECK_EQ_INT(error_kind_parse(error_kind_name((enum error_kind)kind)), kind);
    CHECK_EQ_TEXT(error_kind_name((enum error_kind)99), "internal");
    CHECK_EQ_INT(error_kind_parse("no such word"), ERROR_INTERNAL);
}

CHECK_MAIN(TEST(setting_returns_false_and_keeps_the_sentence),
           TEST(context_goes_before_and_keeps_the_rest),
           TEST(want_of_memory_is_told_from_other_limits), TEST(errno_is_told_in_words),
           TEST(arguments_may_point_into_the_message),
           TEST(a_long_message_is_cut_between_characters), TEST(kinds_have_names_that_parse))
