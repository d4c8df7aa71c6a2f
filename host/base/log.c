/* SPDX-License-Identifier: MIT */
/* What a log line looks like; see log.h. */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log_sink.h"

/* A text of control bytes grows sixfold in JSON; 64 is for a key and what stands around it. */
_Static_assert(6 * LOG_LINE_SIZE_MAX + LOG_FIELDS_MAX * (6 * LOG_FIELD_SIZE_MAX + 64) + 512 <=
                   LOG_SINK_LINE_MAX, "every line fits");

static struct {
    enum log_level level;
    enum log_format format;
} settings = {.level = LOG_INFO, .format = LOG_PLAIN};

static _Thread_local struct log_scope *scope;

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const int journal_priorities[] = {7, 6, 4, 3}; /* of syslog(3), which sd-daemon(3) takes over */

void log_configure(enum log_level level, enum log_format format, int fd)
{
    settings.level = level;
    settings.format = format;
    log_sink_use(fd);
}

/* systemd tells device and inode of the journal's socket in $JOURNAL_STREAM. */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat about;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &about) == 0 &&
           about.st_dev == (dev_t)device && about.st_ino == (ino_t)inode;
}

enum log_format log_format_for(int fd)
{
    if (is_journal(fd))
        return LOG_JOURNAL;
    return isatty(fd) ? LOG_TEXT : LOG_JSON;
}

void log_enter(struct log_scope *entered, const char *instance, const char *trace)
{
    *entered = (struct log_scope){.instance = instance, .trace = trace, .outer = scope};
    scope = entered;
}

void log_leave(struct log_scope *left)
{
    scope = left->outer;
}

bool log_wants(enum log_level level)
{
    return level >= settings.level;
}

/* ---- one line ---------------------------------------------------------------------------------- */

struct line {
    int64_t at_ms;
    enum log_level level;
    const char *instance, *trace; /* or NULL */
    const char *message;
    const struct log_field *fields;
    size_t field_count;
};

static bool is_left_out(const struct log_field *field)
{
    return field->text ? !field->text[0] : field->number == LOG_NO_VALUE;
}

static void append_member(struct buf *out, const char *key, const char *text, size_t size_max)
{
    if (!text)
        return;
    buf_printf(out, ",\"%.40s\":", key);
    json_append_text(out, text, strnlen(text, size_max));
}

static void append_json(struct buf *out, const struct line *line)
{
    char time_text[CLOCK_TEXT_SIZE];
    buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\"", clock_format_ms(line->at_ms, time_text),
               level_names[line->level]);
    append_member(out, "instance", line->instance, LOG_FIELD_SIZE_MAX);
    append_member(out, "trace", line->trace, LOG_FIELD_SIZE_MAX);
    append_member(out, "message", line->message, LOG_LINE_SIZE_MAX);
    for (size_t i = 0; i < line->field_count; i++) {
        const struct log_field *field = &line->fields[i];
        if (is_left_out(field))
            continue;
        if (field->text)
            append_member(out, field->key, field->text, LOG_FIELD_SIZE_MAX);
        else
            buf_printf(out, ",\"%.40s\":%lld", field->key, (long long)field->number);
    }
    buf_append_text(out, "}\n");
}

static void append_printable(struct buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_append_char(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i]);
}

static void append_head(struct buf *out, const struct line *line)
{
    char time_text[CLOCK_TEXT_SIZE];
    const char *level = level_names[line->level];
    if (settings.format == LOG_JOURNAL)
        buf_printf(out, "<%d>", journal_priorities[line->level]);
    else if (settings.format == LOG_TEXT)
        buf_printf(out, "%s %-7s ", clock_format_ms(line->at_ms, time_text), level);
    else if (line->level != LOG_INFO)
        buf_printf(out, "%s: ", level);
}

/* Values with blanks or quotes are put into quotes, so that key=value stays readable by programs. */
static void append_value(struct buf *out, const char *text)
{
    size_t size = strnlen(text, LOG_FIELD_SIZE_MAX);
    if (strcspn(text, " \"=") >= size) {
        append_printable(out, text, size);
        return;
    }
    buf_append_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\')
            buf_append_char(out, '\\');
        append_printable(out, text + i, 1);
    }
    buf_append_char(out, '"');
}

static void append_text(struct buf *out, const struct line *line)
{
    append_head(out, line);
    if (line->instance)
        buf_printf(out, "[%.64s] ", line->instance);
    append_printable(out, line->message, strlen(line->message));
    for (size_t i = 0; i < line->field_count; i++) {
        const struct log_field *field = &line->fields[i];
        if (is_left_out(field))
            continue;
        buf_printf(out, " %.40s=", field->key);
        if (field->text)
            append_value(out, field->text);
        else
            buf_printf(out, "%lld", (long long)field->number);
    }
    if (line->trace && settings.format != LOG_PLAIN)
        buf_printf(out, " trace=%s", line->trace);
    buf_append_char(out, '\n');
}

