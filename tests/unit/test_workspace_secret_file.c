/* SPDX-License-Identifier: MIT */
/* Files of secrets: who may read them, and which ones are tidied away. */
#include "base/file.h"
#include "check.h"
#include "unit/temporary.h"
#include "workspace/secret_file.h"

static unsigned mode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (unsigned)status.st_mode & 07777 : 0;
}

/* Not inlined, or the compiler takes all names for one long text. */
__attribute__((noinline)) static bool is_there(const struct temporary *temporary, const char *path)
{
    return file_exists(temporary_path(temporary, path));
}

static void only_the_owner_reads_them(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    char first[SECRET_FILE_SIZE], second[SECRET_FILE_SIZE];
    struct buf text;
    umask(0);
    CHECK_OK(secret_file_write(temporary.folder, "A.password", "one", 3, first, &err), &err);
    CHECK_OK(secret_file_write(temporary.folder, "A.password", "", 0, second, &err), &err);
    CHECK(strncmp(first, "secrets/A.password.", 19) == 0);
    CHECK(strcmp(first, second) != 0);
    CHECK_EQ_INT(mode_of(temporary_path(&temporary, first)), 0600);
    CHECK_EQ_INT(mode_of(temporary_path(&temporary, "secrets")), 0700);
    buf_init(&text, 16);
    CHECK_OK(file_read(temporary_path(&temporary, first), &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "one");
    buf_release(&text);
    secret_file_remove(temporary.folder, first);
    CHECK(!is_there(&temporary, first));
    temporary_remove(&temporary);
}

static void long_owners_are_refused(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    char path[SECRET_FILE_SIZE], owner[SECRET_FILE_SIZE];
    size_t most = SECRET_FILE_SIZE - 1 - strlen("secrets/") - 1 - 16;
    memset(owner, 'x', sizeof owner);
    owner[most] = '\0';
    CHECK_OK(secret_file_write(temporary.folder, owner, "x", 1, path, &err), &err);
    CHECK_EQ_INT(strlen(path), SECRET_FILE_SIZE - 1);
    owner[most] = 'x';
    owner[most + 1] = '\0';
    CHECK_FAILS(secret_file_write(temporary.folder, owner, "x", 1, path, &err), &err, ERROR_LIMIT);
    temporary_remove(&temporary);
}

static void the_two_newest_are_kept(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    char paths[4][SECRET_FILE_SIZE], other[SECRET_FILE_SIZE];
    for (int i = 0; i < 4; i++)
        CHECK_OK(secret_file_write(temporary.folder, "A.key", "x", 1, paths[i], &err), &err);
    CHECK_OK(secret_file_write(temporary.folder, "A.key.more", "x", 1, other, &err), &err);
    temporary_write(&temporary, "secrets/A.key.mine", "x"); /* somebody's own */
    secret_file_tidy(temporary.folder, "A.key", paths[3], paths[2]);
    for (int i = 0; i < 4; i++)
        CHECK(is_there(&temporary, paths[i]) == (i >= 2));
    CHECK(is_there(&temporary, other));
    CHECK(is_there(&temporary, "secrets/A.key.mine"));
    secret_file_tidy(temporary.folder, "A.key", NULL, "elsewhere/name");
    CHECK(!is_there(&temporary, paths[3]));
    secret_file_tidy("/nowhere", "A.key", NULL, NULL);
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(only_the_owner_reads_them), TEST(long_owners_are_refused), TEST(the_two_newest_are_kept))
