/* SPDX-License-Identifier: MIT */
#include "base/file_watch.h"

#include "check.h"
#include "temporary.h"

static void changes_are_told_once(void)
{
    struct temporary place = temporary_make();
    struct file_watch watch = {0};
    struct error err = {0};
    temporary_write(&place, "a", "1");
    CHECK_OK(file_watch_add(&watch, temporary_path(&place, "a"), &err), &err);
    CHECK_OK(file_watch_add(&watch, temporary_path(&place, "b"), &err), &err);
    CHECK_OK(file_watch_add(&watch, NULL, &err), &err);
    CHECK(!file_watch_changed(&watch));
    temporary_write(&place, "a", "22");
    CHECK(file_watch_changed(&watch));
    CHECK(!file_watch_changed(&watch));
    temporary_write(&place, "b", "comes");
    CHECK(file_watch_changed(&watch));
    CHECK(unlink(temporary_path(&place, "a")) == 0);
    CHECK(file_watch_changed(&watch));
    CHECK(!file_watch_changed(&watch));
    file_watch_release(&watch);
    temporary_remove(&place);
}

static void files_hold_at_n_and_n_plus_1(void)
{
    struct file_watch watch = {0};
    struct error err = {0};
    for (unsigned i = 0; i < FILE_WATCH_MAX; i++)
        CHECK_OK(file_watch_add(&watch, "/nonexistent", &err), &err);
    CHECK_FAILS(file_watch_add(&watch, "/nonexistent", &err), &err, ERROR_LIMIT);
    file_watch_release(&watch);
}

CHECK_MAIN(TEST(changes_are_told_once), TEST(files_hold_at_n_and_n_plus_1))
