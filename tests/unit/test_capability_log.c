/* SPDX-License-Identifier: MIT */
/* Lines that a guest writes: how long one may be, how many there may be. */
#include "capability/log.h"

#include "check.h"

static struct buf rows; /* "result:size of the text;" of each row */

static void write_row(void *context, const char *result, const char *text)
{
    (void)context;
    buf_printf(&rows, "%s:%zu;", result, strlen(text));
}

static void expect_rows(struct line_log *log, const char *expected)
{
    line_log_flush(log);
    CHECK_EQ_TEXT(buf_text(&rows), expected);
    line_log_release(log);
    buf_release(&rows);
}

static void start(struct line_log *log, uint64_t lines_max)
{
    buf_init(&rows, 1024);
    line_log_init(log, lines_max, write_row, NULL);
}

static void a_line_ends_at_the_limit_and_not_before(void)
{
    struct line_log log;
    char text[LOG_LINE_MAX + 1];
    memset(text, 'x', sizeof text);
    for (size_t size = LOG_LINE_MAX; size <= LOG_LINE_MAX + 1; size++) {
        start(&log, 9);
        line_log_add(&log, text, size);
        line_log_add(&log, "\nnext", 5);
        expect_rows(&log, "ok:4096;ok:4;");
    }
    memcpy(text + LOG_LINE_MAX - 1, "\xC3\xA4", 2); /* a character that the limit would cut in two */
    start(&log, 9);
    line_log_add(&log, text, LOG_LINE_MAX + 1);
    expect_rows(&log, "ok:4095;");
}

static void lines_end_at_the_limit_and_not_before(void)
{
    struct line_log log;
    start(&log, 2);
    line_log_add(&log, "a\nb\n", 4);
    expect_rows(&log, "ok:1;ok:1;");
    start(&log, 2);
    line_log_add(&log, "a\nb\nc\nd\n", 8);
    expect_rows(&log, "ok:1;ok:1;limit:58;");
}

CHECK_MAIN(TEST(a_line_ends_at_the_limit_and_not_before), TEST(lines_end_at_the_limit_and_not_before))
