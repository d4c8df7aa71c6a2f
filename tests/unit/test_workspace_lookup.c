/* SPDX-License-Identifier: MIT */
/* Lookup files: both layouts, quoting, every complaint with its line, limits at n and n + 1. */
#include "check.h"
#include "workspace/csv.h"
#include "workspace/lookup.h"

static void good_files_are_read(void)
{
    static const struct {
        const char *why, *text;
        const char *property, *value;
        size_t rows;
    } cases[] = {
        {"header and rows", "PropertyName,Value\na.b,1\nc,2\n", "c", "2", 2},
        {"name line first", "L\nPropertyName,Value\na.b,1\n", "a.b", "1", 1},
        {"name line with description", "L,\"what, it is\"\nPropertyName,Value\na,1\n", "a", "1", 1},
        {"CRLF", "PropertyName,Value\r\na,1\r\n", "a", "1", 1},
        {"byte order mark", "\xEF\xBB\xBFPropertyName,Value\na,1\n", "a", "1", 1},
        {"no newline at the end", "PropertyName,Value\na,1", "a", "1", 1},
        {"blank lines", "\n\nPropertyName,Value\n\na,1\n\n\nb,2\n", "b", "2", 2},
        {"quotes", "K,V\na,\"x, \"\"y\"\"\"\n", "a", "x, \"y\"", 1},
        {"empty value", "K,V\na,\n", "a", "", 1},
        {"case and punctuation", "K,V\nto.ProcessNotification,x@y\n", "To.process.notification",
         "x@y", 1},
        {"two spellings, one value", "K,V\nnotification.type. email,email\n"
                                     "notification.type.email,email\n",
         "notification.type.email", "email", 2},
        {"no rows", "K,V\n", "a", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lookup lookup = {0};
        struct error err = {0};
        bool ok = lookup_parse(&lookup, "L", cases[i].text, strlen(cases[i].text), "lookups/L.csv",
                               &err);
        if (!ok)
            fprintf(stderr, "%s: %s\n", cases[i].why, err.message);
        CHECK(ok);
        if (!ok)
            continue;
        CHECK_EQ_TEXT(lookup_get(&lookup, cases[i].property), cases[i].value);
        CHECK_EQ_INT(lookup.row_count, cases[i].rows);
        lookup_release(&lookup);
    }
}

static void bad_files_name_their_line(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "lookups/L.csv:1: expected a header of 2 columns such as PropertyName,Value (or the "
             "lookup's name 'L' on a line before it)"},
        {"Other\nK,V\n", "lookups/L.csv:1: expected a header of 2 columns such as "
                         "PropertyName,Value (or the lookup's name 'L' on a line before it)"},
        {"K,\n", "lookups/L.csv:1: a column has no usable name"},
        {"K,V\na,1\na,2\n", "lookups/L.csv:3: 'a' is given twice"},
        {"K,V\na,1\n\na,1\n", "lookups/L.csv:4: 'a' is given twice"},
        {"K,V\na.b,1\na b,2\n",
         "lookups/L.csv:3: 'a b' and 'a.b' are the same property but have different values"},
        {"K,V\na,1,2\n", "lookups/L.csv:2: expected 2 fields (K,V), found 3"},
        {"K,V\na\n", "lookups/L.csv:2: expected 2 fields (K,V), found 1"},
        {"K,V\n,1\n", "lookups/L.csv:2: K is empty"},
        {"K,V\na,\"1\n2\nb,3\n", "lookups/L.csv:2: a quoted field begins here and never ends"},
        {"K,V\na,\"1\n2\"\n", "lookups/L.csv:2: control characters are not possible here"},
        {"K,V\na,\"1\"x\n",
         "lookups/L.csv:2: expected a comma or the end of the line behind a closing quote"},
        {"K,V\na,1\"2\n", "lookups/L.csv:2: a field with a quote inside must be in quotes"},
        {"K,V\na,1\r2\n", "lookups/L.csv:2: a field with a carriage return inside must be in quotes"},
        {"K,V\na,\xFF\n", "lookups/L.csv:2: not UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lookup lookup = {0};
        struct error err = {0};
        CHECK_FAILS(lookup_parse(&lookup, "L", cases[i].text, strlen(cases[i].text),
                                 "lookups/L.csv", &err),
                    &err, ERROR_INVALID);
        CHECK_EQ_TEXT(err.message, cases[i].message);
        CHECK(lookup.rows == NULL);
    }
}

static void nul_bytes_are_refused(void)
{
    static const char text[] = "K,V\na,\0b\n";
    struct lookup lookup = {0};
    struct error err = {0};
    CHECK_FAILS(lookup_parse(&lookup, "L", text, sizeof text - 1, "L", &err), &err, ERROR_INVALID);
    CHECK_EQ_TEXT(err.message, "L:2: a field holds a NUL byte");
}

