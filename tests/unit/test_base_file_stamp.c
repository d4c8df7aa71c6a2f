/* SPDX-License-Identifier: MIT */
#include "base/file_stamp.h"

#include "check.h"
#include "temporary.h"

static bool changed(struct file_stamp *old, const char *path)
{
    struct file_stamp now = file_stamp_of(path);
    bool same = file_stamp_same(old, &now);
    *old = now;
    return !same;
}

static void every_way_of_changing_is_seen(void)
{
    struct temporary place = temporary_make();
    const char *path = temporary_path(&place, "link"), *other = temporary_path(&place, "other");
    struct file_stamp stamp = file_stamp_of(path), nothing = {0};
    CHECK(file_stamp_same(&stamp, &nothing));
    temporary_write(&place, "file", "one");
    CHECK(symlink("file", path) == 0);
    CHECK(changed(&stamp, path));
    CHECK(!changed(&stamp, path));
    temporary_write(&place, "file", "three");
    CHECK(changed(&stamp, path));
    temporary_write(&place, "other", "three");
    CHECK(rename(other, temporary_path(&place, "file")) == 0);
    CHECK(changed(&stamp, path));
    temporary_write(&place, "next", "three");
    CHECK(unlink(path) == 0 && symlink("next", path) == 0);
    CHECK(changed(&stamp, path));
    CHECK(unlink(path) == 0);
    CHECK(changed(&stamp, path));
    temporary_remove(&place);
}

CHECK_MAIN(TEST(every_way_of_changing_is_seen))
