/* SPDX-License-Identifier: MIT */
/* The two customer sync transfer flows, step by step, against a scripted host. */
#include "check.h"
#include "customer_sync_world.h"
#include "sluice/customer_sync.h"
#include "sluice/lookup.h"
#include "sluice/notify.h"

int customer_sync_ftp_transfer_main(void);
int customer_sync_os_transfer_main(void);

#define ERROR_HANDLER "OUTL-BA-CCS_DACS_ERR_HNDLR"

static void test_every_file_is_carried_then_marked(void)
{
    world_of_three();
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    check_manners();
    CHECK_EQ_TEXT(
        text_string(&fake.calls),
        "ftp.list /sploutput/CustomerSync C1-DCTEX \n"
        "ftp.open /sploutput/CustomerSync C1-DCTEX_0001_00.csv \n"
        "flow.call OUTL-BA-OUAL_DACS_FTP_TRANSFER C1-DCTEX_0001_00.csv \n"
        "ftp.rename /sploutput/CustomerSync C1-DCTEX_0001_00.csv SENT-C1-DCTEX_0001_00.csv\n"
        "ftp.open /sploutput/CustomerSync C1-DCTEX_0002_00.csv \n"
        "flow.call OUTL-BA-OUAL_DACS_FTP_TRANSFER C1-DCTEX_0002_00.csv \n"
        "ftp.rename /sploutput/CustomerSync C1-DCTEX_0002_00.csv SENT-C1-DCTEX_0002_00.csv\n"
        "ftp.open /sploutput/CustomerSync C1-DCTEX_0003_00.csv.zip \n"
        "flow.call OUTL-BA-OUAL_DACS_FTP_TRANSFER C1-DCTEX_0003_00.csv.zip \n"
        "ftp.rename /sploutput/CustomerSync C1-DCTEX_0003_00.csv.zip "
        "SENT-C1-DCTEX_0003_00.csv.zip\n"
        "smtp.send users@example.org,more@example.org "
        "[CCS-DACS] Customer Sync FTP Transfer: 3 files transferred \n");
    CHECK_EQ_TEXT(text_string(&fake_child_of(CUSTOMER_SYNC_FTP_CHILD, 0)->body),
                  "{\"Filename\":\"C1-DCTEX_0001_00.csv\",\"Directory\":\"/dacs/in\","
                  "\"File Reference\":\"C1-DCTEX_0001_00.csv\"}");
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_FOUND], 3);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_STARTED], 3);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 3);
    CHECK_EQ_INT(fake.response_status, 200);
    CHECK_CONTAINS(text_string(&fake.response), "\"transferredCount\":3");
    CHECK_CONTAINS(text_string(&fake.response), "\"bytes\":3003000");
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "");
    CHECK_CONTAINS(text_string(&fake.tracked), "file_name_prefix=C1-DCTEX");
}