/* A lookup with rows rows, or with one value of value_size bytes. */
static bool parse_sized(int rows, size_t value_size, struct error *err)
{
    struct buf text;
    struct lookup lookup = {0};
    buf_init(&text, 4u << 20);
    buf_append_text(&text, "K,V\n");
    for (int i = 0; i < rows; i++)
        buf_printf(&text, "k%d,1\n", i);
    if (value_size) {
        buf_append_text(&text, "big,");
        for (size_t i = 0; i < value_size; i++)
            buf_append_char(&text, 'x');
    }
    bool ok = lookup_parse(&lookup, "L", buf_text(&text), text.size, "L", err);
    if (ok)
        lookup_release(&lookup);
    buf_release(&text);
    return ok;
}

static void limits_hold_at_n_and_n_plus_1(void)
{
    struct error err = {0};
    CHECK_OK(parse_sized(LOOKUP_ROWS_MAX, 0, &err), &err);
    CHECK_FAILS(parse_sized(LOOKUP_ROWS_MAX + 1, 0, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "L:4098: lookup 'L' has 4096 rows, more are not possible");
    CHECK_OK(parse_sized(0, CSV_FIELD_SIZE_MAX, &err), &err);
    CHECK_FAILS(parse_sized(0, CSV_FIELD_SIZE_MAX + 1, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "L:2: a field is longer than 65536 bytes");
    CHECK_FAILS(parse_sized(0, LOOKUP_SIZE_MAX, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "L: larger than 1048576 bytes");
    static const char fields[] = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q";
    struct lookup lookup;
    for (size_t size = 2 * CSV_FIELDS_MAX - 1; size <= 2 * CSV_FIELDS_MAX + 1; size += 2) {
        struct csv csv;
        struct csv_record record;
        csv_init(&csv, fields, size, "L");
        csv_record_init(&record);
        CHECK_EQ_INT(csv_next(&csv, &record, &err), size < 2 * CSV_FIELDS_MAX);
        csv_record_release(&record);
    }
    CHECK_FAILS(lookup_parse(&lookup, "L", fields, 33, "L", &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "L:1: more than 16 fields");
}

static void setting_and_formatting_come_back(void)
{
    struct lookup lookup = {0}, again = {0};
    struct error err = {0};
    struct buf text;
    const char *source = "L\nK,V\na.b,1\nc,2\n";
    buf_init(&text, 1024);
    CHECK_OK(lookup_parse(&lookup, "L", source, strlen(source), "L", &err), &err);
    CHECK_OK(lookup_set(&lookup, "A_B", "x,\"y\"", &err), &err);
    CHECK_OK(lookup_set(&lookup, "new", " z", &err), &err);
    CHECK_FAILS(lookup_set(&lookup, "c", "two\nlines", &err), &err, ERROR_INVALID);
    CHECK_FAILS(lookup_set(&lookup, "", "1", &err), &err, ERROR_INVALID);
    lookup_format(&lookup, &text);
    CHECK_EQ_TEXT(buf_text(&text), "K,V\na.b,\"x,\"\"y\"\"\"\nc,2\nnew,\" z\"\n");
    CHECK_OK(lookup_parse(&again, "L", buf_text(&text), text.size, "L", &err), &err);
    CHECK_EQ_TEXT(lookup_get(&again, "a.b"), "x,\"y\"");
    CHECK_EQ_TEXT(lookup_get(&again, "new"), " z");
    lookup_release(&again);
    lookup_release(&lookup);
    buf_release(&text);
}

/* Found by fuzzing: the header would pass for the line with the lookup's name. */
static void a_column_may_be_called_like_the_lookup(void)
{
    struct lookup lookup = {0}, again = {0};
    struct error err = {0};
    struct buf text;
    const char *source = "L\nL,V\na,1\n";
    buf_init(&text, 100);
    CHECK_OK(lookup_parse(&lookup, "L", source, strlen(source), "L", &err), &err);
    lookup_format(&lookup, &text);
    CHECK_EQ_TEXT(buf_text(&text), source);
    CHECK_OK(lookup_parse(&again, "L", buf_text(&text), text.size, "L", &err), &err);
    CHECK_EQ_TEXT(lookup_get(&again, "a"), "1");
    lookup_release(&again);
    lookup_release(&lookup);
    buf_release(&text);
}

/* Found by fuzzing: the mark would be taken for that of the text when it is read again. */
static void a_byte_order_mark_in_a_field_stays(void)
{
    struct buf out;
    buf_init(&out, 100);
    csv_append(&out, "\xEF\xBB\xBFkey");
    CHECK_EQ_TEXT(buf_text(&out), "\"\xEF\xBB\xBFkey\"");
    buf_release(&out);
}

CHECK_MAIN(TEST(a_byte_order_mark_in_a_field_stays), TEST(good_files_are_read), TEST(bad_files_name_their_line),
           TEST(nul_bytes_are_refused), TEST(limits_hold_at_n_and_n_plus_1),
           TEST(setting_and_formatting_come_back), TEST(a_column_may_be_called_like_the_lookup))
