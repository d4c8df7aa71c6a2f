/* SPDX-License-Identifier: MIT */
/* Where a command's log goes and how it looks: options before settings before what is usual. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "workspace/telemetry.h"

static bool choose(const char *option, const char *given, const char *const *words, int *index,
                   struct error *err)
{
    size_t count = 0;
    for (; given && words[count]; count++) {
        if (strcmp(words[count], given) == 0) {
            *index = (int)count;
            return true;
        }
    }
    if (!given)
        return true;
    const char *nearest = text_nearest(given, words, count);
    error_set(err, ERROR_INVALID, "'--%s %.64s': expected %s%s%s%s", option, given,
              words == log_level_words ? "debug, info, warning or error" : "auto, json or text",
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return false;
}

/* Text on standard error is for a terminal or for the journal. */
static enum log_format format_of(enum log_choice choice, bool has_file)
{
    enum log_format usual = has_file ? LOG_JSON : log_format_for(STDERR_FILENO);
    switch (choice) {
    case LOG_CHOICE_JSON:
        return LOG_JSON;
    case LOG_CHOICE_TEXT:
        return usual == LOG_JOURNAL ? LOG_JOURNAL : LOG_TEXT;
    case LOG_CHOICE_AUTO:
    default:
        return usual;
    }
}

bool cli_configure_log(const struct cli *cli, const struct log_settings *settings, struct error *err)
{
    int choice = settings ? (int)settings->format : (int)LOG_CHOICE_AUTO;
    int level = settings ? settings->level : LOG_WARNING;
    const char *file = cli->log_file ? cli->log_file : settings ? settings->file : NULL;
    if (!choose("log-level", cli->log_level, log_level_words, &level, err) ||
        !choose("log-format", cli->log_format, log_choice_words, &choice, err))
        return false;
    bool is_plain = !settings && !cli->log_format && !file;
    log_configure((enum log_level)level,
                  is_plain ? LOG_PLAIN : format_of((enum log_choice)choice, file != NULL),
                  STDERR_FILENO);
    return !file || log_open(file, err);
}