static void test_complete_mail_says_what_moved(void)
{
    world_of_three();
    customer_sync_ftp_transfer_main();
    CHECK_EQ_INT(fake.mail_count, 1);
    const struct fake_mail *mail = &fake.mails[0];
    static const char *const parts[] = {
        "The process is complete: 3 files transferred.",
        "OU CCS DACS Customer Sync FTP Transfer",
        "OUTL-BA-TEST, version 01.23.3000",
        "Zm9vYmFyYmF6cXV4MDEyMw",
        "2026-11-24T03:09:10.000Z",
        "Ended       20",
        "/sploutput/CustomerSync",
        "OU FTP DACS for CCS-DACS",
        "/dacs/in",
        "Files transferred (3)",
        "C1-DCTEX_0003_00.csv.zip                               3,000,000 bytes",
        "3,003,000 bytes",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        CHECK_CONTAINS(text_string(&mail->body), parts[i]);
    CHECK(!strstr(text_string(&mail->body), "What to do next"));
    CHECK_EQ_TEXT(text_string(&mail->connection), "OU SMTP for CCS-DACS");
    CHECK_EQ_TEXT(text_string(&mail->from), "admin@example.org");
    check_lines_fit(&mail->body);
}

static void test_object_storage_source(void)
{
    world_of_three();
    CHECK_EQ_INT(customer_sync_os_transfer_main(), 0);
    check_manners();
    CHECK_CONTAINS(text_string(&fake.calls),
                   "http.object_list ccsnamespace/CCSDACS_CustomerSync C1-DCTEX");
    CHECK_CONTAINS(text_string(&fake.calls),
                   "http.object_rename ccsnamespace/CCSDACS_CustomerSync C1-DCTEX_0001_00.csv "
                   "SENT-C1-DCTEX_0001_00.csv");
    CHECK(fake_child_of(CUSTOMER_SYNC_FTP_CHILD, 2) != NULL);
}

static void test_object_storage_target(void)
{
    int (*const mains[])(void) = {customer_sync_ftp_transfer_main, customer_sync_os_transfer_main};
    for (size_t i = 0; i < 2; i++) {
        world_of_three();
        fake_config("dacs.file.target.transfer.pref", "OS");
        CHECK_EQ_INT(mains[i](), 0);
        check_manners();
        CHECK(fake_child_of(CUSTOMER_SYNC_FTP_CHILD, 0) == NULL);
        CHECK_EQ_TEXT(text_string(&fake_child_of(CUSTOMER_SYNC_OS_CHILD, 1)->body),
                      "{\"Object Name\":\"C1-DCTEX_0002_00.csv\",\"Namespace Name\":"
                      "\"dacsnamespace\",\"Bucket Name\":\"CCSDACS_CustomerSync\","
                      "\"File Reference\":\"C1-DCTEX_0002_00.csv\"}");
        CHECK_CONTAINS(text_string(&fake.mails[0].body), "dacsnamespace/CCSDACS_CustomerSync");
    }
}

static void test_no_file(void)
{
    static const struct {
        const char *flag;
        size_t mails;
    } rows[] = {{"true", 1}, {NULL, 1}, {"FALSE", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_reset();
        fake_parameter("C1-DSPEX");
        fake_file("C1-DCTEX_0001_00.csv", 1000, 0);
        fake_config("notification.email.process.nofile.flag", rows[i].flag);
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
        check_manners();
        CHECK_EQ_INT(fake.mail_count, rows[i].mails);
        CHECK_EQ_INT(fake.child_count, 0);
        CHECK_EQ_INT(fake.response_status, 200);
    }
    fake_config("notification.email.process.nofile.flag", "true");
    customer_sync_ftp_transfer_main();
    CHECK_EQ_TEXT(text_string(&fake.mails[0].subject),
                  "[CCS-DACS] Customer Sync FTP Transfer: no file found");
    CHECK_EQ_TEXT(text_string(&fake.mails[0].to), "users@example.org,more@example.org");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "C1-DSPEX");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "/sploutput/CustomerSync");
    check_lines_fit(&fake.mails[0].body);
}

static void test_sent_files_are_never_picked_up(void)
{
    static const char *const prefixes[] = {"S", "SENT-", "SENT-C1"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        fake_reset();
        fake_parameter(prefixes[i]);
        fake_file("SENT-C1-DCTEX_0001_00.csv", 1000, 0);
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
        CHECK_EQ_INT(fake.child_count, 0);
        CHECK_EQ_INT(fake.report_count, 0);
        CHECK_CONTAINS(text_string(&fake.mails[0].subject), "no file found");
    }
}

