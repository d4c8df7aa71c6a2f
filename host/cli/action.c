/* SPDX-License-Identifier: MIT */
/* See action.h. */
#include "cli/action.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define KNOWN_SIZE_MAX 512

static const struct action *action_at(const void *actions, size_t size, size_t index)
{
    return (const void *)((const char *)actions + index * size);
}

static void tell_unknown(struct cli *cli, const struct command *command, const char *name,
                         const char *const names[], size_t count)
{
    struct buf known;
    buf_init(&known, KNOWN_SIZE_MAX);
    for (size_t i = 0; i < count; i++)
        buf_printf(&known, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
    const char *nearest = text_nearest(name, names, count);
    cli_usage(cli, command, "'%s' does not know '%s'%s%s%s; it knows %s", command->name, name,
              nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "",
              buf_text(&known));
    buf_release(&known);
}

size_t action_find(struct cli *cli, const struct command *command, const struct arguments *arguments,
                   const void *actions, size_t size, size_t count)
{
    const char *names[ACTIONS_MAX];
    const char *name = arguments->word_count ? arguments->words[0]
                                             : action_at(actions, size, 0)->name;
    size_t words = arguments->word_count ? arguments->word_count - 1 : 0, index = count;
    for (size_t i = 0; i < count; i++) {
        names[i] = action_at(actions, size, i)->name;
        if (strcmp(names[i], name) == 0)
            index = i;
    }
    if (index == count) {
        tell_unknown(cli, command, name, names, count);
        return count;
    }
    const struct action *found = action_at(actions, size, index);
    if (words >= found->words_min && words <= found->words_max)
        return index;
    cli_usage(cli, command, "usage: sluice %s %s", command->name, found->usage);
    return count;
}
