/* SPDX-License-Identifier: MIT */
/* Files with names that nobody guesses or reuses; see secret_file.h. */
#include "workspace/secret_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define FOLDER "secrets"
#define RANDOM_SIZE 8

static bool make_folder(const char *folder, struct error *err)
{
    char *path = file_join(folder, FOLDER);
    bool ok = path && (mkdir(path, 0700) == 0 || errno == EEXIST);
    if (!ok)
        error_errno(err, ERROR_DENIED, path ? errno : ENOMEM, "cannot create the folder " FOLDER "/");
    free(path);
    return ok;
}

static bool make_path(const char *owner, char path[static SECRET_FILE_SIZE], struct error *err)
{
    unsigned char random[RANDOM_SIZE];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_errno(err, ERROR_INTERNAL, errno, "no randomness for a file's name");
    int size = snprintf(path, SECRET_FILE_SIZE, FOLDER "/%s.", owner);
    if (size < 0 || (size_t)size + 2 * RANDOM_SIZE >= SECRET_FILE_SIZE)
        return error_set(err, ERROR_LIMIT, "'%.80s' is too long for a file's name", owner);
    for (size_t i = 0; i < RANDOM_SIZE; i++)
        snprintf(path + size + 2 * i, 3, "%02x", random[i]);
    return true;
}

bool secret_file_write(const char *folder, const char *owner, const void *bytes, size_t size,
                       char path[static SECRET_FILE_SIZE], struct error *err)
{
    if (!make_folder(folder, err) || !make_path(owner, path, err))
        return false;
    char *whole = file_join(folder, path);
    bool ok = whole ? file_write(whole, bytes, size, 0600, err)
                    : error_set(err, ERROR_LIMIT, "out of memory");
    free(whole);
    return ok;
}

void secret_file_remove(const char *folder, const char *path)
{
    char *whole = file_join(folder, path);
    if (whole)
        (void)unlink(whole);
    free(whole);
}

static const char *name_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

/* "<owner>." and the random digits, nothing else: another owner's name may begin the same. */
static bool is_owned(const char *name, const char *owner)
{
    size_t size = strlen(owner);
    return strncmp(name, owner, size) == 0 && name[size] == '.' &&
           strspn(name + size + 1, "0123456789abcdef") == 2 * RANDOM_SIZE &&
           name[size + 1 + 2 * RANDOM_SIZE] == '\0';
}

void secret_file_tidy(const char *folder, const char *owner, const char *now, const char *before)
{
    char *path = file_join(folder, FOLDER);
    DIR *listing = path ? opendir(path) : NULL;
    const struct dirent *entry;
    while (listing && (entry = readdir(listing)) != NULL)
        if (is_owned(entry->d_name, owner) && strcmp(entry->d_name, name_of(now)) != 0 &&
            strcmp(entry->d_name, name_of(before)) != 0)
            (void)unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing)
        closedir(listing);
    free(path);
}