static void test_tag_property_in_both_spellings(void)
{
    static const struct {
        const char *property, *value, *expected;
    } rows[] = {
        {"ccs.prefixtag.file.uploaded", "DONE-", "C1-DCTEX_0001_00.csv DONE-C1-DCTEX_0001_00.csv"},
        {"ccs.prefixtag.fileuploaded", "OK_", "C1-DCTEX_0001_00.csv OK_C1-DCTEX_0001_00.csv"},
        {"ccs.prefixtag.fileuploaded", NULL, "C1-DCTEX_0001_00.csv SENT-C1-DCTEX_0001_00.csv"},
        {"ccs.prefixtag.file.uploaded", "", "C1-DCTEX_0001_00.csv SENT-C1-DCTEX_0001_00.csv"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world_of_three();
        fake_config("ccs.prefixtag.file.uploaded", NULL);
        fake_config(rows[i].property, rows[i].value);
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
        CHECK_CONTAINS(text_string(&fake.calls), rows[i].expected);
    }
}

/* Configuration that cannot work: error mail only, nothing touched, exit 1. */
static void test_unusable_configuration(void)
{
    static const struct {
        const char *property, *value, *pref, *code, *detail;
        bool os;
    } rows[] = {
        {"ccs.ftp.custsync.input.directory", NULL, "ftp", "missing_property",
         "ccs.ftp.custsync.input.directory", false},
        {"dacs.ftp.custsync.output.directory", NULL, "ftp", "missing_property",
         "dacs.ftp.custsync.output.directory", false},
        {"dacs.os.custsync.namespace", NULL, "os", "missing_property", "dacs.os.custsync.namespace",
         false},
        {"dacs.os.custsync.bucketname", "", "os", "missing_property", "dacs.os.custsync.bucketname",
         false},
        {"ccs.os.custsync.namespace", NULL, "ftp", "missing_property", "ccs.os.custsync.namespace",
         true},
        {"ccs.os.custsync.bucketname", NULL, "ftp", "missing_property",
         "ccs.os.custsync.bucketname", true},
        {"unused", "x", "sftp", "invalid_property", "legal values are ftp and os", false},
        {"ccs.prefixtag.file.uploaded", "a/b", "ftp", "invalid_property", "no '/'", false},
        {"ccs.prefixtag.file.uploaded", "a\nb", "ftp", "invalid_property", "control", false},
        {"dacs.os.custsync.namespace", "ccsnamespace", "os", "same_place",
         "ccsnamespace/CCSDACS_CustomerSync", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world_of_three();
        fake_config(rows[i].property, rows[i].value);
        fake_config("dacs.file.target.transfer.pref", rows[i].pref);
        CHECK_EQ_INT(
            rows[i].os ? customer_sync_os_transfer_main() : customer_sync_ftp_transfer_main(), 1);
        check_manners();
        CHECK_EQ_TEXT(text_string(&fake.fault_code), rows[i].code);
        CHECK_CONTAINS(text_string(&fake.fault_detail), rows[i].detail);
        CHECK_CONTAINS(text_string(&fake.fault_detail), LOOKUP_CONFIG);
        CHECK_EQ_INT(fake.mail_count, 0);
        CHECK_EQ_INT(fake.child_count, 1);
        const struct fake_child *handler = fake_child_of(ERROR_HANDLER, 0);
        CHECK(handler != NULL);
        if (handler)
            CHECK_CONTAINS(text_string(&handler->body), rows[i].detail);
    }
}

static void test_defaults_of_properties(void)
{
    world_of_three();
    fake_config("dacs.file.target.transfer.pref", NULL);
    fake_config("notification.email.process.complete.flag", NULL);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK(fake_child_of(CUSTOMER_SYNC_FTP_CHILD, 2) != NULL);
    CHECK_EQ_INT(fake.mail_count, 1);
}

static void test_prefix_parameter_is_needed(void)
{
    static const char *const values[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        world_of_three();
        fake_parameter(values[i]);
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 1);
        CHECK_EQ_TEXT(text_string(&fake.fault_code), "missing_parameter");
        CHECK_CONTAINS(text_string(&fake.fault_detail), "extractedFileNamePrefix");
        CHECK(!strstr(text_string(&fake.calls), "ftp.list"));
    }
}

static void test_source_failure_gives_error_mail_only(void)
{
    static const struct {
        const char *import;
        int nth;
        int32_t status;
        const char *code;
    } rows[] = {
        {"ftp.list", 0, SLUICE_UNAVAILABLE, "unavailable"},
        {"ftp.list", 0, SLUICE_NOT_FOUND, "not_found"},
        {"ftp.list", 0, SLUICE_DENIED, "denied"},
        {"ftp.list", 0, SLUICE_BROKEN, "broken"},
        {"file.next", 2, SLUICE_INTERNAL, "internal"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world_of_three();
        fake_fail(rows[i].import, rows[i].nth, rows[i].status, "the peer said no");
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 1);
        check_manners();
        CHECK_EQ_TEXT(text_string(&fake.fault_code), rows[i].code);
        CHECK_EQ_TEXT(text_string(&fake.fault_detail), "the peer said no");
        CHECK_EQ_INT(fake.mail_count, 0);
        const struct fake_child *handler = fake_child_of(ERROR_HANDLER, 0);
        CHECK(handler && fake.child_count == 1);
        if (handler)
            CHECK_CONTAINS(text_string(&handler->body), "next scheduled run");
    }
}

#define FAULT_409                                                                                  \
    "{\"title\":\"The file could not be stored at the target\",\"detail\":\"'x' is there "         \
    "already\",\"o:errorCode\":\"409\",\"o:errorDetails\":[{\"o:errorCode\":\"exists\"}]}"

static void test_run_stops_at_the_first_file_that_fails(void)
{
    world_of_three();
    fake_answer(CUSTOMER_SYNC_FTP_CHILD, 2, 409, FAULT_409);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_INT(fake_report_of("C1-DCTEX_0001_00.csv")->state, SLUICE_FILE_TRANSFERRED);
    CHECK_EQ_INT(fake_report_of("C1-DCTEX_0002_00.csv")->state, SLUICE_FILE_NOT_TRANSFERRED);
    CHECK_CONTAINS(text_string(&fake_report_of("C1-DCTEX_0002_00.csv")->detail),
                   "'x' is there already");
    CHECK_EQ_TEXT(text_string(&fake_report_of("C1-DCTEX_0003_00.csv.zip")->detail),
                  "Not attempted because the run stopped at an earlier error.");
    CHECK(!strstr(text_string(&fake.calls), "SENT-C1-DCTEX_0002"));
    CHECK(!strstr(text_string(&fake.calls), "ftp.open /sploutput/CustomerSync C1-DCTEX_0003"));
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "exists");

    const struct fake_child *handler = fake_child_of(ERROR_HANDLER, 0);
    CHECK_CONTAINS(text_string(&handler->body), "\"fileName\":\"C1-DCTEX_0002_00.csv\"");
    CHECK_CONTAINS(text_string(&handler->body), "\"errorCode\":\"exists\"");
    CHECK_EQ_INT(fake.mail_count, 1);
    CHECK_EQ_TEXT(text_string(&fake.mails[0].subject),
                  "[CCS-DACS] Customer Sync FTP Transfer: 1 of 3 files transferred");
    static const char *const parts[] = {"Files not transferred (2)", "'x' is there already",
                                        "Not attempted because",     "Files transferred (1)",
                                        "What to do next",           "stopped at an error"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        CHECK_CONTAINS(text_string(&fake.mails[0].body), parts[i]);
    check_lines_fit(&fake.mails[0].body);
}

static void test_first_file_fails(void)
{
    world_of_three();
    fake_fail("flow.call", 1, SLUICE_UNKNOWN, "the reply was lost");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 1);
    check_manners();
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "unknown");
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_NOT_TRANSFERRED], 3);
    CHECK(!strstr(text_string(&fake.calls), "ftp.rename"));
}

