/* SPDX-License-Identifier: MIT */
/* What the command line prints: escaping, tables, durations, documents. */
#include "base/document.h"
#include "base/json.h"
#include "check.h"
#include "cli/customize.h"
#include "cli/print.h"

static void expect_escaped(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    print_escape(&out, text);
    CHECK_EQ_TEXT(buf_text(&out), expected);
    buf_release(&out);
}

static void nothing_controls_the_terminal(void)
{
    expect_escaped("plain, \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "plain, \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    expect_escaped("a\nb\rc\x1b[2Jd\x7F", "a\\x0ab\\x0dc\\x1b[2Jd\\x7f");
    expect_escaped("\xC2\x9B" "2J", "\\xc2\\x9b2J");               /* CSI as one C1 control */
    expect_escaped("\xE2\x80\xAE" "fdp.exe", "\\xe2\\x80\\xaefdp.exe"); /* right-to-left override */
    expect_escaped("\xE2\x81\xA6x\xD8\x9C", "\\xe2\\x81\\xa6x\\xd8\\x9c");
    expect_escaped("\xFF\xC0\x80\xE2\x82", "\\xff\\xc0\\x80\\xe2\\x82");
    expect_escaped("", "");
}

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print(out);
    fclose(out);
    return text;
}

static void print_a_table(FILE *out)
{
    struct table table;
    table_init(&table, 3);
    const char *const cells[] = {"NAME", "N", "TEXT", "\xC3\xA4\xC3\xB6", "12345", "last\n", "b", NULL, ""};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        table_add(&table, cells[i]);
    table_print(&table, out);
    table_release(&table);
}

static void tables_align(void)
{
    char *text = printed(print_a_table);
    CHECK_EQ_TEXT(text, "NAME  N      TEXT\n"
                        "\xC3\xA4\xC3\xB6    12345  last\\x0a\n"
                        "b     -      -\n");
    free(text);
}

static void print_a_long_cell(FILE *out)
{
    static char cell[TABLE_CELL_SIZE_MAX + 2];
    struct table table;
    memset(cell, 'x', sizeof cell - 1);
    table_init(&table, 1);
    cell[TABLE_CELL_SIZE_MAX] = '\0';
    table_add(&table, cell);
    cell[TABLE_CELL_SIZE_MAX] = 'x';
    table_add(&table, cell);
    table_print(&table, out);
    table_release(&table);
}

static void a_long_cell_is_cut(void)
{
    char *text = printed(print_a_long_cell);
    size_t first = strcspn(text, "\n");
    CHECK_EQ_INT(first, TABLE_CELL_SIZE_MAX);
    CHECK(strlen(text) <= 2 * (TABLE_CELL_SIZE_MAX + 1));
    free(text);
}

static void durations_read_well(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0 ms"},          {999, "999 ms"},         {1000, "1.0 s"},
                 {59999, "59.9 s"},    {60000, "1 min 00 s"},   {3599999, "59 min 59 s"},
                 {3600000, "1 h 00 min"}};
    char text[DURATION_TEXT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ_TEXT(print_duration(cases[i].ms, text), cases[i].text);
}

static void print_a_document(FILE *out)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "a\"b", "x\ny\xFF");
    document_text(&document, "none", NULL);
    document_open(&document, "list", '[');
    document_number(&document, NULL, -5);
    document_flag(&document, NULL, true);
    document_open(&document, NULL, '{');
    document_close(&document, '}');
    document_close(&document, ']');
    document_time(&document, "at", 1000);
    document_time(&document, "never", 0);
    document_bytes(&document, "bytes", "a\0b", 3);
    document_close(&document, '}');
    CHECK(document_finish(&document, out));
}

static void documents_are_json(void)
{
    char *text = printed(print_a_document);
    CHECK_EQ_TEXT(text, "{\n  \"a\\\"b\": \"x\\u000ay\xEF\xBF\xBD\",\n  \"none\": null,\n  \"list\": [\n"
                        "    -5,\n    true,\n    {}\n  ],\n  \"at\": \"1970-01-01T00:00:01.000Z\",\n"
                        "  \"never\": null,\n  \"bytes\": \"a\\u0000b\"\n}\n");
    cJSON *value = cJSON_Parse(text); /* json_parse refuses the NUL */
    CHECK(value != NULL);
    cJSON_Delete(value);
    free(text);
}

static int difference_lines;

/* So many lines became as many others. */
static void print_a_difference(FILE *out)
{
    char text[2 * (DIFFERENCE_LINES_MAX + 1)], other[sizeof text];
    for (int i = 0; i < difference_lines; i++) {
        memcpy(text + 2 * i, "a\n", 2);
        memcpy(other + 2 * i, i == 1 ? "b\n" : "a\n", 2);
    }
    difference_print(out, text, 2 * (size_t)difference_lines, other, 2 * (size_t)difference_lines);
}

static void long_texts_are_not_compared(void)
{
    difference_lines = DIFFERENCE_LINES_MAX;
    char *text = printed(print_a_difference);
    CHECK_CONTAINS(text, "  a\n- a\n+ b\n  a\n");
    free(text);
    difference_lines = DIFFERENCE_LINES_MAX + 1;
    text = printed(print_a_difference);
    CHECK_EQ_TEXT(text, "4002 bytes became 4002 bytes: more than 2000 lines are not compared\n");
    free(text);
}

CHECK_MAIN(TEST(nothing_controls_the_terminal), TEST(tables_align), TEST(a_long_cell_is_cut),
           TEST(durations_read_well), TEST(long_texts_are_not_compared), TEST(documents_are_json))
