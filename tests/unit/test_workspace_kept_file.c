/* SPDX-License-Identifier: MIT */
/* Files that instances need: what marks them as used, and which of them go. */
#include <fcntl.h>

#include "base/clock.h"
#include "base/file.h"
#include "check.h"
#include "unit/temporary.h"
#include "workspace/kept_file.h"

#define HOUR_MS 3600000

struct needed {
    const char *digest; /* by some instance */
    int questions;
};

static bool is_needed(void *context, const char *digest, bool *answer, struct error *err)
{
    struct needed *needed = context;
    needed->questions++;
    if (!needed->digest)
        return error_set(err, ERROR_UNAVAILABLE, "the store is away");
    *answer = strcmp(needed->digest, digest) == 0;
    return true;
}

static void set_age(const char *path, int64_t age_ms)
{
    int64_t at_ms = clock_wall_ms() - age_ms;
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    CHECK_EQ_INT(utimensat(AT_FDCWD, path, (struct timespec[]){at, at}, 0), 0);
}

static int64_t age_of(const char *path)
{
    struct stat status;
    CHECK_EQ_INT(stat(path, &status), 0);
    return clock_wall_ms() - ((int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000);
}

/* Caller frees. */
static char *keep(const struct temporary *temporary, const char *digest, int64_t age_ms)
{
    struct error err = {0};
    char *path = kept_file_path(temporary->folder, digest, "wasm");
    CHECK(path);
    CHECK(!kept_file_use(path));
    CHECK_OK(kept_file_write(path, digest, strlen(digest), &err), &err);
    set_age(path, age_ms);
    return path;
}

static void using_it_marks_it(void)
{
    struct temporary temporary = temporary_make();
    char *path = keep(&temporary, "aa", KEPT_FILE_STALE_MS - 60000);
    CHECK(kept_file_use(path));
    CHECK(age_of(path) >= KEPT_FILE_STALE_MS - 60000); /* soon enough */
    set_age(path, KEPT_FILE_STALE_MS + 1);
    CHECK(kept_file_use(path));
    CHECK(age_of(path) < 60000);
    free(path);
    temporary_remove(&temporary);
}

static void what_is_written_is_private_and_whole(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct stat status;
    struct buf text;
    char *path = keep(&temporary, "aa", 0);
    CHECK_EQ_TEXT(path + strlen(temporary.folder), "/modules/aa.wasm");
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    buf_init(&text, 16);
    CHECK_OK(file_read(path, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "aa");
    buf_release(&text);
    free(path);
    temporary_remove(&temporary);
}

static void only_what_is_old_and_needed_by_none_goes(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct needed needed = {.digest = "needed"};
    size_t deleted = 7;
    int64_t oldest_ms = clock_wall_ms() - 10 * HOUR_MS, limit_ms = 10 * HOUR_MS + KEPT_FILE_MARGIN_MS;
    CHECK_OK(kept_file_prune(temporary.folder, oldest_ms, is_needed, &needed, &deleted, &err), &err);
    CHECK_EQ_INT(deleted, 0); /* there is no folder yet */
    char *old = keep(&temporary, "old", limit_ms + 60000);
    char *young = keep(&temporary, "young", limit_ms - 60000);
    char *used = keep(&temporary, "needed", limit_ms + 60000);
    CHECK_OK(kept_file_prune(temporary.folder, oldest_ms, is_needed, &needed, &deleted, &err), &err);
    CHECK_EQ_INT(deleted, 1);
    CHECK(!file_exists(old) && file_exists(young) && file_exists(used));
    CHECK_EQ_INT(needed.questions, 2); /* the young one's was not asked */
    CHECK_OK(kept_file_prune(temporary.folder, INT64_MAX, is_needed, &needed, &deleted, &err), &err);
    CHECK_EQ_INT(deleted, 1); /* of an empty store: a day */
    CHECK(!file_exists(young) && file_exists(used));
    free(old);
    free(young);
    free(used);
    temporary_remove(&temporary);
}

static void what_was_compiled_goes_uncounted(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct needed needed = {.digest = "none"};
    size_t deleted = 7;
    char *path = kept_file_path(temporary.folder, "aa", "so.sha256");
    CHECK_OK(kept_file_write(path, "x", 1, &err), &err);
    set_age(path, KEPT_FILE_MARGIN_MS + 60000);
    CHECK_OK(kept_file_prune(temporary.folder, INT64_MAX, is_needed, &needed, &deleted, &err), &err);
    CHECK_EQ_INT(deleted, 0);
    CHECK(!file_exists(path));
    free(path);
    temporary_remove(&temporary);
}

static void nothing_goes_when_nobody_can_say(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct needed needed = {.digest = NULL};
    size_t deleted = 7;
    char *path = keep(&temporary, "old", 2 * KEPT_FILE_MARGIN_MS);
    CHECK_FAILS(kept_file_prune(temporary.folder, INT64_MAX, is_needed, &needed, &deleted, &err), &err,
                ERROR_UNAVAILABLE);
    CHECK(file_exists(path));
    CHECK_EQ_INT(deleted, 0);
    free(path);
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(using_it_marks_it), TEST(what_is_written_is_private_and_whole),
           TEST(only_what_is_old_and_needed_by_none_goes), TEST(what_was_compiled_goes_uncounted),
           TEST(nothing_goes_when_nobody_can_say))
