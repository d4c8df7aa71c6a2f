/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>

#include "check.h"

static void appends_keep_a_nul_behind(void)
{
    struct buf buf;
    buf_init(&buf, 100);
    CHECK_EQ_TEXT(buf_text(&buf), "");
    buf_append(&buf, "ab", 2);
    buf_append_char(&buf, 'c');
    buf_printf(&buf, "%d", 42);
    CHECK_EQ_TEXT(buf_text(&buf), "abc42");
    CHECK_EQ_INT(buf.size, 5);
    buf_release(&buf);
    buf_release(&buf);
}

static void the_ceiling_holds_at_n_and_n_plus_1(void)
{
    struct buf buf;
    buf_init(&buf, 4);
    buf_append(&buf, "1234", 4);
    CHECK(!buf.failed);
    buf_append(&buf, "5", 1);
    CHECK(buf.failed && buf.is_full);
    CHECK_EQ_TEXT(buf_text(&buf), "1234");
    buf_clear(&buf);
    CHECK(!buf.failed && !buf.is_full);
    buf_printf(&buf, "%s", "12345");
    CHECK(buf.failed && buf.is_full);
    buf_release(&buf);
}

static void failure_is_sticky(void)
{
    struct buf buf;
    buf_init(&buf, 2);
    buf_append_text(&buf, "abc");
    buf_append_text(&buf, "a");
    CHECK(buf.failed);
    CHECK_EQ_INT(buf.size, 0);
    CHECK(buf_take(&buf, NULL) == NULL);
}

static void what_failed_for_want_of_memory_is_not_full(void)
{
    struct buf buf;
    buf_init(&buf, 2);
    buf.failed = true; /* as where realloc gave NULL */
    buf_append_text(&buf, "abc");
    CHECK(buf.failed && !buf.is_full && buf_is_out_of_memory(&buf));
    buf_release(&buf);
}

static void taking_moves_the_content_out(void)
{
    struct buf buf;
    size_t size;
    buf_init(&buf, 10);
    buf_append_text(&buf, "abc");
    char *text = buf_take(&buf, &size);
    CHECK_EQ_TEXT(text, "abc");
    CHECK_EQ_INT(size, 3);
    CHECK_EQ_INT(buf.size, 0);
    free(text);
    text = buf_take(&buf, &size);
    CHECK_EQ_TEXT(text, "");
    free(text);
}

/* RFC 4648 section 10. */
static void base64_matches_the_rfc(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf buf;
        buf_init(&buf, 100);
        buf_append_base64(&buf, cases[i].in, strlen(cases[i].in));
        CHECK_EQ_TEXT(buf_text(&buf), cases[i].out);
        buf_release(&buf);
    }
}

static void percent_encoding_leaves_only_unreserved(void)
{
    struct buf buf;
    buf_init(&buf, 100);
    buf_append_percent(&buf, "a/b c+d~e\xC3\xA9");
    CHECK_EQ_TEXT(buf_text(&buf), "a%2Fb%20c%2Bd~e%C3%A9");
    buf_release(&buf);
}

CHECK_MAIN(TEST(appends_keep_a_nul_behind), TEST(the_ceiling_holds_at_n_and_n_plus_1),
           TEST(failure_is_sticky), TEST(what_failed_for_want_of_memory_is_not_full),
           TEST(taking_moves_the_content_out),
           TEST(base64_matches_the_rfc), TEST(percent_encoding_leaves_only_unreserved))
