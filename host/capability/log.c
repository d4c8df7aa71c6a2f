/* SPDX-License-Identifier: MIT */
/* Guest output as activity rows; see log.h. */
#include "capability/log.h"

#include <string.h>

#include "base/text.h"

static void make_printable(char *text, size_t size)
{
    bool is_utf8 = text_is_utf8(text, size);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F || (byte >= 0x80 && !is_utf8))
            text[i] = '?';
        /* U+0080 to U+009F are control characters to a terminal, too. */
        if (byte == 0xC2 && i + 1 < size && ((unsigned char)text[i + 1] & 0xE0) == 0x80)
            text[i] = text[i + 1] = '?';
    }
}

/* A line cut at the limit may end inside a character, and would then count as no UTF-8 at all. */
static void drop_partial_character(struct buf *line)
{
    size_t kept = line->size;
    for (size_t cut = 0; cut < 4 && kept > 0; cut++, kept--) {
        if (text_is_utf8(line->data, kept)) {
            line->size = kept;
            line->data[kept] = '\0';
            return;
        }
    }
}

static void end_line(struct line_log *log)
{
    struct buf *line = &log->line;
    if (line->size == LOG_LINE_MAX)
        drop_partial_character(line);
    log->lines++;
    if (log->lines == log->lines_max + 1)
        log->write(log->context, "limit",
                   "log limit reached: what is written from here on is dropped");
    if (log->lines <= log->lines_max) {
        if (line->data)
            make_printable(line->data, line->size);
        log->write(log->context, "ok", buf_text(line));
    }
    buf_clear(line);
}

void line_log_init(struct line_log *log, uint64_t lines_max,
                   void (*write)(void *context, const char *result, const char *text),
                   void *context)
{
    *log = (struct line_log){.lines_max = lines_max, .write = write, .context = context};
    buf_init(&log->line, LOG_LINE_MAX);
}

void line_log_release(struct line_log *log)
{
    buf_release(&log->line);
}

void line_log_flush(struct line_log *log)
{
    if (log->line.size > 0 || log->line.failed)
        end_line(log);
}

void line_log_add(struct line_log *log, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        size_t room = LOG_LINE_MAX - log->line.size;
        buf_append(&log->line, bytes, length < room ? length : room);
        if (newline)
            end_line(log);
        size -= length + (newline != NULL);
        bytes += length + (newline != NULL);
    }
}