static void test_complete_mail_can_be_off(void)
{
    world_of_three();
    fake_config("notification.email.process.complete.flag", "false");
    fake_answer(CUSTOMER_SYNC_FTP_CHILD, 2, 500, "");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    CHECK_EQ_INT(fake.mail_count, 0);
    CHECK(fake_child_of(ERROR_HANDLER, 0) != NULL);
}

static void test_file_over_the_limit_stops_the_run(void)
{
    world_of_three();
    fake_file("C1-DCTEX_0004_00.csv", 2000000000, SLUICE_FILE_TOO_LARGE);
    fake_file("C1-DCTEX_0005_00.csv", 10, 0);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "file_too_large");
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 3);
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "2,000,000,000 bytes");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "1073741824");
    CHECK_CONTAINS(text_string(&fake_report_of("C1-DCTEX_0005_00.csv")->detail), "Not attempted");
}

static void test_files_left_alone_do_not_stop_the_run(void)
{
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    memcpy(long_name, "C1-DCTEX", 8);
    long_name[251] = '\0'; /* 251 + "SENT-" is one byte too long */
    fake_reset();
    fake_parameter("C1-DCTEX");
    fake_file("C1-DCTEX\x01.csv", 1, SLUICE_FILE_UNSAFE);
    fake_file("C1-DCTEX\xE9.csv", 1, 0);
    fake_file("C1-DCTEX_0001_00.csv", 1000, SLUICE_FILE_GROWING);
    fake_file("C1-DCTEX_0002_00.csv", 2000, 0);
    fake_file(long_name, 3, 0);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_INT(fake_report_of("C1-DCTEX?.csv")->state, SLUICE_FILE_NOT_TRANSFERRED);
    CHECK_EQ_INT(fake_report_of("C1-DCTEX_0001_00.csv")->state, SLUICE_FILE_POSTPONED);
    CHECK_EQ_INT(fake_report_of("C1-DCTEX_0002_00.csv")->state, SLUICE_FILE_TRANSFERRED);
    CHECK_CONTAINS(text_string(&fake_report_of(long_name)->detail), "too long");
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "files_not_transferred");
    CHECK(fake_child_of(ERROR_HANDLER, 0) == NULL);
    CHECK_CONTAINS(text_string(&fake.mails[0].subject), "1 of 4 files transferred, 1 postponed");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "still being written");
}

