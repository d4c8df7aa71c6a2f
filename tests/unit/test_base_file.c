/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "temporary.h"

static char folder[64];

static void a_file_written_is_read_back(void)
{
    struct error err;
    char *path = file_join(folder, "a");
    struct buf text;
    buf_init(&text, 5);
    CHECK_OK(file_write(path, "12345", 5, 0600, &err), &err);
    CHECK_OK(file_read(path, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "12345");
    struct stat status;
    CHECK(stat(path, &status) == 0);
    CHECK_EQ_INT(status.st_mode & 0777, 0600);
    buf_release(&text);
    free(path);
}

static void a_file_over_the_ceiling_is_refused(void)
{
    struct error err;
    char *path = file_join(folder, "b");
    struct buf text;
    buf_init(&text, 5);
    CHECK_OK(file_write(path, "123456", 6, 0600, &err), &err);
    CHECK_FAILS(file_read(path, &text, &err), &err, ERROR_LIMIT);
    CHECK_CONTAINS(err.message, "larger than 5 bytes");
    buf_release(&text);
    free(path);
}

static void missing_files_and_folders_are_told_apart(void)
{
    struct error err;
    struct buf text;
    buf_init(&text, 5);
    CHECK_FAILS(file_read("/nonexistent/file", &text, &err), &err, ERROR_NOT_FOUND);
    CHECK_FAILS(file_read(folder, &text, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "not a regular file");
    buf_release(&text);
}

static void folders_are_made_with_their_parents(void)
{
    struct error err;
    char *path = file_join(folder, "x/y/z");
    CHECK(path != NULL);
    CHECK_OK(file_make_folder(path, &err), &err);
    CHECK_OK(file_make_folder(path, &err), &err);
    CHECK(file_exists(path));
    free(path);
}

static void joining_knows_absolute_names(void)
{
    char *path = file_join("a/", "b");
    CHECK_EQ_TEXT(path, "a/b");
    free(path);
    path = file_join("a", "/b");
    CHECK_EQ_TEXT(path, "/b");
    free(path);
}

static void a_failed_write_leaves_the_old_file(void)
{
    struct error err;
    char *path = file_join(folder, "no/such/folder/file");
    CHECK_FAILS(file_write(path, "1", 1, 0600, &err), &err, ERROR_NOT_FOUND);
    free(path);
}

static const struct check_test tests[] = {
    TEST(a_file_written_is_read_back),
    TEST(a_file_over_the_ceiling_is_refused),
    TEST(missing_files_and_folders_are_told_apart),
    TEST(folders_are_made_with_their_parents),
    TEST(joining_knows_absolute_names),
    TEST(a_failed_write_leaves_the_old_file),
};

int main(void)
{
    temporary_name(folder, sizeof folder);
    if (!mkdtemp(folder))
        return 1;
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? status : 1;
}
