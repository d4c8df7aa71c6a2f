/* SPDX-License-Identifier: MIT */
/* Multipart bodies in one piece and byte by byte: the same events, the same content, the same faults. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "base/buf.h"
#include "base/multipart.h"

#define HEAD "--B\r\nContent-Type: application/json\r\n\r\n"

/* Writes what happens as text: "{fields|content}" per part, "." at the last boundary. */
static enum error_kind parse(const char *body, size_t size, size_t step, struct buf *out)
{
    struct multipart multipart;
    struct multipart_piece input, piece;
    struct error err = {0};
    buf_init(out, 1u << 20);
    multipart_init(&multipart, "B");
    for (size_t at = 0; at < size; at += step) {
        input = (struct multipart_piece){body + at, size - at < step ? size - at : step};
        enum multipart_event event;
        while ((event = multipart_next(&multipart, &input, &piece, &err)) != MULTIPART_MORE) {
            const char *type = multipart_field(&multipart, "content-TYPE");
            if (event == MULTIPART_BAD)
                return err.kind;
            if (event == MULTIPART_PART)
                buf_printf(out, "{%s|", type ? type : "-");
            else if (event == MULTIPART_DATA)
                buf_append(out, piece.data, piece.size);
            else
                buf_append_char(out, event == MULTIPART_PART_END ? '}' : '.');
        }
    }
    if (!multipart_is_whole(&multipart))
        buf_append_char(out, '?');
    return ERROR_NONE;
}

static void check_body(const char *body, size_t size, enum error_kind kind, const char *expected)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct buf got;
        enum error_kind found = parse(body, size, steps[i], &got);
        CHECK_EQ_TEXT(error_kind_name(found), error_kind_name(kind));
        if (kind == ERROR_NONE)
            CHECK_EQ_TEXT(buf_text(&got), expected);
        buf_release(&got);
    }
}

static void test_bodies(void)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {HEAD "{}\r\n--B--", "{application/json|{}}."},
        {HEAD "{}\r\n--B--\r\nbehind\r\n--B\r\n", "{application/json|{}}."},
        {"before\r\n" HEAD "x\r\n--B\r\n\r\nfile\r\n--B--\r\n", "{application/json|x}{-|file}."},
        {"\r\n" HEAD "x\r\n--B  \t\r\n\r\ny\r\n--B--", "{application/json|x}{-|y}."},
        {"--B\r\n\r\n\r\n--B--", "{-|}."},
        {"--B\r\n\r\n--B--", "{-|}."}, /* the line that ends the fields is the boundary's */
        {"--B\r\n\r\n\r\n\r\n--B--", "{-|\r\n}."},
        {"--B\r\n\r\n--A\r\n-\r\r\n--\r\n--\r\n--B--", "{-|--A\r\n-\r\r\n--\r\n--}."},
        {"--B\r\n\r\na\n--B\n\r--B\r\n--B--", "{-|a\n--B\n\r--B}."}, /* only CR LF begins a boundary */
        {"--B\r\nContent-Type:\r\n  multipart/x;\r\n\ty=1  \r\nX-A: b\r\n\r\nc\r\n--B--",
         "{multipart/x;  \ty=1|c}."},
        {"--B\r\nCONTENT-type:  \r\n\r\nc\r\n--B--", "{|c}."},
        {"--B--", "."},
        {"--B\r\n\r\ncut", "{-|cut?"},
        {"--B\r\n\r\ncut\r\n--B", "{-|cut}?"},
        {"--B\r\nX: y", "?"},
        {"nothing at all", "?"},
        {"", "?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_body(cases[i].body, strlen(cases[i].body), ERROR_NONE, cases[i].expected);
}

static void test_any_byte_is_content(void)
{
    char body[4096];
    size_t size = (size_t)snprintf(body, sizeof body, "--B\r\n\r\n"), begin = size;
    for (int i = 0; i < 2048; i++)
        body[size++] = (char)(i * 7 % 256);
    memcpy(body + size, "\r\n--B--", 7);
    for (size_t step = 1; step < 40; step++) {
        struct buf got;
        CHECK_EQ_INT(parse(body, size + 7, step, &got), ERROR_NONE);
        CHECK_EQ_INT(got.size, 3 + 2048 + 2);
        CHECK(memcmp(got.data + 3, body + begin, 2048) == 0);
        buf_release(&got);
    }
}