static void test_name_at_its_longest_is_carried(void)
{
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    memcpy(long_name, "C1-DCTEX", 8);
    long_name[250] = '\0';
    fake_reset();
    fake_parameter("C1-DCTEX");
    fake_file(long_name, 3, 0);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_EQ_INT(fake_report_of(long_name)->state, SLUICE_FILE_TRANSFERRED);
}

static void test_only_growing_files_is_no_failure(void)
{
    fake_reset();
    fake_parameter("C1-DCTEX");
    fake_file("C1-DCTEX_0001_00.csv", 1000, SLUICE_FILE_GROWING | SLUICE_FILE_TOO_LARGE);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_CONTAINS(text_string(&fake.mails[0].subject), "0 files transferred, 1 postponed");
}

static void test_vanished_file_does_not_stop_the_run(void)
{
    world_of_three();
    fake_fail("ftp.open", 2, SLUICE_NOT_FOUND, "no such file");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 2);
    CHECK_CONTAINS(text_string(&fake_report_of("C1-DCTEX_0002_00.csv")->detail), "gone");
}

static void test_unreadable_file_stops_the_run(void)
{
    world_of_three();
    fake_fail("ftp.open", 2, SLUICE_DENIED, "550 permission denied");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 1);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_NOT_TRANSFERRED], 2);
}

