/* SPDX-License-Identifier: MIT */
#include "base/json_slice.h"

#include "check.h"

static void members_are_found_as_they_are(void)
{
    static const struct {
        const char *text, *key, *value;
    } cases[] = {
        {"{\"a\":1}", "a", "1"},
        {" { \"a\" : 12345678901234567890 , \"b\" : [ 1, {\"a\": \"]\"} ] } ", "a", "12345678901234567890"},
        {" { \"a\" : 1 , \"b\" : [ 1, {\"a\": \"]\"} ] } ", "b", "[ 1, {\"a\": \"]\"} ]"},
        {"{\"x\":{\"data\":1},\"data\":\n {\"y\" : \"}\\\"\\\\\"}\n}", "data", "{\"y\" : \"}\\\"\\\\\"}"},
        {"{\"x\":\"\\\\\",\"data\":null}", "data", "null"},
        {"{\"data\":\"a b\" }", "data", "\"a b\""},
        {"{\"data\":true}", "dat", NULL},
        {"{\"d\\u0061ta\":1}", "data", NULL},
        {"{}", "data", NULL},
        {"[1]", "data", NULL},
        {"\"data\"", "data", NULL},
        {"", "data", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_slice slice;
        char text[128] = "";
        bool found = json_slice_member(cases[i].text, strlen(cases[i].text), cases[i].key, &slice);
        if (found)
            snprintf(text, sizeof text, "%.*s", (int)slice.size, slice.text);
        CHECK_EQ_INT(found, cases[i].value != NULL);
        CHECK_EQ_TEXT(text, cases[i].value ? cases[i].value : "");
    }
}

/* Whatever it is given, it stays inside: run under the address sanitizer. */
static void cut_texts_are_survived(void)
{
    static const char whole[] = "{\"a\" : [\"\\\\\", {\"b\":\"\\\"\"}], \"c\":1}";
    for (size_t size = 0; size < sizeof whole; size++) {
        char copy[sizeof whole];
        struct json_slice slice;
        memcpy(copy, whole, size);
        (void)json_slice_member(copy, size, "c", &slice);
    }
    CHECK(true);
}

CHECK_MAIN(TEST(members_are_found_as_they_are), TEST(cut_texts_are_survived))
