/* SPDX-License-Identifier: MIT */
/* Forms of a line, what cannot be forged, a reader that is slow or never reads, a file that is renamed. */
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "check.h"
#include "temporary.h"

static char output[1 << 16];

static int64_t fixed_wall_ns(void *context)
{
    (void)context;
    return INT64_C(1795660620123000000);
}

static int ends[2];

static void begin(enum log_format format)
{
    CHECK_EQ_INT(pipe(ends), 0);
    log_configure(LOG_INFO, format, ends[1]);
}

static const char *written(void)
{
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], output + size, sizeof output - 1 - size)) > 0;)
        size += (size_t)got;
    output[size] = '\0';
    close(ends[0]);
    return output;
}

static const char *logged(enum log_format format, enum log_level level, const char *text)
{
    begin(format);
    log_line(level, "abc", "%s", text);
    return written();
}

static void control_bytes_cannot_start_a_line(void)
{
    CHECK_EQ_TEXT(logged(LOG_PLAIN, LOG_INFO, "a\nerror: forged\x1B[2J"),
                  "[abc] a?error: forged?[2J\n");
}

static void lines_below_the_level_are_dropped(void)
{
    CHECK_EQ_TEXT(logged(LOG_PLAIN, LOG_DEBUG, "quiet"), "");
    CHECK_EQ_TEXT(logged(LOG_PLAIN, LOG_WARNING, "loud"), "warning: [abc] loud\n");
}

static void json_lines_parse(void)
{
    struct error err;
    const char *line = logged(LOG_JSON, LOG_ERROR, "a \"b\"\n\xFF");
    cJSON *value = json_parse(line, strlen(line), "log", JSON_STRICT, &err);
    CHECK_EQ_TEXT(json_text(value, "level"), "error");
    CHECK_EQ_TEXT(json_text(value, "instance"), "abc");
    CHECK_EQ_TEXT(json_text(value, "message"), "a \"b\"\n\xEF\xBF\xBD");
    cJSON_Delete(value);
}

static const char *event(enum log_format format)
{
    const struct log_field fields[] = {
        {"flow", "FLOW", 0}, {"what", "a \"b\"\n=", 0},       {"bytes", NULL, 12},
        {"none", "", 0},     {"nothing", NULL, LOG_NO_VALUE},
    };
    struct log_scope scope;
    begin(format);
    log_enter(&scope, "abc", "0af7651916cd43dd8448eb211c80319c");
    log_event(LOG_INFO, "done", fields, sizeof fields / sizeof fields[0]);
    log_leave(&scope);
    return written();
}

static void events_have_named_values(void)
{
    static const struct clock_source source = {.wall_ns = fixed_wall_ns};
    clock_use(&source);
    CHECK_EQ_TEXT(event(LOG_JSON),
                  "{\"time\":\"2026-11-26T02:37:00.123Z\",\"level\":\"info\",\"instance\":\"abc\","
                  "\"trace\":\"0af7651916cd43dd8448eb211c80319c\",\"message\":\"done\","
                  "\"flow\":\"FLOW\",\"what\":\"a \\\"b\\\"\\u000a=\",\"bytes\":12}\n");
    CHECK_EQ_TEXT(event(LOG_TEXT),
                  "2026-11-26T02:37:00.123Z info    [abc] done flow=FLOW what=\"a \\\"b\\\"?=\" "
                  "bytes=12 trace=0af7651916cd43dd8448eb211c80319c\n");
    CHECK_EQ_TEXT(event(LOG_JOURNAL), "<6>[abc] done flow=FLOW what=\"a \\\"b\\\"?=\" bytes=12 "
                                      "trace=0af7651916cd43dd8448eb211c80319c\n");
    CHECK_EQ_TEXT(event(LOG_PLAIN), "[abc] done flow=FLOW what=\"a \\\"b\\\"?=\" bytes=12\n");
    clock_use(NULL);
}

static void scopes_nest(void)
{
    struct log_scope outer, inner;
    begin(LOG_PLAIN);
    log_enter(&outer, "outer", "1");
    log_enter(&inner, "inner", "1");
    log_line(LOG_INFO, NULL, "a");
    log_line(LOG_INFO, "other", "b");
    log_leave(&inner);
    log_line(LOG_INFO, NULL, "c");
    log_leave(&outer);
    log_line(LOG_INFO, NULL, "d");
    CHECK_EQ_TEXT(written(), "[inner] a\n[other] b\n[outer] c\nd\n");
}

