/* SPDX-License-Identifier: MIT */
/* connections.json changed in place: everything but one value stays as it was. */
#include "check.h"
#include "workspace/connection_text.h"

#define FILE_TEXT                                                                                  \
    "// first\n{\n    /* \"A\": { */ \"A\" : { // \"host\": 1\n"                                   \
    "        \"host\": \"a\", \"list\": [ {\"host\": [1, \"]\"]}, 2 ],\n"                          \
    "        \"password\": {\"env\": \"X\"} // last\n    },\n"                                     \
    "    \"B\\\"\": {},\n    \"C\": { \"port\":21}\n} // end\n"

static struct buf text;
static struct error err;

static bool set(const char *connection, const char *key, const char *value)
{
    err = (struct error){0};
    return connection_text_set(&text, connection, key, value, &err);
}

static void start(const char *whole, size_t size_max)
{
    buf_init(&text, size_max);
    buf_append_text(&text, whole);
    CHECK(!text.failed);
}

/* FILE_TEXT with old replaced by new, once. */
static void check_replaced(const char *old, const char *new)
{
    static const char whole[] = FILE_TEXT;
    char expected[1024];
    const char *at = strstr(whole, old);
    CHECK(at != NULL);
    if (!at)
        return;
    snprintf(expected, sizeof expected, "%.*s%s%s", (int)(at - whole), whole, new, at + strlen(old));
    CHECK_EQ_TEXT(buf_text(&text), expected);
}

static void a_value_is_replaced(void)
{
    static const struct {
        const char *connection, *key, *value, *old, *new;
    } cases[] = {
        {"A", "host", "\"b\"", "\"host\": \"a\"", "\"host\": \"b\""},
        {"A", "password", "{\"file\": \"f\"}", "{\"env\": \"X\"}", "{\"file\": \"f\"}"},
        {"A", "list", "[]", "[ {\"host\": [1, \"]\"]}, 2 ]", "[]"},
        {"C", "port", "22", "\"port\":21", "\"port\":22"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(FILE_TEXT, 4096);
        CHECK_OK(set(cases[i].connection, cases[i].key, cases[i].value), &err);
        check_replaced(cases[i].old, cases[i].new);
        buf_release(&text);
    }
}

static void a_key_is_added(void)
{
    start(FILE_TEXT, 4096);
    CHECK_OK(set("C", "user", "\"u\""), &err);
    check_replaced("{ \"port\":21}", "{ \"user\": \"u\", \"port\":21}");
    buf_release(&text);
    start(FILE_TEXT, 4096);
    CHECK_OK(set("B\"", "user", "\"u\""), &err);
    check_replaced("{},", "{\"user\": \"u\"},");
    buf_release(&text);
    start("{\n  \"D\": {\n    \"type\": \"ftp\"\n  }\n}\n", 4096);
    CHECK_OK(set("D", "host", "\"h\""), &err);
    CHECK_EQ_TEXT(buf_text(&text),
                  "{\n  \"D\": {\n    \"host\": \"h\",\n    \"type\": \"ftp\"\n  }\n}\n");
    buf_release(&text);
}

static void what_is_not_there(void)
{
    static const char *const none[] = {"host", "a", "B", "", "D"};
    start(FILE_TEXT, 4096);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        CHECK_FAILS(set(none[i], "host", "1"), &err, ERROR_NOT_FOUND);
    CHECK_EQ_TEXT(buf_text(&text), FILE_TEXT);
    buf_release(&text);
    start("{\"A\": 1}", 4096);
    CHECK_FAILS(set("A", "host", "1"), &err, ERROR_NOT_FOUND);
    buf_release(&text);
}

static void the_ceiling(void)
{
    static const char whole[] = "{\"A\": {\"host\": \"a\"}}";
    start(whole, sizeof whole);
    CHECK_OK(set("A", "host", "\"bc\""), &err);
    CHECK_FAILS(set("A", "host", "\"bcd\""), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(buf_text(&text), "{\"A\": {\"host\": \"bc\"}}");
    buf_release(&text);
}

/* The caller checks what comes out; nothing that goes in leads outside the text. */
static void broken_texts(void)
{
    static const char whole[] = FILE_TEXT;
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        buf_init(&text, 4096);
        buf_append(&text, whole, size);
        bool ok = set("A", "password", "1");
        CHECK(ok || err.kind == ERROR_NOT_FOUND);
        buf_release(&text);
    }
}

CHECK_MAIN(TEST(a_value_is_replaced), TEST(a_key_is_added), TEST(what_is_not_there), TEST(the_ceiling),
           TEST(broken_texts))
