/* SPDX-License-Identifier: MIT */
/* The difference of two texts, from the longest common subsequence of their lines; see customize.h. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/customize.h"
#include "cli/print.h"

#define CONTEXT 3

struct lines {
    char *text; /* cut at its newlines */
    const char *at[DIFFERENCE_LINES_MAX];
    size_t count;
    bool is_too_long;
};

/* JSON over several lines (with tabs), else the text as it is; a NUL in it ends it. */
static char *lay_out(const char *text, size_t size)
{
    cJSON *document = cJSON_ParseWithLength(text, size);
    char *laid = document ? cJSON_Print(document) : NULL;
    cJSON_Delete(document);
    char *copy = laid ? strdup(laid) : strndup(text ? text : "", size);
    cJSON_free(laid);
    return copy;
}

static void cut(struct lines *lines, const char *text, size_t size)
{
    lines->text = lay_out(text, size);
    for (char *at = lines->text; at && *at;) {
        if (lines->count == DIFFERENCE_LINES_MAX) {
            lines->is_too_long = true;
            return;
        }
        lines->at[lines->count++] = at;
        at += strcspn(at, "\n");
        if (*at)
            *at++ = '\0';
    }
}

/* common[i * width + j]: length of the longest common subsequence of what follows lines i and j. */
static unsigned short *measure(const struct lines *before, const struct lines *after, size_t width)
{
    unsigned short *common = calloc((before->count + 1) * width, sizeof *common);
    for (size_t i = before->count; common && i-- > 0;)
        for (size_t j = after->count; j-- > 0;) {
            unsigned short down = common[(i + 1) * width + j], right = common[i * width + j + 1];
            bool same = strcmp(before->at[i], after->at[j]) == 0;
            common[i * width + j] = same ? (unsigned short)(common[(i + 1) * width + j + 1] + 1)
                                    : down > right ? down
                                                   : right;
        }
    return common;
}

static void print_line(FILE *out, char mark, const char *line)
{
    struct buf text;
    buf_init(&text, strlen(line) * 2);
    for (; *line; line++)
        buf_append(&text, *line == '\t' ? "  " : line, *line == '\t' ? 2 : 1);
    fprintf(out, "%c ", mark);
    print_text(out, buf_text(&text));
    fputc('\n', out);
    buf_release(&text);
}

/* Lines that are the same are shown near a change only. */
static void print_kept(FILE *out, const struct lines *lines, size_t from, size_t to, bool is_first,
                       bool is_last)
{
    size_t head = is_first ? 0 : CONTEXT, tail = is_last ? 0 : CONTEXT;
    for (size_t i = from; i < to; i++) {
        if (i - from < head || to - i <= tail)
            print_line(out, ' ', lines->at[i]);
        else if (i - from == head)
            fputs("  ...\n", out);
    }
}

static void print_changes(FILE *out, const struct lines *before, const struct lines *after,
                          const unsigned short *common, size_t width)
{
    size_t i = 0, j = 0;
    bool is_first = true;
    while (i < before->count || j < after->count) {
        size_t from = i;
        while (i < before->count && j < after->count && strcmp(before->at[i], after->at[j]) == 0)
            i++, j++;
        bool is_last = i == before->count && j == after->count;
        print_kept(out, before, from, i, is_first, is_last);
        is_first = false;
        while ((i < before->count || j < after->count) &&
               !(i < before->count && j < after->count &&
                 strcmp(before->at[i], after->at[j]) == 0)) {
            bool is_removed = j == after->count || (i < before->count && common[(i + 1) * width + j] >=
                                                                             common[i * width + j + 1]);
            print_line(out, is_removed ? '-' : '+', is_removed ? before->at[i++] : after->at[j++]);
        }
    }
}

void difference_print(FILE *out, const char *before, size_t before_size, const char *after,
                      size_t after_size)
{
    struct lines *old = calloc(1, sizeof *old), *new = calloc(1, sizeof *new);
    unsigned short *common = NULL;
    if (old && new) {
        cut(old, before, before_size);
        cut(new, after, after_size);
        bool is_short = !old->is_too_long && !new->is_too_long;
        common = is_short ? measure(old, new, new->count + 1) : NULL;
    }
    if (common)
        print_changes(out, old, new, common, new->count + 1);
    else
        fprintf(out, "%zu bytes became %zu bytes: more than %d lines are not compared\n", before_size,
                after_size, DIFFERENCE_LINES_MAX);
    free(common);
    if (old)
        free(old->text);
    if (new)
        free(new->text);
    free(old);
    free(new);
}
