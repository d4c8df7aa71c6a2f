/* SPDX-License-Identifier: MIT */
/* The three common child flows against a scripted host. */
#include "check.h"
#include "fake_host.h"
#include "sluice/lookup.h"

int common_ftp_transfer_main(void);
int common_os_transfer_main(void);
int common_error_handler_main(void);

static void message(const char *json)
{
    fake_message(json, strlen(json));
}

static void test_ftp_child_stores_the_file(void)
{
    fake_reset();
    message("{\"Filename\":\"a.csv\",\"Directory\":\"/in\",\"File Reference\":\"a.csv\"}");
    fake_attach("a.csv");
    CHECK_EQ_INT(common_ftp_transfer_main(), 0);
    CHECK_EQ_TEXT(text_string(&fake.calls), "ftp.store /in a.csv \n");
    CHECK_EQ_INT(fake.response_status, 200);
    CHECK_EQ_TEXT(text_string(&fake.response), "{\"status\":\"transferred\",\"name\":\"a.csv\","
                                               "\"receipt\":{\"name\":\"a.csv\",\"size\":4}}");
    CHECK_EQ_TEXT(text_string(&fake.response_type), "application/json");
    CHECK_EQ_TEXT(text_string(&fake.tracked), "file_name=a.csv\n");
    CHECK_EQ_INT(fake.report_count, 1);
    CHECK_EQ_INT(fake.violations, 0);
}

static void test_child_leaves_reporting_to_its_caller(void)
{
    fake_reset();
    fake_about("trigger", "call");
    message("{\"Filename\":\"a.csv\",\"Directory\":\"/in\"}");
    fake_attach("a.csv");
    CHECK_EQ_INT(common_ftp_transfer_main(), 0);
    CHECK_EQ_INT(fake.report_count, 0);
}

static void test_os_child_stores_the_object(void)
{
    fake_reset();
    message("{\"objectName\":\"a.csv\",\"NAMESPACE NAME\":\"ns\",\"bucket_name\":\"b\"}");
    fake_attach("a.csv");
    CHECK_EQ_INT(common_os_transfer_main(), 0);
    CHECK_EQ_TEXT(text_string(&fake.calls), "http.object_store ns/b a.csv \n");
    CHECK_EQ_INT(fake.response_status, 200);
}

