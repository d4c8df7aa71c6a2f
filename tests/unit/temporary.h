/* SPDX-License-Identifier: MIT */
/* A temporary folder per test and files in it, in TMPDIR; removed again by temporary_remove. */
#ifndef TESTS_TEMPORARY_H
#define TESTS_TEMPORARY_H
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

struct temporary {
    char folder[64];
};

/* A name for mkdtemp or mkstemp. */
static inline void temporary_name(char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/sluice-test-XXXXXX", folder ? folder : "/tmp");
}

static inline struct temporary temporary_make(void)
{
    struct temporary temporary;
    temporary_name(temporary.folder, sizeof temporary.folder);
    CHECK(mkdtemp(temporary.folder) != NULL);
    return temporary;
}

static inline int temporary_visit(const char *path, const struct stat *status, int flag,
                                  struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

static inline void temporary_remove(struct temporary *temporary)
{
    nftw(temporary->folder, temporary_visit, 16, FTW_DEPTH | FTW_PHYS);
}

/* folder/name as text that stays valid until the fourth next call. */
static inline const char *temporary_path(const struct temporary *temporary, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", temporary->folder, name);
    return path;
}

static inline void temporary_write(const struct temporary *temporary, const char *name,
                                   const char *text)
{
    FILE *file = fopen(temporary_path(temporary, name), "w");
    CHECK(file != NULL);
    if (!file)
        return;
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}
#endif
