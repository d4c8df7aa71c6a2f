/* SPDX-License-Identifier: MIT */
/* The acknowledgement flow: every form DACS may send, what CCS gets, what DACS is answered. */
#include "acknowledgement.h"
#include "check.h"
#include "fake_host.h"

#define SEQUENCE_MAX 999 /* CCS numbers messages and parameters up to it */

int customer_sync_ack_main(void);

static int run(const char *json)
{
    fake_reset();
    fake_message(json, strlen(json));
    return customer_sync_ack_main();
}

#define POSITIVE "{\"syncRequestId\":\"48213377120455\",\"hasError\":false}"
#define KEYED                                                                                      \
    "{\"syncRequestId\":\"48213377120455\",\"hasError\":false,\"externalIds\":{\"entityIdList\":[" \
    "{\"entity\":\"CONTACT\",\"externalPk1\":\"98765432101234\"}]}}"
#define NEGATIVE(text)                                                                             \
    "{\"syncRequestId\":\"48213377120455\",\"hasError\":true,\"exceptionInfo\":[{\"sequence\":1,"  \
    "\"messageCategory\":11114,\"messageNumber\":11001,\"messageParameters\":[{"                   \
    "\"parameterSequence\":1,\"messageParameterValue\":\"" text "\"}]}]}"

