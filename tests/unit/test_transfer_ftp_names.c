/* SPDX-License-Identifier: MIT */
/* Names and folders that may be sent, names that are invented, and the dialogue with a server. */
#include "transfer/remote_name.h"

#include <fnmatch.h>

#include "check.h"
#include "transfer/content_server.h"
#include "transfer/ftp_dialogue.h"

static void test_name_faults(void)
{
    static const struct {
        const char *name;
        size_t size;
        bool is_safe;
    } cases[] = {
        {"a.csv", 5, true},  {" a ", 3, true},    {"...", 3, true},    {"..a", 3, true},
        {"-rf", 3, true},    {"\xe4", 1, true},   {"a%00;b", 6, true}, {"", 0, false},
        {".", 1, false},     {"..", 2, false},    {"a/b", 3, false},   {"/a", 2, false},
        {"a\\b", 3, false},  {"a\nb", 3, false},  {"a\rb", 3, false},  {"a\0b", 3, false},
        {"a\x1f", 2, false}, {"a\x7f", 2, false}, {"\t", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ_INT(name_fault(cases[i].name, cases[i].size) == NULL, cases[i].is_safe);
    }
}

static void test_name_size_limit(void)
{
    char name[NAME_SIZE_MAX + 2];
    struct error err;
    memset(name, 'n', sizeof name);
    name[NAME_SIZE_MAX] = '\0';
    CHECK_OK(name_check(name, NAME_SIZE_MAX, &err), &err);
    name[NAME_SIZE_MAX] = 'n';
    name[NAME_SIZE_MAX + 1] = '\0';
    CHECK_FAILS(name_check(name, NAME_SIZE_MAX, &err), &err, ERROR_LIMIT);
}

static void test_error_shows_no_control_bytes(void)
{
    struct error err;
    CHECK_FAILS(name_check("a\r\nDELE b", NAME_SIZE_MAX, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "a??DELE b");
}

static void test_folders(void)
{
    struct error err;
    static const char *const good[] = {"", "/", "/a/b", "a/b/", "/a//b", "..a/b..", "/a b/ä"};
    static const char *const bad[] = {"..", "/..", "/a/../b", "a/..", "a\nb", "a\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK_OK(folder_check(good[i], &err), &err);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_FAILS(folder_check(bad[i], &err), &err, ERROR_INVALID);
    char folder[FOLDER_SIZE_MAX + 2];
    memset(folder, 'f', sizeof folder);
    folder[FOLDER_SIZE_MAX] = '\0';
    CHECK_OK(folder_check(folder, &err), &err);
    folder[FOLDER_SIZE_MAX] = 'f';
    folder[FOLDER_SIZE_MAX + 1] = '\0';
    CHECK_FAILS(folder_check(folder, &err), &err, ERROR_LIMIT);
}

static void test_temporary_names(void)
{
    char first[TEMPORARY_NAME_SIZE], second[TEMPORARY_NAME_SIZE], odd[TEMPORARY_NAME_SIZE];
    temporary_name("01J-abc", first);
    temporary_name("01J-abc", second);
    CHECK(strcmp(first, second) != 0);
    CHECK(strncmp(first, "sluice-01J-abc-", 15) == 0);
    CHECK(fnmatch("C1-*", first, 0) != 0);
    CHECK(fnmatch("*.csv*", first, 0) != 0);
    temporary_name("../C1-\r\nx", odd);
    CHECK(name_fault(odd, strlen(odd)) == NULL);
    CHECK(strncmp(odd, "sluice----C1---x-", 17) == 0);
    char instance[200];
    memset(instance, 'i', sizeof instance);
    instance[sizeof instance - 1] = '\0';
    CHECK(strlen(temporary_name(instance, odd)) < TEMPORARY_NAME_SIZE - 1);
    CHECK_CONTAINS(odd, ".part");
    CHECK_CONTAINS(temporary_name(NULL, odd), "sluice-x-");
    CHECK_CONTAINS(temporary_name("", odd), "sluice-x-");
}

static void test_conflict_names(void)
{
    static const struct {
        const char *name;
        unsigned number;
        const char *expected;
    } cases[] = {
        {"a.csv", 1, "a.csv"},
        {"a.csv", 2, "a-2.csv"},
        {"a.csv.zip", 99, "a-99.csv.zip"},
        {"a", 3, "a-3"},
        {".hidden", 2, ".hidden-2"},
        {"a.b.c", 2, "a.b-2.c"},
        {".csv.zip", 2, ".csv-2.zip"},
        {"a.csv.", 2, "a-2.csv."},
    };
    char out[REMOTE_NAME_SIZE_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(conflict_name(cases[i].name, cases[i].number, NAME_SIZE_MAX, out));
        CHECK_EQ_TEXT(out, cases[i].expected);
    }
    char name[NAME_SIZE_MAX + 1];
    memset(name, 'n', sizeof name);
    name[NAME_SIZE_MAX - 2] = '\0';
    CHECK(conflict_name(name, 2, NAME_SIZE_MAX, out));
    name[NAME_SIZE_MAX - 2] = 'n';
    name[NAME_SIZE_MAX - 1] = '\0';
    CHECK(!conflict_name(name, 2, NAME_SIZE_MAX, out));
}

static void say(struct ftp_dialogue *dialogue, curl_infotype type, const char *text)
{
    char line[512];
    snprintf(line, sizeof line, "%s", text);
    dialogue_note(NULL, type, line, strlen(line), dialogue);
}

static void test_dialogue(void)
{
    static struct ftp_dialogue dialogue;
    dialogue_clear(&dialogue);
    CHECK(dialogue_last(&dialogue) == NULL);
    say(&dialogue, CURLINFO_HEADER_IN, "220-welcome\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "220 ready\r\n");
    say(&dialogue, CURLINFO_HEADER_OUT, "PASS secret word\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "230 in\r\n");
    say(&dialogue, CURLINFO_HEADER_OUT, "FEAT\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "211-Features:\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, " MLST type*;size*;\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "211 End\r\n");
    say(&dialogue, CURLINFO_HEADER_OUT, "SIZE a\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "213 18446\r\n");
    say(&dialogue, CURLINFO_HEADER_OUT, "size b\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "550 No \x1b[2Jsuch file\r\n");
    say(&dialogue, CURLINFO_HEADER_OUT, "STOR c\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "150 go\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "226 done\r\n");
    say(&dialogue, CURLINFO_HEADER_OUT, "RNTO d\r\n");
    uint64_t size;
    CHECK_EQ_INT(dialogue_find(&dialogue, "", 0)->code, 220);
    CHECK(exchange_number(dialogue_find(&dialogue, "SIZE", 0), &size) && size == 18446);
    CHECK(!exchange_number(dialogue_find(&dialogue, "SIZE", 1), &size));
    CHECK_EQ_TEXT(dialogue_find(&dialogue, "SIZE", 1)->text, "No  [2Jsuch file");
    CHECK(dialogue_find(&dialogue, "SIZE", 2) == NULL);
    CHECK_EQ_INT(dialogue_find(&dialogue, "STOR", 0)->code_first, 150);
    CHECK_EQ_INT(dialogue_find(&dialogue, "STOR", 0)->code, 226);
    CHECK_EQ_INT(dialogue_find(&dialogue, "RNTO", 0)->code, 0);
    CHECK_EQ_INT(dialogue_last(&dialogue)->code, 226);
    CHECK_EQ_INT(dialogue.has_mlsd, FTP_YES);
    CHECK(memmem(&dialogue, sizeof dialogue, "secret", 6) == NULL);
    dialogue_clear(&dialogue);
    CHECK_EQ_INT(dialogue.has_mlsd, FTP_YES);
    CHECK(dialogue_last(&dialogue) == NULL);
}

static void test_dialogue_is_bounded(void)
{
    static struct ftp_dialogue dialogue;
    dialogue_clear(&dialogue);
    for (int i = 0; i < 3 * DIALOGUE_EXCHANGES_MAX; i++) {
        say(&dialogue, CURLINFO_HEADER_OUT, "NOOPNOOPNOOP\r\n");
        say(&dialogue, CURLINFO_HEADER_IN, "200 ok\r\n");
    }
    say(&dialogue, CURLINFO_HEADER_OUT, "RNTO x\r\n");
    say(&dialogue, CURLINFO_HEADER_IN, "553 no\r\n");
    CHECK_EQ_INT(dialogue.count, DIALOGUE_EXCHANGES_MAX);
    CHECK_EQ_INT(dialogue_last(&dialogue)->code, 553);
    char long_line[1000];
    memset(long_line, 'x', sizeof long_line);
    memcpy(long_line, "550 ", 4);
    dialogue_note(NULL, CURLINFO_HEADER_IN, long_line, sizeof long_line, &dialogue);
    CHECK_EQ_INT(strlen(dialogue_last(&dialogue)->text), DIALOGUE_TEXT_SIZE - 1);
    dialogue_note(NULL, CURLINFO_HEADER_IN, long_line, 0, &dialogue);
    dialogue_note(NULL, CURLINFO_HEADER_OUT, long_line, 0, &dialogue);
}

static void test_size_answers(void)
{
    static const struct {
        int code;
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {{213, "0", true, 0},
                 {213, " 12", true, 12},
                 {213, "12 bytes", true, 12},
                 {213, "", false, 0},
                 {213, "12x", false, 0},
                 {213, "-1", false, 0},
                 {213, "999999999999999999", true, 999999999999999999u},
                 {213, "9999999999999999999", false, 0},
                 {250, "12", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ftp_exchange exchange = {.code = cases[i].code};
        snprintf(exchange.text, sizeof exchange.text, "%s", cases[i].text);
        uint64_t value = 0;
        bool ok = exchange_number(&exchange, &value);
        CHECK_EQ_INT(ok, cases[i].ok);
        if (ok && cases[i].ok)
            CHECK_EQ_INT(value, cases[i].value);
    }
}

CHECK_MAIN(TEST(test_name_faults), TEST(test_name_size_limit),
           TEST(test_error_shows_no_control_bytes), TEST(test_folders), TEST(test_temporary_names),
           TEST(test_conflict_names), TEST(test_dialogue), TEST(test_dialogue_is_bounded),
           TEST(test_size_answers))