static void texts_are_cut_at_their_limits(void)
{
    static char text[LOG_LINE_SIZE_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    CHECK_EQ_INT(strlen(logged(LOG_PLAIN, LOG_INFO, text + 2)), 6 + LOG_LINE_SIZE_MAX - 1 + 1);
    CHECK_EQ_INT(strlen(logged(LOG_PLAIN, LOG_INFO, text)), 6 + LOG_LINE_SIZE_MAX - 1 + 1);
    for (int size = LOG_FIELD_SIZE_MAX; size <= LOG_FIELD_SIZE_MAX + 1; size++) {
        const struct log_field field = {"k", text + sizeof text - 1 - size, 0};
        begin(LOG_PLAIN);
        log_event(LOG_INFO, "m", &field, 1);
        CHECK_EQ_INT(strlen(written()), strlen("m k=\n") + LOG_FIELD_SIZE_MAX);
    }
}

static void the_largest_line_is_whole(void)
{
    static char control[LOG_LINE_SIZE_MAX];
    static struct log_field fields[LOG_FIELDS_MAX + 1];
    memset(control, 1, sizeof control - 1);
    for (size_t i = 0; i < LOG_FIELDS_MAX; i++)
        fields[i] = (struct log_field){"key", control, 0};
    fields[LOG_FIELDS_MAX] = (struct log_field){"beyond", control, 0};
    FILE *file = tmpfile();
    log_configure(LOG_INFO, LOG_JSON, fileno(file));
    log_event(LOG_INFO, control, fields, LOG_FIELDS_MAX + 1);
    fseek(file, 0, SEEK_SET);
    size_t size = fread(output, 1, sizeof output - 1, file);
    output[size] = '\0';
    CHECK(size > 60000);
    CHECK(strstr(output, "beyond") == NULL);
    CHECK(size > 0 && output[size - 1] == '\n');
    fclose(file);
}

/* ---- the ring ---------------------------------------------------------------------------------- */

#define LINES 60000 /* of about 100 bytes with their entry: more than LOG_RING_SIZE */

static void a_reader_that_never_reads_holds_nobody(void)
{
    struct error err;
    begin(LOG_PLAIN);
    CHECK_OK(log_start(&err), &err);
    for (int i = 0; i < LINES; i++)
        log_line(LOG_INFO, NULL, "line %6d %040d", i, 0);
    CHECK(log_lost() > 0);
    CHECK(!log_stop(20)); /* its thread waits for the pipe */

    /* The reader wakes up: what is kept comes in order, and lines say how many are missing. */
    uint64_t lost = log_lost(), told = 0;
    FILE *reader = fdopen(ends[0], "r");
    char line[256];
    int last = -1, count = 0, number;
    bool in_order = true;
    while ((told < lost || last < LINES - 1) && fgets(line, sizeof line, reader)) {
        if (sscanf(line, "line %d", &number) == 1) {
            in_order = in_order && number > last;
            last = number;
            count++;
        } else if (sscanf(line, "warning: %d log lines were dropped", &number) == 1) {
            told += (uint64_t)number;
        }
    }
    CHECK_EQ_INT(told, lost);
    CHECK(in_order);
    CHECK_EQ_INT(last, LINES - 1);
    CHECK_EQ_INT(count + (int)lost, LINES);
    CHECK(log_stop(60000));
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
    fclose(reader);
    close(ends[1]);
}

static void a_reader_that_went_away_is_no_matter(void)
{
    struct error err;
    signal(SIGPIPE, SIG_IGN);
    begin(LOG_PLAIN);
    close(ends[0]);
    CHECK_OK(log_start(&err), &err);
    log_line(LOG_INFO, NULL, "nobody reads this");
    CHECK(log_stop(60000));
    CHECK_EQ_INT(log_lost(), 1);
    close(ends[1]);
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
}

static void recent_lines_are_kept(void)
{
    struct error err;
    struct buf out;
    buf_init(&out, 1 << 20);
    begin(LOG_PLAIN);
    log_line(LOG_INFO, "one", "before");
    CHECK_OK(log_start(&err), &err);
    int64_t from_ms = clock_wall_ms();
    log_line(LOG_INFO, "one", "a");
    log_line(LOG_INFO, "two", "b");
    log_line(LOG_INFO, NULL, "c");
    log_recent(&(struct log_filter){.instance = NULL}, &out);
    CHECK_EQ_TEXT(buf_text(&out), "[one] a\n[two] b\nc\n");
    buf_clear(&out);
    log_recent(&(struct log_filter){.instance = "two", .from_ms = from_ms}, &out);
    CHECK_EQ_TEXT(buf_text(&out), "[two] b\n");
    buf_clear(&out);
    log_recent(&(struct log_filter){.from_ms = clock_wall_ms() + 60000}, &out);
    log_recent(&(struct log_filter){.to_ms = from_ms - 60000}, &out);
    CHECK_EQ_TEXT(buf_text(&out), "");
    CHECK(log_stop(60000));
    CHECK_EQ_TEXT(written(), "[one] before\n[one] a\n[two] b\nc\n");
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
    buf_release(&out);
}

/* ---- files ------------------------------------------------------------------------------------- */

static const char *content_of(const char *path)
{
    struct error err;
    struct buf text;
    buf_init(&text, sizeof output - 1);
    CHECK_OK(file_read(path, &text, &err), &err);
    snprintf(output, sizeof output, "%s", buf_text(&text));
    buf_release(&text);
    return output;
}

static void a_renamed_file_is_opened_again(void)
{
    struct error err;
    struct stat about;
    struct temporary temporary = temporary_make();
    char path[512], old[520];
    snprintf(path, sizeof path, "%s", temporary_path(&temporary, "sluice.log"));
    snprintf(old, sizeof old, "%s.1", path);
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
    CHECK_OK(log_open(path, &err), &err);
    CHECK_OK(log_start(&err), &err);
    log_line(LOG_INFO, NULL, "first");
    CHECK(log_stop(60000));
    CHECK_OK(log_start(&err), &err);
    CHECK_EQ_INT(rename(path, old), 0);
    log_line(LOG_INFO, NULL, "second");
    CHECK(log_stop(60000));
    CHECK_OK(log_reopen(&err), &err);
    log_line(LOG_INFO, NULL, "third");
    CHECK_EQ_TEXT(content_of(old), "first\nsecond\n");
    CHECK_EQ_TEXT(content_of(path), "third\n");
    CHECK(stat(path, &about) == 0 && (about.st_mode & 07777 & ~0640u) == 0);

    /* Where the file cannot be opened, lines go where they went. */
    CHECK_EQ_INT(unlink(path), 0);
    CHECK_EQ_INT(mkdir(path, 0700), 0);
    CHECK_FAILS(log_reopen(&err), &err, ERROR_DENIED);
    CHECK_CONTAINS(err.message, path);
    log_line(LOG_INFO, NULL, "still here");
    CHECK_FAILS(log_open("/nonexistent/sluice.log", &err), &err, ERROR_NOT_FOUND);
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
    CHECK_OK(log_reopen(&err), &err);
    temporary_remove(&temporary);
}

static void the_journal_is_recognised(void)
{
    struct stat about;
    char stream[64];
    begin(LOG_PLAIN);
    CHECK_EQ_INT(fstat(ends[1], &about), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)about.st_dev,
             (unsigned long long)about.st_ino);
    unsetenv("JOURNAL_STREAM");
    CHECK_EQ_INT(log_format_for(ends[1]), LOG_JSON);
    setenv("JOURNAL_STREAM", stream, 1);
    CHECK_EQ_INT(log_format_for(ends[1]), LOG_JOURNAL);
    setenv("JOURNAL_STREAM", "1:1", 1);
    CHECK_EQ_INT(log_format_for(ends[1]), LOG_JSON);
    unsetenv("JOURNAL_STREAM");
    (void)written();
}

