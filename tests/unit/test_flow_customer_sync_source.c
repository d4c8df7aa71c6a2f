/* SPDX-License-Identifier: MIT */
/* What the customer sync flows make of what the source lists, and of what has changed since. */
#include "check.h"
#include "customer_sync_world.h"
#include "sluice/customer_sync.h"

int customer_sync_ftp_transfer_main(void);

#define ERROR_HANDLER "OUTL-BA-CCS_DACS_ERR_HNDLR"

/* What the host could not read may be files: it is told, found or not. */
static void test_entries_that_were_not_understood_are_told(void)
{
    for (size_t files = 0; files < 2; files++) {
        fake_reset();
        fake_parameter("C1-DCTEX");
        fake_about("not_understood", "1204");
        if (files)
            fake_file("C1-DCTEX_0001_00.csv", 1000, 0);
        CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
        check_manners();
        CHECK_CONTAINS(text_string(&fake.response), "\"notUnderstoodCount\":1204");
        CHECK_CONTAINS(text_string(&fake.mails[0].body), "1204 entries");
        check_lines_fit(&fake.mails[0].body);
    }
    fake_about("not_understood", "0");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK(!strstr(text_string(&fake.response), "notUnderstoodCount"));
    CHECK(!strstr(text_string(&fake.mails[1].body), "entries"));
}

#define FAULT_404                                                                                  \
    "{\"title\":\"The file could not be stored at the target\",\"detail\":\"it is gone\","         \
    "\"o:errorCode\":\"404\",\"o:errorDetails\":[{\"o:errorCode\":\"not_found\"}]}"

/* Gone when the child flow wants its bytes: the same to the others. */
static void test_file_that_vanishes_before_it_is_read_does_not_stop_the_run(void)
{
    world_of_three();
    fake_answer(CUSTOMER_SYNC_FTP_CHILD, 2, 404, FAULT_404);
    fake_answer(CUSTOMER_SYNC_FTP_CHILD, 3, 200, "{}");
    fake_fail("ftp.open", 3, SLUICE_NOT_FOUND, "no such file"); /* the second look at the second file */
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 2);
    CHECK_CONTAINS(text_string(&fake_report_of("C1-DCTEX_0002_00.csv")->detail), "gone");
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "files_not_transferred");
    CHECK(fake_child_of(ERROR_HANDLER, 0) == NULL);
    CHECK(!strstr(text_string(&fake.calls), "SENT-C1-DCTEX_0002"));
}

/* The same answer, but the file is there: it is the target that is not. */
static void test_missing_target_stops_the_run(void)
{
    world_of_three();
    fake_answer(CUSTOMER_SYNC_FTP_CHILD, 2, 404, FAULT_404);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 1);
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "not_found");
    CHECK_CONTAINS(text_string(&fake_report_of("C1-DCTEX_0003_00.csv.zip")->detail), "Not attempted");
}

static void test_size_that_was_not_listed_is_learnt_when_it_is_opened(void)
{
    fake_reset();
    fake_parameter("C1-DCTEX");
    fake_file("C1-DCTEX_0001_00.csv", FAKE_FILE_SIZE_MAX, SLUICE_FILE_SIZE_UNKNOWN);
    fake_file("C1-DCTEX_0002_00.csv", FAKE_FILE_SIZE_MAX + 1ull, SLUICE_FILE_SIZE_UNKNOWN);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 3);
    check_manners();
    CHECK_EQ_INT(fake_report_of("C1-DCTEX_0001_00.csv")->state, SLUICE_FILE_TRANSFERRED);
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "1,073,741,824 bytes");
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "file_too_large");
    CHECK_CONTAINS(text_string(&fake_report_of("C1-DCTEX_0002_00.csv")->detail), "1,073,741,825 bytes");
}

static void many_files(size_t count)
{
    fake_reset();
    fake_parameter("C1-");
    for (size_t i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "C1-DCTEX_%05zu.csv", i);
        fake_file(name, 10, 0);
    }
}

static void test_number_of_files_is_bounded(void)
{
    many_files(CUSTOMER_SYNC_FILES_MAX);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], CUSTOMER_SYNC_FILES_MAX);
    CHECK_CONTAINS(text_string(&fake.response), "\"leftForNextRunCount\":0");
    CHECK(fake.mails[0].body.size < 80000);
    CHECK_CONTAINS(text_string(&fake.mails[0].body), " more: see the instance");

    many_files(CUSTOMER_SYNC_FILES_MAX + 1);
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], CUSTOMER_SYNC_FILES_MAX);
    CHECK_CONTAINS(text_string(&fake.response), "\"leftForNextRunCount\":1");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "Left for the next run: 1");
    check_manners();
}

/* The host lists the first 100,000. */
static void test_a_listing_that_is_not_whole_is_gone_on_with(void)
{
    world_of_three();
    fake_fail("file.next", 3, SLUICE_LIMIT, "more than 100000 files");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 0);
    check_manners();
    CHECK_EQ_INT(fake.state_counts[SLUICE_FILE_TRANSFERRED], 2);
    CHECK_CONTAINS(text_string(&fake.response), "\"leftForNextRunCount\":1");
    CHECK_CONTAINS(text_string(&fake.mails[0].body), "Left for the next run: at least 1 files");

    world_of_three();
    fake_fail("file.next", 1, SLUICE_LIMIT, "more than 100000 files");
    CHECK_EQ_INT(customer_sync_ftp_transfer_main(), 1);
    CHECK_EQ_TEXT(text_string(&fake.fault_code), "limit");
}

CHECK_MAIN(TEST(test_entries_that_were_not_understood_are_told),
           TEST(test_file_that_vanishes_before_it_is_read_does_not_stop_the_run),
           TEST(test_missing_target_stops_the_run),
           TEST(test_size_that_was_not_listed_is_learnt_when_it_is_opened),
           TEST(test_number_of_files_is_bounded),
           TEST(test_a_listing_that_is_not_whole_is_gone_on_with))