/* false: out of memory. */
static bool put(const struct line *line)
{
    struct buf out;
    buf_init(&out, LOG_SINK_LINE_MAX);
    if (settings.format == LOG_JSON)
        append_json(&out, line);
    else
        append_text(&out, line);
    const bool ok = !out.failed;
    if (ok)
        log_sink_put(line->at_ms, line->instance ? line->instance : "", out.data, out.size,
                     line->level >= LOG_ERROR);
    buf_release(&out);
    return ok;
}

static void put_or_lose(const struct line *line)
{
    if (!put(line))
        log_sink_lose();
}

bool log_put_lost(uint64_t lost)
{
    char message[LOG_LINE_SIZE_MAX];
    snprintf(message, sizeof message, "%llu log lines were dropped: the log could not be written as fast "
             "as they came", (unsigned long long)lost);
    const struct line line = {.at_ms = clock_wall_ms(), .level = LOG_WARNING, .message = message};
    return !log_wants(LOG_WARNING) || put(&line);
}

void log_line(enum log_level level, const char *instance, const char *format, ...)
{
    if (!log_wants(level))
        return;
    char message[LOG_LINE_SIZE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    bool is_own = scope && (!instance || strcmp(instance, scope->instance) == 0);
    const struct line line = {
        .at_ms = clock_wall_ms(),
        .level = level,
        .instance = is_own ? scope->instance : instance,
        .trace = is_own ? scope->trace : NULL,
        .message = message,
    };
    put_or_lose(&line);
}

void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (!log_wants(level))
        return;
    const struct line line = {
        .at_ms = clock_wall_ms(),
        .level = level,
        .instance = scope ? scope->instance : NULL,
        .trace = scope ? scope->trace : NULL,
        .message = message,
        .fields = fields,
        .field_count = count < LOG_FIELDS_MAX ? count : LOG_FIELDS_MAX,
    };
    put_or_lose(&line);
}

/* ---- lines of other processes ------------------------------------------------------------------- */

static enum log_level level_of(const cJSON *root)
{
    const char *name = json_text(root, "level");
    for (int i = LOG_DEBUG; name && i <= LOG_ERROR; i++)
        if (strcmp(name, level_names[i]) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

static bool is_plain_word(const char *text)
{
    return text && *text && strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(text);
}

static bool is_head(const char *key)
{
    static const char *const keys[] = {"time", "level", "message", "instance", "trace"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* What else the line says, as far as it is simple; texts are borrowed from root. */
static size_t take_fields(const cJSON *root, struct log_field *fields, size_t count)
{
    for (const cJSON *node = root->child; node && count < LOG_FIELDS_MAX; node = node->next) {
        if (is_head(node->string) || !is_plain_word(node->string))
            continue;
        if (cJSON_IsString(node))
            fields[count++] = (struct log_field){node->string, node->valuestring, 0};
        else if (cJSON_IsNumber(node) && node->valuedouble > -9e15 && node->valuedouble < 9e15)
            fields[count++] = (struct log_field){node->string, NULL, (int64_t)node->valuedouble};
    }
    return count;
}

static void relay_as_text(const char *tenant, const cJSON *root, const char *message)
{
    struct log_field fields[LOG_FIELDS_MAX] = {{"tenant", tenant, 0}};
    const char *instance = json_text(root, "instance"), *trace = json_text(root, "trace");
    const struct line out = {
        .at_ms = clock_wall_ms(),
        .level = level_of(root),
        .instance = is_plain_word(instance) ? instance : NULL,
        .trace = is_plain_word(trace) ? trace : NULL,
        .message = message,
        .fields = fields,
        .field_count = take_fields(root, fields, 1),
    };
    put_or_lose(&out);
}

static bool relay_as_json(const char *tenant, const char *line, size_t size, enum log_level level)
{
    struct buf out;
    buf_init(&out, LOG_SINK_LINE_MAX);
    while (size > 0 && line[size - 1] != '}')
        size--;
    buf_append(&out, line, size - 1);
    append_member(&out, "tenant", tenant, LOG_FIELD_SIZE_MAX);
    buf_append_text(&out, "}\n");
    bool fits = !out.failed && !memchr(line, '\n', size);
    if (fits)
        log_sink_put(clock_wall_ms(), "", out.data, out.size, level >= LOG_ERROR);
    buf_release(&out);
    return fits;
}

bool log_relay(const char *tenant, const char *line, size_t size)
{
    struct error err;
    cJSON *root = size < LOG_SINK_LINE_MAX ? json_parse(line, size, "log", JSON_STRICT, &err) : NULL;
    const char *message = root ? json_text(root, "message") : NULL;
    bool ok = message && strlen(message) <= LOG_LINE_SIZE_MAX &&
              !cJSON_GetObjectItemCaseSensitive(root, "tenant");
    if (ok && settings.format == LOG_JSON)
        ok = relay_as_json(tenant, line, size, level_of(root));
    else if (ok)
        relay_as_text(tenant, root, message);
    cJSON_Delete(root);
    return ok;
}