static bool relay(enum log_format format, const char *line)
{
    begin(format);
    return log_relay("acme", line, strlen(line));
}

#define RELAYED                                                                                    \
    "{\"time\":\"2026-11-24T02:37:00.123Z\",\"level\":\"debug\",\"instance\":\"i1\",\"message\":\"done\","  \
    "\"flow\":\"F\",\"ms\":12,\"odd key\":\"x\"}"

static void lines_of_others_say_whose_they_are(void)
{
    CHECK(relay(LOG_JSON, RELAYED));
    const char *line = written();
    struct error err = {0};
    cJSON *root = json_parse(line, strlen(line), "line", JSON_STRICT, &err);
    CHECK_EQ_TEXT(json_text(root, "tenant"), "acme");
    CHECK_EQ_TEXT(json_text(root, "time"), "2026-11-24T02:37:00.123Z");
    CHECK_EQ_TEXT(json_text(root, "odd key"), "x");
    cJSON_Delete(root);
    CHECK(relay(LOG_PLAIN, RELAYED));
    CHECK_EQ_TEXT(written(), "debug: [i1] done tenant=acme flow=F ms=12\n");
}

static void others_cannot_forge_lines(void)
{
    static const char *const lines[] = {
        "", "plain text", "[]", "{}", "{\"message\":1}", "{\"message\":\"a\"} {\"message\":\"b\"}",
        "{\"message\":\"a\",\"tenant\":\"other\"}", "{\"message\":\"a\",\"ten\\u0061nt\":\"other\"}",
        "{\"message\":\"a\",\n\"b\":1}", "{\"message\":\"a\",\"message\":\"b\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        CHECK(!relay(LOG_JSON, lines[i]));
        CHECK_EQ_TEXT(written(), "");
    }
    CHECK(relay(LOG_PLAIN, "{\"message\":\"a\\nforged\",\"instance\":\"b\\n\",\"k\":\"c\\nd\"}"));
    CHECK_EQ_TEXT(written(), "a?forged tenant=acme k=c?d\n");
}

CHECK_MAIN(TEST(control_bytes_cannot_start_a_line), TEST(lines_below_the_level_are_dropped),
           TEST(json_lines_parse), TEST(events_have_named_values), TEST(scopes_nest),
           TEST(texts_are_cut_at_their_limits), TEST(the_largest_line_is_whole),
           TEST(a_reader_that_never_reads_holds_nobody), TEST(a_reader_that_went_away_is_no_matter),
           TEST(recent_lines_are_kept), TEST(a_renamed_file_is_opened_again),
           TEST(the_journal_is_recognised), TEST(lines_of_others_say_whose_they_are),
           TEST(others_cannot_forge_lines))
