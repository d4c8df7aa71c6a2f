/* SPDX-License-Identifier: MIT */
/* What the flows make of customisations: what each extension point gets, and what becomes of a failure. */
#include "check.h"
#include "fake_host.h"
#include "sluice/extend.h"
#include "sluice/lookup.h"

int customer_sync_ftp_transfer_main(void);
int customer_sync_ack_main(void);
int common_ftp_transfer_main(void);
int common_error_handler_main(void);

static const char acknowledgement[] = "{\"syncRequestId\":\"77\",\"hasError\":false}";

static void begin_ack(void)
{
    fake_reset();
    fake_message(acknowledgement, sizeof acknowledgement - 1);
}

static void test_request_is_replaced_before_it_is_read(void)
{
    fake_reset();
    fake_message("<xml/>", 6);
    fake_extend("request", acknowledgement);
    CHECK_EQ_INT(customer_sync_ack_main(), 0);
    CHECK_EQ_TEXT(text_string(&fake.extended), "<xml/>");
    CHECK_EQ_TEXT(text_string(&fake.requests[0].body), acknowledgement);
    CHECK_EQ_INT(fake.violations, 0);
}

static void test_message_is_replaced_after_the_mapping(void)
{
    begin_ack();
    fake_extend("message", "{\"own\":1}");
    CHECK_EQ_INT(customer_sync_ack_main(), 0);
    CHECK_EQ_TEXT(text_string(&fake.extended), acknowledgement);
    CHECK_EQ_TEXT(text_string(&fake.requests[0].body), "{\"own\":1}");
    CHECK_EQ_INT(fake.open_handles, 0);
}

static void test_failing_customisation_of_an_acknowledgement(void)
{
    static const char *const points[] = {"flow.extend request", "flow.extend message"};
    for (size_t i = 0; i < 2; i++) {
        begin_ack();
        fake_fail(points[i], 0, SLUICE_FILTER, "filter 'x.wasm' exited with status 3");
        CHECK_EQ_INT(customer_sync_ack_main(), 1);
        CHECK_EQ_INT(fake.request_count, 0);
        CHECK_EQ_INT(fake.response_status, 500);
        CHECK_EQ_TEXT(text_string(&fake.fault_code), "filter_failed");
        CHECK_CONTAINS(text_string(&fake.fault_detail), "x.wasm");
        CHECK(fake_child_of("OUTL-BA-CCS_DACS_ERR_HNDLR", 0) != NULL);
    }
}

static void begin_sync(void)
{
    fake_reset();
    fake_parameter("C1-");
    fake_config("ccs.ftp.custsync.input.directory", "/in");
    fake_config("dacs.ftp.custsync.output.directory", "/out");
    fake_config("dacs.file.target.transfer.pref", "ftp");
    fake_file("C1-A", 10, 0);
    fake_file("C1-B", 20, 0);
    fake_file("C1-C", 30, 0);
}

static void test_selection_takes_part_of_the_list(void)
{
    begin_sync();
    fake_extend("select", "[{\"name\":\"C1-A\"},\"C1-C\"]");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_CONTAINS(text_string(&fake.extended), "{\"name\":\"C1-B\",\"size\":20}");
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 2);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_FOUND], 2);
    CHECK(fake_report_of("C1-B") == NULL);
}

static void test_empty_selection_is_no_file(void)
{
    begin_sync();
    fake_extend("select", "[]");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_EQ_INT(fake.child_count, 0);
}

static void test_name_is_for_the_target_only(void)
{
    begin_sync();
    fake_extend("select", "[\"C1-B\"]");
    fake_extend("name", "other.csv");
    fake_extend("content", "");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    const struct fake_child *child = fake_child_of("OUTL-BA-OUAL_DACS_FTP_TRANSFER", 0);
    CHECK(child != NULL);
    if (!child)
        return;
    CHECK_CONTAINS(text_string(&child->body), "\"Filename\":\"other.csv\"");
    CHECK_EQ_TEXT(text_string(&child->file), "filtered:C1-B");
    CHECK_CONTAINS(text_string(&fake.calls), "ftp.rename /in C1-B SENT-C1-B");
    CHECK_EQ_INT(fake.violations, 0);
}

static void test_failing_customisation_stops_the_run(void)
{
    static const char *const calls[] = {"flow.extend select", "flow.extend name",
                                        "flow.extend_file content"};
    for (size_t i = 0; i < 3; i++) {
        begin_sync();
        fake_extend("select", "[\"C1-A\"]");
        fake_fail(calls[i], 0, SLUICE_FILTER, "filter 'x.wasm' ended by a trap");
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 1);
        CHECK_EQ_TEXT(text_string(&fake.fault_code), "filter_failed");
        CHECK(strstr(text_string(&fake.calls), "ftp.rename") == NULL);
        CHECK(fake_child_of("OUTL-BA-OUAL_DACS_FTP_TRANSFER", 0) == NULL);
        CHECK_EQ_INT(fake.violations, 0);
    }
}

static void test_child_flow_has_points_of_its_own(void)
{
    static const char message[] = "{\"Filename\":\"a.csv\",\"Directory\":\"/out\",\"File Reference\":\"a\"}";
    fake_reset();
    fake_message(message, sizeof message - 1);
    fake_attach("a.csv");
    fake_extend("name", "b.csv");
    fake_extend("content", "");
    CHECK_EQ_INT(common_ftp_transfer_main(), 0);
    CHECK_CONTAINS(text_string(&fake.calls), "ftp.store /out b.csv");
    CHECK_EQ_INT(fake.violations, 0);
    fake_reset();
    fake_message(message, sizeof message - 1);
    fake_attach("a.csv");
    fake_fail("flow.extend name", 0, SLUICE_FILTER, "filter 'x.wasm' said no");
    CHECK_EQ_INT(common_ftp_transfer_main(), 1);
    CHECK_EQ_INT(fake.response_status, 500);
    CHECK(strstr(text_string(&fake.calls), "ftp.store") == NULL);
}

static void test_notice_keeps_what_is_not_given(void)
{
    fake_reset();
    fake_message("{\"reason\":\"R\"}", 14);
    fake_extend("notification", "{\"subject\":\"Own subject\"}");
    CHECK_EQ_INT(common_error_handler_main(), 0);
    CHECK_EQ_INT(fake.mail_count, 1);
    CHECK_EQ_TEXT(text_string(&fake.mails[0].subject), "Own subject");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "What failed");
    CHECK_CONTAINS(text_string(&fake.extended), "\"subject\":\"[CCS-DACS] Error in");
}

CHECK_MAIN(TEST(test_request_is_replaced_before_it_is_read),
           TEST(test_message_is_replaced_after_the_mapping),
           TEST(test_failing_customisation_of_an_acknowledgement),
           TEST(test_selection_takes_part_of_the_list), TEST(test_empty_selection_is_no_file),
           TEST(test_name_is_for_the_target_only), TEST(test_failing_customisation_stops_the_run),
           TEST(test_child_flow_has_points_of_its_own), TEST(test_notice_keeps_what_is_not_given))
