/* SPDX-License-Identifier: MIT */
/* Guest output as activity rows; see log.h. */
#include "capability/log.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "capability/execution.h"
#include "capability/journal.h"
#include "capability/watch.h"

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

static void write_row(struct execution *execution, const char *result, const char *text)
{
    struct activity activity = {
        .at_ms = clock_wall_ms(), .import = "log", .result = result, .detail = text};
    if (!journal_is_replaying(execution->journal))
        store_activity(execution->environment->store, execution->instance, &activity);
    watch_line(execution->watch, text);
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

static void end_line(struct execution *execution)
{
    struct buf *line = &execution->line;
    if (line->size == EXECUTION_LINE_MAX)
        drop_partial_character(line);
    execution->log_lines++;
    if (execution->log_lines == execution->manifest->log_lines + 1)
        write_row(execution, "limit",
                  "log limit of the flow reached: what it writes from here on is dropped");
    if (execution->log_lines <= execution->manifest->log_lines) {
        if (line->data)
            make_printable(line->data, line->size);
        write_row(execution, "ok", buf_text(line));
    }
    buf_clear(line);
}

void execution_flush_line(struct execution *execution)
{
    if (execution->line.size > 0 || execution->line.failed)
        end_line(execution);
}

void log_guest_output(struct execution *execution, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        size_t room = EXECUTION_LINE_MAX - execution->line.size;
        buf_append(&execution->line, bytes, length < room ? length : room);
        if (newline)
            end_line(execution);
        size -= length + (newline != NULL);
        bytes += length + (newline != NULL);
    }
}
