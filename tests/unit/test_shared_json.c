/* SPDX-License-Identifier: MIT */
/* JSON with bounds, fault records and documents, typed properties. */
#include "check.h"
#include "fake_host.h"
#include "sluice/fault.h"
#include "sluice/flow.h"
#include "sluice/ftp.h"
#include "sluice/json.h"
#include "sluice/lookup.h"

static void nested(struct text *out, int depth)
{
    for (int i = 0; i < depth; i++)
        text_add(out, "[");
    for (int i = 0; i < depth; i++)
        text_add(out, "]");
}

static void test_reading_is_bounded_and_strict(void)
{
    static const struct {
        const char *bytes;
        const char *why; /* NULL: accepted */
    } rows[] = {
        {"{}", NULL},
        {" {\"a\": [1, \"\\u00e9\"]} \n", NULL},
        {"", "is empty"},
        {"{", "is not JSON"},
        {"{} x", "is not JSON"},
        {"{\"a\":1}{\"b\":2}", "is not JSON"},
        {"{\"a\":\"\xE9\"}", "is not UTF-8"},
        {"<ack/>", "is not JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text why = {0};
        cJSON *value = json_read(rows[i].bytes, strlen(rows[i].bytes), &why);
        CHECK_EQ_INT(value == NULL, rows[i].why != NULL);
        if (rows[i].why)
            CHECK_CONTAINS(text_string(&why), rows[i].why);
        cJSON_Delete(value);
    }
}

static void test_numbers_that_would_be_lost(void)
{
    struct text why = {0};
    CHECK(json_read("[1e308]", 7, &why) != NULL);
    CHECK(json_read("{\"a\":[1e309]}", 13, &why) == NULL);
    CHECK_EQ_TEXT(text_string(&why), "holds a number that is too large");
}

static void test_depth_limit(void)
{
    struct text bytes = {0}, why = {0};
    nested(&bytes, JSON_DEPTH_MAX);
    CHECK(json_read(bytes.data, bytes.size, &why) != NULL);
    text_clear(&bytes);
    nested(&bytes, JSON_DEPTH_MAX + 1);
    CHECK(json_read(bytes.data, bytes.size, &why) == NULL);
    CHECK_CONTAINS(text_string(&why), "nested deeper than 32");
    text_set(&bytes, "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[\"");
    CHECK(json_read(bytes.data, bytes.size, &why) != NULL);
}

static void test_nul_byte_is_refused(void)
{
    struct text why = {0};
    CHECK(json_read("{}\0{}", 5, &why) == NULL);
}

static void test_members_tolerate_spellings(void)
{
    struct text why = {0}, out = {0};
    const char json[] = "{\"File_name\":\"a\",\"n\":48213377120455,\"half\":0.5,\"yes\":true,"
                        "\"empty\":\"\",\"list\":[]}";
    cJSON *object = json_read(json, strlen(json), &why);
    CHECK(json_member_text(object, "Filename", &out));
    CHECK(json_member_text(object, "n", &out));
    CHECK(json_member_text(object, "half", &out));
    CHECK(json_member_text(object, "YES", &out));
    CHECK_EQ_TEXT(text_string(&out), "a482133771204550.5true");
    CHECK(!json_member_text(object, "empty", &out));
    CHECK(!json_member_text(object, "list", &out));
    CHECK(!json_member_text(object, "absent", &out));
    CHECK(!json_member_text(NULL, "absent", &out));
}

static void test_writing(void)
{
    cJSON *object = json_object();
    struct text out = {0};
    json_add_text(object, "latin", "caf\xE9");
    json_add_count(object, "size", 18446744073709551615u);
    json_print(object, &out);
    CHECK_EQ_TEXT(text_string(&out), "{\"latin\":\"caf?\",\"size\":18446744073709551615}");
}

static void test_fault_is_taken_from_the_record(void)
{
    struct fault fault = {0};
    fake_reset();
    fake_fail("ftp.list", 0, SLUICE_NOT_FOUND, "no folder '/x' at 'peer'");
    int32_t status = ftp_list("CONN", "/x", "P");
    CHECK_EQ_INT(status, SLUICE_NOT_FOUND);
    fault_take(&fault, status, "The files cannot be listed");
    CHECK_EQ_TEXT(text_string(&fault.code), "not_found");
    CHECK_EQ_TEXT(text_string(&fault.detail), "no folder '/x' at 'peer'");
    CHECK_EQ_TEXT(text_string(&fault.connection), "CONN");
    CHECK_EQ_TEXT(text_string(&fault.activity), "ftp.list");
    CHECK_EQ_INT(fault_http_status(&fault), 404);
}

static void test_fault_without_record(void)
{
    struct fault fault = {0};
    fake_reset();
    fault_take(&fault, SLUICE_TIMEOUT, "It took too long");
    CHECK_EQ_TEXT(text_string(&fault.code), "timeout");
    CHECK_CONTAINS(text_string(&fault.detail), "timeout");
    CHECK_EQ_TEXT(status_name(-99), "internal");
}

static void test_fault_document_reads_back(void)
{
    struct fault fault = {0}, again = {0};
    struct text document = {0};
    fake_reset();
    fault_set(&fault, "exists", "The name is taken", "'%s' is there already", "a.csv");
    text_set(&fault.connection, "CONN");
    fault_document(&fault, 409, &document);
    CHECK_CONTAINS(text_string(&document), "\"o:errorCode\":\"409\"");
    CHECK_CONTAINS(text_string(&document), "\"instance\":\"Zm9vYmFyYmF6cXV4MDEyMw\"");
    CHECK_CONTAINS(text_string(&document), "sec10.4.10");
    fault_from_answer(&again, 409, document.data, document.size, "A file could not be moved");
    CHECK_EQ_TEXT(text_string(&again.code), "exists");
    CHECK_EQ_TEXT(text_string(&again.detail), "The name is taken: 'a.csv' is there already");
    CHECK_EQ_TEXT(text_string(&again.connection), "CONN");
}

static void test_answer_of_another_shape_is_kept_raw(void)
{
    struct fault fault = {0};
    const char html[] = "<html>\nBad Gateway</html>";
    fault_from_answer(&fault, 502, html, strlen(html), "No");
    CHECK_EQ_TEXT(text_string(&fault.code), "http_502");
    CHECK_CONTAINS(text_string(&fault.detail), "status 502");
    CHECK_CONTAINS(text_string(&fault.detail), "<html>?Bad Gateway</html>");
    fault_from_answer(&fault, 500, "", 0, "No");
    CHECK_CONTAINS(text_string(&fault.detail), "(nothing)");
}

static void test_fault_detail_is_bounded(void)
{
    struct fault fault = {0};
    struct text big = {0};
    while (big.size < 2 * FAULT_DETAIL_SIZE_MAX)
        text_add(&big, "\xE2\x82\xAC");
    fault_set(&fault, "x", "x", "%s", text_string(&big));
    CHECK(fault.detail.size <= FAULT_DETAIL_SIZE_MAX);
    CHECK(fault.detail.size > FAULT_DETAIL_SIZE_MAX - 3);
    CHECK(utf8_is_valid(fault.detail.data, fault.detail.size));
}

static void test_flags(void)
{
    static const struct {
        const char *value;
        bool expected;
    } rows[] = {{NULL, true},     {"true", true}, {"TRUE", true}, {"false", false},
                {"False", false}, {"", true},     {"maybe", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        fake_config("notification.email.error.flag", rows[i].value);
        CHECK_EQ_INT(lookup_flag("notification.email.error.flag"), rows[i].expected);
    }
}

static void test_numbers(void)
{
    static const struct {
        const char *value;
        bool ok;
        int expected;
    } rows[] = {{NULL, true, 7},        {"11114", true, 11114}, {"-3", true, -3},
                {"99999", true, 99999}, {"100000", false, 0},   {"1a", false, 0},
                {"-", false, 0},        {"", true, 7},          {" 1", false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fault fault = {0};
        int value = 0;
        fake_reset();
        fake_config("a.number", rows[i].value);
        CHECK_EQ_INT(lookup_number("a.number", NULL, 7, &value, &fault), rows[i].ok);
        if (rows[i].ok)
            CHECK_EQ_INT(value, rows[i].expected);
        else
            CHECK_CONTAINS(text_string(&fault.detail), "\"a.number\"");
    }
}

static void test_missing_property_is_named(void)
{
    struct fault fault = {0};
    struct text value = {0};
    fake_reset();
    CHECK(!lookup_required(LOOKUP_EMAIL, "cc", &value, &fault));
    CHECK_EQ_TEXT(text_string(&fault.code), "missing_property");
    CHECK_CONTAINS(text_string(&fault.detail), "\"cc\"");
    CHECK_CONTAINS(text_string(&fault.detail), LOOKUP_EMAIL);
    fake_fail("flow.lookup", 0, SLUICE_DENIED, "lookup is not in the manifest");
    CHECK(!lookup_required(LOOKUP_EMAIL, "to", &value, &fault));
    CHECK_EQ_TEXT(text_string(&fault.code), "denied");
}

CHECK_MAIN(TEST(test_reading_is_bounded_and_strict), TEST(test_depth_limit), TEST(test_numbers_that_would_be_lost),
           TEST(test_nul_byte_is_refused), TEST(test_members_tolerate_spellings),
           TEST(test_writing), TEST(test_fault_is_taken_from_the_record),
           TEST(test_fault_without_record), TEST(test_fault_document_reads_back),
           TEST(test_answer_of_another_shape_is_kept_raw), TEST(test_fault_detail_is_bounded),
           TEST(test_flags), TEST(test_numbers), TEST(test_missing_property_is_named))
