/* SPDX-License-Identifier: MIT */
/* A file out of a form that was received whole. */
#include "check.h"
#include "server/http_form.h"

#define FILE_MAX 8u

static struct error err;
static struct http_form_file file;

/* Reads field "file" of a form, whose lines are as given. */
static bool read_form(const char *type, const char *body)
{
    struct http_exchange exchange = {.content_type = type};
    buf_release(&file.bytes);
    buf_init(&file.bytes, FILE_MAX);
    buf_init(&exchange.body, 4096);
    buf_append_text(&exchange.body, body);
    bool ok = http_form_file(&exchange, "file", &file, &err);
    buf_release(&exchange.body);
    return ok;
}

#define TYPE "multipart/form-data; boundary=b"
#define PART(fields, content) "--b\r\n" fields "\r\n\r\n" content "\r\n"
#define NAMED(name) "Content-Disposition: form-data; name=\"file\"; filename=\"" name "\""
#define OTHER PART("Content-Disposition: form-data; name=\"type\"", "application/octet-stream")
#define END "--b--\r\n"

static void the_file_is_found(void)
{
    static const struct {
        const char *body, *name, *bytes;
    } rows[] = {
        {OTHER PART(NAMED("A.csv"), "a,b\r\n") END, "A.csv", "a,b\r\n"},
        {PART(NAMED("A.csv"), "12345678") OTHER END, "A.csv", "12345678"},
        {PART(NAMED("A.csv"), "") END "epilogue", "A.csv", ""},
        {PART("Content-Disposition: form-data; name=file", "x") END, "", "x"},
        {PART(NAMED("/home/me/A.csv"), "x") END, "A.csv", "x"},
        {PART(NAMED("C:\\\\folder\\\\A.csv"), "x") END, "A.csv", "x"},
        {PART(NAMED("\xC3\xA9.csv"), "x") END, "\xC3\xA9.csv", "x"},
        {PART("X: y", "no disposition") PART(NAMED("A"), "x") END, "A", "x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_OK(read_form(TYPE, rows[i].body), &err);
        CHECK_EQ_TEXT(file.name, rows[i].name);
        CHECK_EQ_TEXT(buf_text(&file.bytes), rows[i].bytes);
        CHECK(file.is_there);
    }
}

static void what_is_no_such_form_is_refused(void)
{
    static const struct {
        const char *type, *body, *complaint;
    } rows[] = {
        {"multipart/form-data", OTHER END, "names no boundary"},
        {"text/plain", OTHER END, "not multipart"},
        {TYPE, OTHER END, "no field 'file'"},
        {TYPE, "", "before its last boundary"},
        {TYPE, PART(NAMED("A"), "x"), "before its last boundary"},
        {TYPE, PART(NAMED("A"), "x") "--b-", "before its last boundary"},
        {TYPE, PART(NAMED("A"), "x") PART(NAMED("A"), "") END, "more than one field"},
        {TYPE, PART(NAMED("A"), "") PART(NAMED("A"), "x") END, "more than one field"},
        {TYPE, PART(NAMED("\xFF"), "x") END, "not UTF-8"},
        {TYPE, "--b\n\n\n--b--\n", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_FAILS(read_form(rows[i].type, rows[i].body), &err, ERROR_INVALID);
        CHECK_CONTAINS(err.message, rows[i].complaint);
    }
}

static void limits_hold(void)
{
    char body[1024], name[HTTP_FORM_NAME_SIZE + 1];
    for (size_t size = HTTP_FORM_NAME_SIZE - 1; size <= HTTP_FORM_NAME_SIZE; size++) {
        memset(name, 'n', size);
        name[size] = '\0';
        snprintf(body, sizeof body, PART(NAMED("%s"), "x") END, name);
        if (size < HTTP_FORM_NAME_SIZE)
            CHECK_OK(read_form(TYPE, body), &err);
        else
            CHECK_FAILS(read_form(TYPE, body), &err, ERROR_INVALID);
    }
    CHECK_OK(read_form(TYPE, PART(NAMED("A"), "12345678") END), &err);
    CHECK_FAILS(read_form(TYPE, PART(NAMED("A"), "123456789") END), &err, ERROR_LIMIT);
    CHECK_CONTAINS(err.message, "larger than 8 bytes");
    buf_release(&file.bytes);
}

CHECK_MAIN(TEST(the_file_is_found), TEST(what_is_no_such_form_is_refused), TEST(limits_hold))
