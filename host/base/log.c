/* SPDX-License-Identifier: MIT */
/* Log lines; see log.h. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

static struct {
    enum log_level level;
    bool json;
    int fd;
} settings = {.level = LOG_INFO, .json = false, .fd = STDERR_FILENO};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_configure(enum log_level level, bool json, int fd)
{
    settings.level = level;
    settings.json = json;
    settings.fd = fd;
}

static void append_json(struct buf *line, enum log_level level, const char *instance,
                        const char *message)
{
    char time_text[CLOCK_TEXT_SIZE];
    buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",",
               clock_format_ms(clock_wall_ms(), time_text), level_names[level]);
    if (instance)
        buf_printf(line, "\"instance\":\"%s\",", instance);
    buf_append_text(line, "\"message\":");
    json_append_text(line, message, strlen(message));
    buf_append_text(line, "}\n");
}

static void append_plain(struct buf *line, enum log_level level, const char *instance,
                         const char *message)
{
    if (level != LOG_INFO)
        buf_printf(line, "%s: ", level_names[level]);
    if (instance)
        buf_printf(line, "[%s] ", instance);
    for (const char *at = message; *at; at++)
        buf_append_char(line, (unsigned char)*at < 0x20 || *at == 0x7F ? '?' : *at);
    buf_append_char(line, '\n');
}

void log_line(enum log_level level, const char *instance, const char *format, ...)
{
    if (level < settings.level)
        return;
    char message[LOG_LINE_SIZE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct buf line;
    buf_init(&line, (size_t)LOG_LINE_SIZE_MAX * 8);
    if (settings.json)
        append_json(&line, level, instance, message);
    else
        append_plain(&line, level, instance, message);
    ssize_t written = write(settings.fd, buf_text(&line), line.size);
    (void)written; /* a log that cannot be written has nobody left to tell */
    buf_release(&line);
}