static void test_file_that_cannot_be_marked_is_told_apart(void)
{
    static const struct {
        int32_t status;
        const char *words;
    } rows[] = {{SLUICE_EXISTS, "at the source failed: "}, {SLUICE_UNKNOWN, "may have failed"}};
    for (size_t i = 0; i < 2; i++) {
        world_of_three();
        fake_fail("ftp.rename", 2, rows[i].status, "553 exists");
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
        check_manners();
        const struct fake_report *report = fake_report_of("C1-DCTEX_0002_00.csv");
        CHECK_EQ_INT(report->state, SLUICE_FILE_NOT_TRANSFERRED);
        CHECK_CONTAINS(text_string(&report->detail), "complete at the target");
        CHECK_CONTAINS(text_string(&report->detail), rows[i].words);
        const char *body = text_string(&fake.mails[0].body);
        CHECK_CONTAINS(body, "transferred but not marked as sent at the source (1)");
        CHECK_CONTAINS(body, "already at the target. Until then");
        CHECK_CONTAINS(text_string(&fake.mails[0].subject),
                       "2 of 3 files transferred, 1 not marked");
        CHECK_CONTAINS(text_string(&fake_child_of(ERROR_HANDLER, 0)->body),
                       "already at the target");
        CHECK_CONTAINS(text_string(&fake.response), "\"notMarkedCount\":1");
        check_lines_fit(&fake.mails[0].body);
    }
}

static void test_a_file_that_arrived_but_is_not_marked_is_partly_done(void)
{
    fake_reset();
    fake_parameter("C1-");
    fake_file("C1-A.csv", 1, 0);
    fake_fail("ftp.rename", 1, SLUICE_EXISTS, "553 exists");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    CHECK_CONTAINS(text_string(&fake.mails[0].subject), "1 file transferred, 1 not marked");
}

static void test_mark_is_tried_again_when_it_had_no_effect(void)
{
    world_of_three();
    fake_fail("ftp.rename", 1, SLUICE_UNAVAILABLE, "421 later");
    fake_fail("ftp.rename", 2, SLUICE_UNAVAILABLE, "421 later");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 3);
}

static void test_failing_mail_changes_nothing_but_is_told(void)
{
    world_of_three();
    fake_fail("smtp.send", 0, SLUICE_UNAVAILABLE, "mail server is away");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    check_manners();
    CHECK_EQ_INT(fake.response_status, 200);
    CHECK_CONTAINS(text_string(&fake.response), "mail server is away");

    world_of_three();
    fake_property(LOOKUP_EMAIL, "to.process.notification", NULL);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_CONTAINS(text_string(&fake.response), "to.process.notification");

    world_of_three();
    fake_answer(CUSTOMER_SYNC_FTP_CHILD, 2, 500, "");
    fake_answer(ERROR_HANDLER, 0, 502, "{\"title\":\"t\",\"detail\":\"handler broke\"}");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    CHECK_CONTAINS(text_string(&fake.response), "handler broke");
}

CHECK_MAIN(TEST(test_every_file_is_carried_then_marked), TEST(test_complete_mail_says_what_moved),
           TEST(test_object_storage_source), TEST(test_object_storage_target), TEST(test_no_file),
           TEST(test_sent_files_are_never_picked_up), TEST(test_tag_property_in_both_spellings),
           TEST(test_unusable_configuration), TEST(test_defaults_of_properties),
           TEST(test_prefix_parameter_is_needed), TEST(test_source_failure_gives_error_mail_only),
           TEST(test_run_stops_at_the_first_file_that_fails), TEST(test_first_file_fails),
           TEST(test_complete_mail_can_be_off), TEST(test_file_over_the_limit_stops_the_run),
           TEST(test_files_left_alone_do_not_stop_the_run),
           TEST(test_name_at_its_longest_is_carried), TEST(test_only_growing_files_is_no_failure),
           TEST(test_vanished_file_does_not_stop_the_run), TEST(test_unreadable_file_stops_the_run),
           TEST(test_file_that_cannot_be_marked_is_told_apart),
           TEST(test_a_file_that_arrived_but_is_not_marked_is_partly_done),
           TEST(test_mark_is_tried_again_when_it_had_no_effect),
           TEST(test_failing_mail_changes_nothing_but_is_told))