static void test_malformed(void)
{
    static const char *const bad[] = {
        "--Bx\r\n\r\n",
        "--B\nX: y\n\n",
        "--B\r\nX: y\n\r\n",
        "--B\r\nX y\r\n\r\n",
        "--B\r\n: y\r\n\r\n",
        "--B\r\nX : y\r\n\r\n",
        "--B\r\n X: y\r\n\r\n",
        "--B\r\nX: a\x01\r\n\r\n",
        "--B\r\nX: a\rb\r\n\r\n",
        "--B\r\nX: a\x7f\r\n\r\n",
        "--B\r\nX: a\r\nx: b\r\n\r\n",
        HEAD "x\r\n--B-\r\n",
        HEAD "x\r\n--B --\r\n",
        HEAD "x\r\n--B\r--\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_body(bad[i], strlen(bad[i]), ERROR_INVALID, NULL);
    check_body("--B\r\nX: a\0b\r\n\r\n", 16, ERROR_INVALID, NULL);
}

/* A body with one stretch of the given length in it. */
static void check_limit(const char *before, char filler, size_t limit, const char *after)
{
    for (size_t extra = 0; extra < 2; extra++) {
        struct buf body;
        buf_init(&body, 1u << 20);
        buf_append_text(&body, before);
        for (size_t i = 0; i < limit + extra; i++)
            buf_append_char(&body, filler);
        buf_append_text(&body, after);
        for (size_t step = 1; step < 5000; step += 4998) {
            struct buf got;
            enum error_kind kind = parse(buf_text(&body), body.size, step, &got);
            CHECK_EQ_TEXT(error_kind_name(kind), error_kind_name(extra ? ERROR_LIMIT : ERROR_NONE));
            if (!extra)
                CHECK_CONTAINS(buf_text(&got), ".");
            buf_release(&got);
        }
        buf_release(&body);
    }
}

static void test_limits(void)
{
    check_limit("", 'p', MULTIPART_PREAMBLE_SIZE_MAX, "\r\n--B--");
    check_limit("--B--", 'e', MULTIPART_EPILOGUE_SIZE_MAX, "");
    check_limit("--B\r\n\r\n\r\n--B", ' ', MULTIPART_PADDING_SIZE_MAX, "\r\n\r\n\r\n--B--");
    check_limit("--B\r\nX: ", 'f', MULTIPART_FIELDS_SIZE_MAX - strlen("X: \r\n\r\n"),
                "\r\n\r\n\r\n--B--");
}

static void test_faults_stay(void)
{
    struct multipart multipart;
    struct multipart_piece input = {"--Bxy\r\n", 7}, piece;
    struct error err = {0};
    multipart_init(&multipart, "B");
    CHECK_EQ_INT(multipart_next(&multipart, &input, &piece, &err), MULTIPART_BAD);
    CHECK_EQ_INT(multipart_next(&multipart, &input, &piece, &err), MULTIPART_BAD);
    CHECK(!multipart_is_whole(&multipart));
}

static void test_boundaries(void)
{
    static const struct {
        const char *type, *boundary; /* NULL: refused */
    } cases[] = {
        {"multipart/mixed; boundary=abc", "abc"},
        {"Multipart/Form-Data;charset=utf-8;  BOUNDARY=\"a b\"", "a b"},
        {"multipart/mixed; boundary=\"a\\\"b\"", NULL},
        {"multipart/mixed; boundary=a:b", NULL}, /* must be quoted */
        {"multipart/mixed; boundary=\"a:b'()+_,-./=?\"; x=y", "a:b'()+_,-./=?"},
        {"multipart/mixed; boundary=\"a \"", NULL},
        {"multipart/mixed; boundary=\"\"", NULL},
        {"multipart/mixed; boundary=", NULL},
        {"multipart/mixed; boundary=\"abc", NULL},
        {"multipart/mixed; boundary=\"a\tb\"", NULL},
        {"multipart/mixed; bound=abc", NULL},
        {"multipart/mixed", NULL},
        {"application/json; boundary=abc", NULL},
        {"", NULL},
    };
    char boundary[MULTIPART_BOUNDARY_SIZE_MAX + 1], type[200];
    struct error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool ok = multipart_boundary(cases[i].type, boundary, &err);
        CHECK_EQ_TEXT(ok ? boundary : NULL, cases[i].boundary);
    }
    for (unsigned size = MULTIPART_BOUNDARY_SIZE_MAX; size < MULTIPART_BOUNDARY_SIZE_MAX + 2; size++) {
        snprintf(type, sizeof type, "multipart/mixed; boundary=%0*d", (int)size, 0);
        CHECK_EQ_INT(multipart_boundary(type, boundary, &err), size == MULTIPART_BOUNDARY_SIZE_MAX);
    }
}

static void test_parameters(void)
{
    char value[8];
    CHECK(multipart_parameter("form-data; name=a; filename=\"b\\\"c.x\"", "filename", value, 8));
    CHECK_EQ_TEXT(value, "b\"c.x");
    CHECK(multipart_parameter("attachment;FileName*=7''byte", "filename*", value, 8));
    CHECK(!multipart_parameter("attachment; filename=8bytes__", "filename", value, 8));
    CHECK(!multipart_parameter("attachment; filename=a b", "filename", value, 8));
    CHECK(!multipart_parameter("attachment", "filename", value, 8));
    CHECK(!multipart_parameter("form-data; xfilename=1", "filename", value, 8));
}

CHECK_MAIN(TEST(test_bodies), TEST(test_any_byte_is_content), TEST(test_malformed), TEST(test_limits),
           TEST(test_faults_stay), TEST(test_boundaries), TEST(test_parameters))