static void test_forms_that_ccs_gets(void)
{
    static const struct {
        const char *given, *expected;
    } rows[] = {
        /* identifiers and wrappers */
        {"{\"externalReferenceId\":\"48213377120455\"}", POSITIVE},
        {"{\"sourceSyncRequestId\":\"48213377120455\"}", POSITIVE},
        {"{\"syncRequestId\":\"48213377120455\",\"hasError\":false}", POSITIVE},
        {"{\"syncRequestId\":\"1\",\"externalReferenceId\":\"48213377120455\"}", POSITIVE},
        {"{\"syncRequestId\":48213377120455}", POSITIVE},
        {"{\"externalReferenceId\":\"\",\"syncRequestId\":\"48213377120455\"}", POSITIVE},
        {"{\"sendDetails\":{\"externalReferenceId\":\"48213377120455\"}}", POSITIVE},
        {"{\"X1-SYNREQACK\":{\"sendDetails\":{\"externalReferenceId\":\"48213377120455\"}}}",
         POSITIVE},
        {"{\"F1-UpdateSyncRequest\":{\"syncRequestId\":\"48213377120455\"}}", POSITIVE},
        {"{\"header\":{},\"sendDetails\":{\"syncRequestId\":\"48213377120455\"}}", POSITIVE},
        /* polarity */
        {"{\"syncRequestId\":\"48213377120455\",\"isInError\":\"N\"}", POSITIVE},
        {"{\"syncRequestId\":\"48213377120455\",\"ackStatus\":\"SUCCESS\"}", POSITIVE},
        {"{\"syncRequestId\":\"48213377120455\",\"boStatus\":\"LOADED\"}", POSITIVE},
        {"{\"syncRequestId\":\"48213377120455\",\"exceptionInfo\":[]}", POSITIVE},
        {"{\"syncRequestId\":\"48213377120455\",\"hasError\":false,\"errorMessage\":\"w\"}",
         POSITIVE},
        {"{\"syncRequestId\":\"48213377120455\",\"isInError\":true,\"errorMessage\":\"no\"}",
         NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"ackStatus\":\"Error\",\"errorMessage\":\"no\"}",
         NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"boStatus\":\"UNSUCCESSFUL\"}",
         NEGATIVE("DACS reported an error without a message.")},
        {"{\"syncRequestId\":\"48213377120455\",\"ackStatus\":\"X9\",\"errorMessage\":\"no\"}",
         NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"errorMessage\":\"no\"}", NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"hasError\":true}",
         NEGATIVE("DACS reported an error without a message.")},
        /* errors */
        {"{\"syncRequestId\":\"48213377120455\",\"messageList\":[{\"messageText\":\"no\"}]}",
         NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"messageList\":[\"no\"]}", NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"exceptionInformation\":{\"messageText\":\"no\"}}",
         NEGATIVE("no")},
        {"{\"syncRequestId\":\"48213377120455\",\"exceptionInfo\":[{\"messageParameters\":"
         "[{\"messageParameterValue\":\"no\"}]}]}",
         NEGATIVE("no")},
        /* keys */
        {"{\"syncRequestId\":\"48213377120455\",\"entityIdList\":[{\"entity\":\"CONTACT\","
         "\"externalPk1\":\"98765432101234\"}]}",
         KEYED},
        {"{\"syncRequestId\":\"48213377120455\",\"externalIds\":{\"entityIdList\":[{\"entity\":"
         "\"CONTACT\",\"externalPk1\":98765432101234}]}}",
         KEYED},
        {"{\"syncRequestId\":\"48213377120455\",\"entity\":\"CONTACT\",\"pkValue1\":"
         "\"98765432101234\"}",
         KEYED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ_INT(run(rows[i].given), 0);
        CHECK_EQ_INT(fake.request_count, 1);
        CHECK_EQ_TEXT(text_string(&fake.requests[0].body), rows[i].expected);
        CHECK_EQ_TEXT(text_string(&fake.requests[0].method), "PATCH");
        CHECK_EQ_TEXT(text_string(&fake.requests[0].path),
                      "/rest/apis/common/sync/syncRequest/48213377120455");
        CHECK_EQ_INT(fake.response_status, 200);
        CHECK_EQ_INT(fake.violations, 0);
        CHECK_EQ_INT(fake.open_handles, 0);
    }
}

static void test_positive_answer(void)
{
    CHECK_EQ_INT(run("{\"externalReferenceId\":\"48213377120455\",\"hasError\":false}"), 0);
    CHECK_EQ_TEXT(text_string(&fake.response),
                  "{\"syncRequestId\":\"48213377120455\",\"status\":\"OK\"}");
    CHECK_EQ_TEXT(text_string(&fake.requests[0].connection), "OU REST CCS for CCS-DACS");
    CHECK_EQ_TEXT(text_string(&fake.requests[0].type), "application/json");
    CHECK_EQ_TEXT(text_string(&fake.tracked), "sync_request_id=48213377120455\n");
    CHECK_EQ_INT(fake.child_count, 0);
    CHECK_EQ_INT(fake.mail_count, 0);
}

static void test_messages_that_go_no_further(void)
{
    static const struct {
        const char *given, *detail;
    } rows[] = {
        {"", "is empty"},
        {"hasError=true", "is not JSON"},
        {"[{\"syncRequestId\":\"1\"}]", "not a JSON object"},
        {"\"48213377120455\"", "not a JSON object"},
        {"{}", "names no sync request"},
        {"{\"hasError\":false}", "names no sync request"},
        {"{\"syncRequestId\":\"\"}", "names no sync request"},
        {"{\"syncRequestId\":null}", "names no sync request"},
        {"{\"syncRequestId\":{\"a\":1}}", "names no sync request"},
        {"{\"syncRequestId\":\"../../admin\"}", "something else than"},
        {"{\"syncRequestId\":\"1?x=1\"}", "something else than"},
        {"{\"syncRequestId\":\"1 2\"}", "something else than"},
        {"{\"syncRequestId\":\"1\\r\\nX: 1\"}", "something else than"},
        {"{\"syncRequestId\":1.5}", "something else than"},
        {"{\"syncRequestId\":\"1\",\"hasError\":\"perhaps\"}", "hasError"},
        {"{\"syncRequestId\":\"1\",\"ackStatus\":\"X9\"}", "\"X9\""},
        {"{\"a\":{\"b\":{\"c\":{\"d\":{\"syncRequestId\":\"1\"}}}}}", "names no sync request"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ_INT(run(rows[i].given), 1);
        CHECK_EQ_INT(fake.response_status, 400);
        CHECK_CONTAINS(text_string(&fake.fault_detail), rows[i].detail);
        CHECK_CONTAINS(text_string(&fake.response), "\"o:errorCode\":\"400\"");
        CHECK_CONTAINS(text_string(&fake.response), "\"o:errorDetails\":[{\"type\":");
        CHECK_EQ_INT(fake.request_count, 0);
        CHECK_EQ_INT(fake.child_count, 0);
        CHECK_EQ_INT(fake.violations, 0);
    }
}

static void test_id_length(void)
{
    char json[200], id[ACKNOWLEDGEMENT_ID_SIZE_MAX + 2];
    memset(id, '7', sizeof id);
    id[ACKNOWLEDGEMENT_ID_SIZE_MAX] = '\0';
    snprintf(json, sizeof json, "{\"syncRequestId\":\"%s\"}", id);
    CHECK_EQ_INT(run(json), 0);
    snprintf(json, sizeof json, "{\"syncRequestId\":\"%s7\"}", id);
    CHECK_EQ_INT(run(json), 1);
    CHECK_EQ_INT(fake.response_status, 400);
}

/* The text of length characters, made of one UTF-8 character. */
static void repeat(struct text *out, const char *character, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text_add(out, character);
}

static void check_cut(const char *character, size_t given, size_t expected, bool in_comments)
{
    struct text json = {0}, kept = {0};
    text_add(&json, "{\"syncRequestId\":\"1\",\"exceptionInfo\":[{");
    text_add(&json, in_comments ? "\"comments\":\"" : "\"messageText\":\"");
    repeat(&json, character, given);
    text_add(&json, "\"}]}");
    CHECK_EQ_INT(run(text_string(&json)), 0);
    text_add(&kept, in_comments ? "\"comments\":\"" : "\"messageParameterValue\":\"");
    repeat(&kept, character, expected);
    text_add(&kept, "\"");
    CHECK_CONTAINS(text_string(&fake.requests[0].body), text_string(&kept));
}

static void test_long_texts_are_cut_at_characters(void)
{
    check_cut("a", 254, 254, true);
    check_cut("a", 255, 254, true);
    check_cut("\xC3\xA9", 255, 254, true);
    check_cut("\xF0\x9F\x98\x80", 128, 127, true);
    check_cut("a", 2000, 2000, false);
    check_cut("a", 2001, 2000, false);
    check_cut("\xE2\x82\xAC", 2001, 2000, false);
}

static void test_number_of_messages_is_bounded(void)
{
    static const int counts[] = {SEQUENCE_MAX, SEQUENCE_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        struct text json = {0};
        text_add(&json, "{\"syncRequestId\":\"1\",\"messageList\":[\"first\"");
        for (int n = 1; n < counts[i]; n++)
            text_add(&json, ",\"m\"");
        text_add(&json, "]}");
        CHECK_EQ_INT(run(text_string(&json)), 0);
        CHECK_CONTAINS(text_string(&fake.requests[0].body), "\"sequence\":999,");
        CHECK(!strstr(text_string(&fake.requests[0].body), "\"sequence\":1000,"));
    }
}

static void test_number_of_parameters_is_bounded(void)
{
    static const int counts[] = {SEQUENCE_MAX, SEQUENCE_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        struct text json = {0};
        text_add(&json, "{\"syncRequestId\":\"1\",\"exceptionInfo\":[{");
        text_add(&json, "\"messageParameters\":[\"p\"");
        for (int n = 1; n < counts[i]; n++)
            text_add(&json, ",\"p\"");
        text_add(&json, "]}]}");
        CHECK_EQ_INT(run(text_string(&json)), 0);
        const char *body = text_string(&fake.requests[0].body);
        CHECK_CONTAINS(body, "\"parameterSequence\":999,");
        CHECK(!strstr(body, "\"parameterSequence\":1000,"));
    }
}

static void test_several_messages_and_parameters(void)
{
    run("{\"syncRequestId\":\"1\",\"exceptionInfo\":[{\"messageCategory\":92001,\"messageNumber\":"
        "30,\"messageParameters\":[{\"messageParameterValue\":\"a\"},\"b\",{\"value\":3}]},"
        "{\"comments\":\"seen\",\"message\":\"c\"}]}");
    CHECK_EQ_TEXT(
        text_string(&fake.requests[0].body),
        "{\"syncRequestId\":\"1\",\"hasError\":true,\"exceptionInfo\":[{\"sequence\":1,"
        "\"messageCategory\":11114,\"messageNumber\":11001,\"comments\":\"DACS message 92001, 30\","
        "\"messageParameters\":[{\"parameterSequence\":1,\"messageParameterValue\":\"a\"},"
        "{\"parameterSequence\":2,\"messageParameterValue\":\"b\"},"
        "{\"parameterSequence\":3,\"messageParameterValue\":\"3\"}]},"
        "{\"sequence\":2,\"messageCategory\":11114,\"messageNumber\":11001,\"comments\":\"seen\","
        "\"messageParameters\":[{\"parameterSequence\":1,\"messageParameterValue\":\"c\"}]}]}");
}

static void test_message_key_from_the_lookup(void)
{
    static const char negative[] = "{\"syncRequestId\":\"1\",\"errorMessage\":\"no\"}";
    static const char *const spellings[][2] = {
        {"ccs.error.ack.message.category", "ccs.error.ack.message.number"},
        {"ccs.error.ack.messagecategory", "ccs.error.ack.messagenumber"},
    };
    for (size_t i = 0; i < 2; i++) {
        fake_reset();
        fake_message(negative, strlen(negative));
        fake_config(spellings[i][0], "90000");
        fake_config(spellings[i][1], "42");
        CHECK_EQ_INT(customer_sync_ack_main(), 0);
        CHECK_CONTAINS(text_string(&fake.requests[0].body),
                       "\"messageCategory\":90000,\"messageNumber\":42,");
    }
    fake_reset();
    fake_message(negative, strlen(negative));
    fake_config("ccs.error.ack.message.number", "many");
    CHECK_EQ_INT(customer_sync_ack_main(), 1);
    CHECK_EQ_INT(fake.request_count, 0);
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "invalid_property");
    CHECK(fake_child_of("OUTL-BA-CCS_DACS_ERR_HNDLR", 0) != NULL);
}

static void test_ccs_that_does_not_accept(void)
{
    static const struct {
        int ccs_status, http_status;
        const char *body, *detail;
    } rows[] = {
        {400, 502, "{\"message\":\"no such request\"}", "no such request"},
        {404, 502, "", "(nothing)"},
        {500, 502, "<html>oops</html>", "<html>oops</html>"},
        {429, 503, "later", "status 429"},
        {503, 503, "later", "status 503"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        fake_message("{\"syncRequestId\":\"77\"}", 22);
        fake_answer(NULL, 0, rows[i].ccs_status, rows[i].body);
        CHECK_EQ_INT(customer_sync_ack_main(), 1);
        CHECK_EQ_INT(fake.response_status, rows[i].http_status);
        CHECK_CONTAINS(text_string(&fake.fault_detail), rows[i].detail);
        CHECK_CONTAINS(text_string(&fake.fault_detail), "77");
        CHECK_CONTAINS(text_string(&fake.response), "\"o:errorDetails\"");
        const struct fake_child *handler = fake_child_of("OUTL-BA-CCS_DACS_ERR_HNDLR", 0);
        CHECK(handler != NULL);
        if (handler)
            CHECK_CONTAINS(text_string(&handler->body), "again from DACS");
        CHECK_EQ_INT(fake.violations, 0);
    }
}

static void test_ccs_that_cannot_be_reached(void)
{
    static const struct {
        int32_t status;
        int http_status;
    } rows[] = {{SLUICE_UNAVAILABLE, 503},
                {SLUICE_TIMEOUT, 504},
                {SLUICE_UNKNOWN, 502},
                {SLUICE_DENIED, 502},
                {SLUICE_INTERNAL, 500}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        fake_message("{\"syncRequestId\":\"77\"}", 22);
        fake_fail("http.request", 0, rows[i].status, "connection refused");
        CHECK_EQ_INT(customer_sync_ack_main(), 1);
        CHECK_EQ_INT(fake.response_status, rows[i].http_status);
        CHECK_CONTAINS(text_string(&fake.response), "connection refused");
        CHECK(fake_child_of("OUTL-BA-CCS_DACS_ERR_HNDLR", 0) != NULL);
    }
}

static void test_long_answer_of_ccs_is_bounded(void)
{
    struct text body = {0};
    repeat(&body, "x", 100000);
    fake_reset();
    fake_message("{\"syncRequestId\":\"77\"}", 22);
    fake_answer(NULL, 0, 500, text_string(&body));
    CHECK_EQ_INT(customer_sync_ack_main(), 1);
    CHECK(fake.response.size < 3000);
    CHECK_EQ_INT(fake.violations, 0);
}

static void test_failing_error_handler_changes_nothing(void)
{
    fake_reset();
    fake_message("{\"syncRequestId\":\"77\"}", 22);
    fake_answer(NULL, 0, 400, "no");
    fake_fail("flow.call", 0, SLUICE_INTERNAL, "cannot run");
    CHECK_EQ_INT(customer_sync_ack_main(), 1);
    CHECK_EQ_INT(fake.response_status, 502);
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "ccs_400");
}

CHECK_MAIN(TEST(test_forms_that_ccs_gets), TEST(test_positive_answer),
           TEST(test_messages_that_go_no_further), TEST(test_id_length),
           TEST(test_long_texts_are_cut_at_characters), TEST(test_number_of_messages_is_bounded),
           TEST(test_number_of_parameters_is_bounded),
           TEST(test_several_messages_and_parameters), TEST(test_message_key_from_the_lookup),
           TEST(test_ccs_that_does_not_accept), TEST(test_ccs_that_cannot_be_reached),
           TEST(test_long_answer_of_ccs_is_bounded),
           TEST(test_failing_error_handler_changes_nothing))
