/* SPDX-License-Identifier: MIT */
/* Sets of customisations; see filter.h. */
#include "capability/filter.h"

#include <stdlib.h>
#include <string.h>

struct filter_set *filter_set_new(const char *flow)
{
    struct filter_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    atomic_init(&set->holders, 1);
    set->flow = strdup(flow);
    if (set->flow)
        return set;
    filter_set_release(set);
    return NULL;
}

struct filter_set *filter_set_hold(struct filter_set *set)
{
    if (set)
        atomic_fetch_add(&set->holders, 1);
    return set;
}

void filter_set_release(struct filter_set *set)
{
    if (!set || atomic_fetch_sub(&set->holders, 1) != 1)
        return;
    for (size_t i = 0; i < set->count; i++) {
        free(set->filters[i].point);
        free(set->filters[i].name);
    }
    free(set->filters);
    free(set->flow);
    free(set);
}

struct filter *filter_set_add(struct filter_set *set, const char *point, const char *name)
{
    struct filter *grown = realloc(set->filters, (set->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    set->filters = grown;
    struct filter *filter = &grown[set->count++];
    *filter = (struct filter){.point = strdup(point), .name = strdup(name)};
    return filter->point && filter->name ? filter : NULL;
}

const struct filter *filter_next(const struct filter_set *set, const char *point,
                                 const struct filter *previous)
{
    size_t index = previous ? (size_t)(previous - set->filters) + 1 : 0;
    for (; set && index < set->count; index++)
        if (strcmp(set->filters[index].point, point) == 0)
            return &set->filters[index];
    return NULL;
}

/* What was refused when the set was made is found under no digest later. */
static const char no_digest[] = "0000000000000000000000000000000000000000000000000000000000000000";
_Static_assert(sizeof no_digest == FILTER_DIGEST_SIZE, "as long as one");

void filter_set_text(const struct filter_set *set, const char *point, struct buf *out)
{
    for (size_t i = 0; set && i < set->count; i++) {
        const struct filter *filter = &set->filters[i];
        if (!point || strcmp(filter->point, point) == 0)
            buf_printf(out, "%s %s %s %s\n", set->flow, filter->point, filter->name,
                       filter->module ? filter->digest : no_digest);
    }
}

/* Ends the word at *at with a NUL and gives the word behind it; NULL: there is none. */
static char *next_word(char *at)
{
    char *blank = strchr(at, ' ');
    if (!blank || blank == at || !blank[1])
        return NULL;
    *blank = '\0';
    return blank + 1;
}

bool filter_line_next(const char **text, struct filter_line *line)
{
    const char *newline = strchr(*text, '\n');
    size_t size = newline ? (size_t)(newline - *text) : 0;
    if (size == 0 || size >= sizeof line->words)
        return false;
    memcpy(line->words, *text, size);
    line->words[size] = '\0';
    char *point = next_word(line->words), *name = point ? next_word(point) : NULL;
    char *digest = name ? next_word(name) : NULL;
    if (!digest || strlen(digest) != FILTER_DIGEST_SIZE - 1 ||
        strspn(digest, "0123456789abcdef") != FILTER_DIGEST_SIZE - 1)
        return false;
    line->flow = line->words;
    line->point = point;
    line->name = name;
    line->digest = digest;
    *text = newline + 1;
    return true;
}