static void test_unusable_requests(void)
{
    static const struct {
        const char *json, *attached, *detail;
        bool os;
    } rows[] = {
        {"", "f", "is empty", false},
        {"[]", "f", "not a JSON object", false},
        {"nonsense", "f", "is not JSON", false},
        {"{\"Filename\":\"a\",\"Directory\":\"/in\"}", NULL, "without a file", false},
        {"{\"Directory\":\"/in\"}", "f", "\"Filename\"", false},
        {"{\"Filename\":\"a\"}", "f", "\"Directory\"", false},
        {"{\"Filename\":5,\"Directory\":\"/in\"}", "f", "\"Filename\"", false},
        {"{\"Filename\":\"\",\"Directory\":\"/in\"}", "f", "\"Filename\"", false},
        {"{\"Object Name\":\"a\",\"Bucket Name\":\"b\"}", "f", "\"Namespace Name\"", true},
        {"{\"Object Name\":\"a\",\"Namespace Name\":\"b\"}", "f", "\"Bucket Name\"", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        message(rows[i].json);
        fake_attach(rows[i].attached);
        CHECK_EQ_INT(rows[i].os ? common_os_transfer_main() : common_ftp_transfer_main(), 1);
        CHECK_EQ_INT(fake.response_status, 400);
        CHECK_EQ_TEXT(text_string(&fake.fault_code), "invalid_message");
        CHECK_CONTAINS(text_string(&fake.fault_detail), rows[i].detail);
        CHECK_EQ_TEXT(text_string(&fake.calls), "");
        CHECK_EQ_INT(fake.violations, 0);
    }
}

static void test_failed_store_is_answered_by_its_kind(void)
{
    static const struct {
        int32_t status;
        int http_status;
        const char *code;
    } rows[] = {
        {SLUICE_EXISTS, 409, "exists"},           {SLUICE_LIMIT, 413, "limit"},
        {SLUICE_UNAVAILABLE, 503, "unavailable"}, {SLUICE_TIMEOUT, 504, "timeout"},
        {SLUICE_BROKEN, 502, "broken"},           {SLUICE_UNKNOWN, 502, "unknown"},
        {SLUICE_DENIED, 502, "denied"},           {SLUICE_NOT_FOUND, 404, "not_found"},
        {SLUICE_INVALID, 400, "invalid"},         {SLUICE_INTERNAL, 500, "internal"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        message("{\"Filename\":\"a.csv\",\"Directory\":\"/in\"}");
        fake_attach("a.csv");
        fake_fail("ftp.store", 0, rows[i].status, "the server said so");
        CHECK_EQ_INT(common_ftp_transfer_main(), 1);
        CHECK_EQ_INT(fake.response_status, rows[i].http_status);
        CHECK_EQ_TEXT(text_string(&fake.fault_code), rows[i].code);
        CHECK_CONTAINS(text_string(&fake.response), "the server said so");
        CHECK_CONTAINS(text_string(&fake.response), rows[i].code);
    }
}

#define ERROR_MESSAGE                                                                              \
    "{\"integrationName\":\"OU CCS DACS Customer Sync FTP Transfer\","                             \
    "\"integrationIdentifier\":\"OUTL-BA-CCS_DACS_CUST_SYNC_FTP\",\"instanceId\":\"abc123\","      \
    "\"errorCode\":\"unavailable\",\"reason\":\"The files cannot be listed\","                     \
    "\"details\":\"connection refused\\r\\nX-Evil: 1\",\"connection\":\"OU FTP CCS for "           \
    "CCS-DACS\","                                                                                  \
    "\"activity\":\"ftp.list\",\"fileName\":\"a.csv\",\"nextStep\":\"Wait for the next run.\"}"

static void test_error_mail(void)
{
    fake_reset();
    message(ERROR_MESSAGE);
    CHECK_EQ_INT(common_error_handler_main(), 0);
    CHECK_EQ_TEXT(text_string(&fake.response), "{\"sent\":true}");
    CHECK_EQ_INT(fake.mail_count, 1);
    const struct fake_mail *mail = &fake.mails[0];
    CHECK_EQ_TEXT(text_string(&mail->to), "errors@example.org");
    CHECK_EQ_TEXT(text_string(&mail->subject),
                  "[CCS-DACS] Error in OU CCS DACS Customer Sync FTP Transfer: The files cannot be "
                  "listed");
    static const char *const parts[] = {
        "abc123",
        "unavailable",
        "OU FTP CCS for CCS-DACS",
        "ftp.list",
        "a.csv",
        "connection refused??X-Evil: 1",
        "What to do next",
        "Wait for the next run.",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        CHECK_CONTAINS(text_string(&mail->body), parts[i]);
}

static void test_error_mail_is_sent_only_if_both_properties_want_it(void)
{
    static const struct {
        const char *flag, *type;
        bool sent;
    } rows[] = {
        {"true", "email", true},  {"true", "EMAIL", true},   {"TRUE", "true", true},
        {NULL, NULL, true},       {"false", "email", false}, {"true", "none", false},
        {"true", "false", false}, {"False", "sms", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        message(ERROR_MESSAGE);
        fake_config("notification.email.error.flag", rows[i].flag);
        fake_config("notification.type.email", rows[i].type);
        CHECK_EQ_INT(common_error_handler_main(), 0);
        CHECK_EQ_INT(fake.mail_count, rows[i].sent);
        CHECK_EQ_INT(fake.response_status, 200);
        if (!rows[i].sent)
            CHECK_CONTAINS(text_string(&fake.response), "notification.");
    }
}

static void test_error_handler_type_in_its_second_spelling(void)
{
    fake_reset();
    message(ERROR_MESSAGE);
    fake_config("notification.type.email", NULL);
    fake_config("notification.type.email.flag", "none");
    CHECK_EQ_INT(common_error_handler_main(), 0);
    CHECK_EQ_INT(fake.mail_count, 0);
}

static void test_error_handler_that_cannot_send(void)
{
    fake_reset();
    message("{}");
    fake_fail("smtp.send", 0, SLUICE_REFUSED, "550 no such user");
    CHECK_EQ_INT(common_error_handler_main(), 1);
    CHECK_EQ_INT(fake.response_status, 502);
    CHECK_CONTAINS(text_string(&fake.response), "550 no such user");

    fake_reset();
    message("{}");
    fake_property(LOOKUP_EMAIL, "to", NULL);
    CHECK_EQ_INT(common_error_handler_main(), 1);
    CHECK_CONTAINS(text_string(&fake.fault_detail), LOOKUP_EMAIL);

    fake_reset();
    message("not json");
    CHECK_EQ_INT(common_error_handler_main(), 1);
    CHECK_EQ_INT(fake.response_status, 400);
    CHECK_EQ_INT(fake.mail_count, 0);
}

CHECK_MAIN(TEST(test_ftp_child_stores_the_file), TEST(test_child_leaves_reporting_to_its_caller),
           TEST(test_os_child_stores_the_object), TEST(test_unusable_requests),
           TEST(test_failed_store_is_answered_by_its_kind), TEST(test_error_mail),
           TEST(test_error_mail_is_sent_only_if_both_properties_want_it),
           TEST(test_error_handler_type_in_its_second_spelling),
           TEST(test_error_handler_that_cannot_send))
