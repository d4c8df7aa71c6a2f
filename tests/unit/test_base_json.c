/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/clock.h"
#include "check.h"

static void refuse(const char *text, const char *part, enum json_style style)
{
    struct error err = {0};
    cJSON *value = json_parse(text, strlen(text), "f.json", style, &err);
    CHECK(value == NULL);
    cJSON_Delete(value);
    CHECK_EQ_INT(err.kind, ERROR_INVALID);
    CHECK_CONTAINS(err.message, part);
}

static void bad_text_is_refused_with_its_place(void)
{
    refuse("", "f.json:1:1: empty", JSON_STRICT);
    refuse("{\n  \"a\": 1,\n  \"b\" 2\n}", "f.json:3:", JSON_STRICT);
    refuse("{} x", "f.json:1:", JSON_STRICT);
    refuse("{\"a\": \"b\" \"c\": 1}",
           "f.json:1:11: not valid JSON here: expected a comma", JSON_STRICT);
    refuse("{\"a\": b}", "f.json:1:7: not valid JSON here: expected a value", JSON_STRICT);
    refuse("{\"a\": 1,}", "f.json:1:9: not valid JSON here: expected another element", JSON_STRICT);
    refuse("{a: 1}", "f.json:1:2: not valid JSON here: expected a key", JSON_STRICT);
    refuse("{\"a\": \"b}",
           "f.json:1:7: not valid JSON: the text that begins here has no", JSON_STRICT);
    refuse("{\"a\": \"C:\\d\"}",
           "f.json:1:10: not valid JSON: this text has an escape", JSON_STRICT);
    refuse("{\"a\": 1", "it ends before every bracket is closed", JSON_STRICT);
    refuse("x", "f.json:1:1: not valid JSON here: expected a JSON value", JSON_STRICT);
    refuse("{\"a\":1,\"a\":2}", "\"a\" is given twice", JSON_STRICT);
    refuse("[{\"b\":{\"a\":1,\"a\":2}}]", "\"a\" is given twice", JSON_STRICT);
    refuse("\"\xFF\"", "not UTF-8", JSON_STRICT);
    refuse("// comment\n{}", "f.json:1:1", JSON_STRICT);
    refuse("{\"a\": \"b\\u0000c\"}", "f.json:1:9: a NUL character", JSON_STRICT);
    refuse("{\"1e999\": [1e308,\n -1e309]}", "f.json:2:2: this number is too large", JSON_STRICT);
    refuse("{\"a\\u0000\": 1}", "f.json:1:4: a NUL character", JSON_COMMENTS);
}

static void comments_are_for_configuration_only(void)
{
    static const char text[] = "// one\n{ /* two\n */ \"a\": \"// not a comment\" } // three";
    struct error err = {0};
    cJSON *value = json_parse(text, strlen(text), "f.json", JSON_COMMENTS, &err);
    CHECK_EQ_TEXT(json_text(value, "a"), "// not a comment");
    CHECK(json_text(value, "b") == NULL);
    cJSON_Delete(value);
}

static void a_backslash_before_u0000_is_text(void)
{
    static const char text[] = "[\"\\\\u0000\"]";
    struct error err = {0};
    cJSON *value = json_parse(text, strlen(text), "f.json", JSON_STRICT, &err);
    CHECK_EQ_TEXT(cJSON_GetStringValue(cJSON_GetArrayItem(value, 0)), "\\u0000");
    cJSON_Delete(value);
}

static void depth_holds_at_n_and_n_plus_1(void)
{
    for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        struct buf text;
        struct error err = {0};
        buf_init(&text, 1000);
        for (int i = 0; i < depth; i++)
            buf_append_char(&text, '[');
        for (int i = 0; i < depth; i++)
            buf_append_char(&text, ']');
        cJSON *value = json_parse(buf_text(&text), text.size, "f", JSON_STRICT, &err);
        CHECK_EQ_INT(value != NULL, depth == JSON_DEPTH_MAX);
        cJSON_Delete(value);
        buf_release(&text);
    }
}

static void texts_are_escaped(void)
{
    struct buf out;
    buf_init(&out, 200);
    json_append_text(&out, "a\"\\\n\xC3\xA9\xFFz", 8);
    CHECK_EQ_TEXT(buf_text(&out), "\"a\\\"\\\\\\u000a\xC3\xA9\xEF\xBF\xBDz\"");
    buf_release(&out);
}

/* Compared each with each, these members would take minutes. */
static void many_members_are_compared_in_little_time(void)
{
    struct buf json;
    buf_init(&json, 4u << 20);
    buf_append_char(&json, '{');
    for (unsigned i = 0; i < 200000; i++)
        buf_printf(&json, "\"%u\":0,", i);
    size_t size = json.size;
    buf_append_text(&json, "\"end\":0}");
    struct error err = {0};
    int64_t begin_ms = clock_monotonic_ms();
    cJSON *value = json_parse(buf_text(&json), json.size, "f.json", JSON_STRICT, &err);
    CHECK(value != NULL);
    cJSON_Delete(value);
    CHECK(clock_monotonic_ms() - begin_ms < 5000);
    memcpy(json.data + size, "\"777\"", 5);
    refuse(buf_text(&json), "key \"777\" is given twice", JSON_STRICT);
    buf_release(&json);
}

CHECK_MAIN(TEST(many_members_are_compared_in_little_time),
           TEST(bad_text_is_refused_with_its_place), TEST(comments_are_for_configuration_only),
           TEST(a_backslash_before_u0000_is_text), TEST(depth_holds_at_n_and_n_plus_1),
           TEST(texts_are_escaped))
