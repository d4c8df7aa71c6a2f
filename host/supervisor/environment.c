/* SPDX-License-Identifier: MIT */
/* See environment.h. */
#include "supervisor/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
#define BLOCK_SIZE_MAX (256u << 10)

_Static_assert(ENVIRONMENT_FILE_VARIABLES_MAX + 9 + 3 <= ENVIRONMENT_VARIABLES_MAX, "all fit");

/* Variables of the supervisor's environment that are passed on. */
static const char *const passed[] = {"PATH", "TZ", "LANG", "LC_ALL", "SLUICE_FUNCTIONS",
                                     "SLUICE_NODE", "SLUICE_WASM2C", "SLUICE_CC",
                                     "SLUICE_WASM_RT"};

static void add(struct environment_block *out, const char *variable, size_t size)
{
    buf_append(&out->text, variable, size);
    buf_append_char(&out->text, '\0');
    out->count++;
}

static void add_pair(struct environment_block *out, const char *name, const char *value)
{
    buf_printf(&out->text, "%s=%s", name, value);
    buf_append_char(&out->text, '\0');
    out->count++;
}

static void add_passed(struct environment_block *out, char *const *own)
{
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const size_t size = strlen(passed[i]);
        char *const *at = own;
        while (*at && (strncmp(*at, passed[i], size) != 0 || (*at)[size] != '='))
            at++;
        if (*at) /* whoever started this one may have given a name more than once */
            add(out, *at, strlen(*at));
    }
}

static bool add_line(struct environment_block *out, const char *file, int number, const char *line,
                     size_t size, struct error *err)
{
    const char *name = strrchr(file, '/');
    const char *equals = memchr(line, '=', size);
    const size_t name_size = equals ? (size_t)(equals - line) : 0;
    if (size == 0 || line[0] == '#')
        return true;
    if (name_size == 0 || strspn(line, NAME_CHARACTERS) != name_size ||
        (line[0] >= '0' && line[0] <= '9') || memchr(line, '\r', size))
        return error_set(err, ERROR_INVALID, "%s:%d: expected NAME=VALUE, or a comment that begins "
                         "with '#'", name ? name + 1 : file, number);
    if (out->count == ENVIRONMENT_FILE_VARIABLES_MAX)
        return error_set(err, ERROR_LIMIT, "%s:%d: more than %d variables", name ? name + 1 : file,
                         number, ENVIRONMENT_FILE_VARIABLES_MAX);
    add(out, line, size);
    return true;
}

static bool add_lines(struct environment_block *out, const char *file, const struct buf *text,
                      struct error *err)
{
    const char *line = buf_text(text);
    if (strlen(line) != text->size)
        return error_set(err, ERROR_INVALID, "'%s' holds a NUL character", file);
    for (int number = 1; *line; number++) {
        const size_t size = strcspn(line, "\n");
        if (!add_line(out, file, number, line, size, err))
            return false;
        line += size;
        line += *line == '\n';
    }
    return true;
}

/* It holds secrets, and what it sets decides what the process does. */
static bool check_owner(const char *file, struct error *err)
{
    struct stat status;
    if (lstat(file, &status) != 0)
        return error_errno(err, ERROR_DENIED, errno, "cannot look at '%s'", file);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_DENIED, "'%s' is no plain file", file);
    if ((status.st_uid == 0 || status.st_uid == geteuid()) &&
        (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    return error_set(err, ERROR_DENIED, "'%s' must belong to root or you, and nobody else may read it "
                     "(chmod 600)", file);
}

static bool add_file(struct environment_block *out, const char *file, struct error *err)
{
    struct buf text;
    if (!file_exists(file))
        return true;
    buf_init(&text, ENVIRONMENT_SIZE_MAX);
    const bool ok = check_owner(file, err) && file_read(file, &text, err) &&
                    add_lines(out, file, &text, err);
    buf_release(&text);
    return ok;
}

bool environment_make(struct environment_block *out, char *const *own, const char *user,
                      const char *home, const char *file, struct error *err)
{
    *out = (struct environment_block){.count = 0};
    buf_init(&out->text, BLOCK_SIZE_MAX);
    if (!add_file(out, file, err)) { /* first: of two of one name the first is found */
        environment_release(out);
        return false;
    }
    add_passed(out, own);
    add_pair(out, "USER", user);
    add_pair(out, "LOGNAME", user);
    add_pair(out, "HOME", home);
    if (out->text.failed) {
        environment_release(out);
        return error_set(err, ERROR_LIMIT, "the environment is larger than %u bytes", BLOCK_SIZE_MAX);
    }
    char *at = out->text.data;
    for (size_t i = 0; i < out->count; i++, at += strlen(at) + 1)
        out->variables[i] = at;
    out->variables[out->count] = NULL;
    return true;
}

void environment_release(struct environment_block *block)
{
    buf_release(&block->text);
}
