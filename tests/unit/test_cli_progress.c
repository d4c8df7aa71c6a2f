/* SPDX-License-Identifier: MIT */
/* Progress of a run on a terminal and elsewhere, with a clock that the test owns. */
#include "base/clock.h"
#include "check.h"
#include "cli/print.h"
#include "cli/progress.h"

static int64_t now_ns;

static int64_t fake_now(void *context)
{
    (void)context;
    return now_ns;
}

static const struct clock_source fake_clock = {.wall_ns = fake_now, .monotonic_ns = fake_now};

static void pass_ms(int64_t ms)
{
    now_ns += ms * 1000000;
}

/* A progress that writes into memory. */
struct screen {
    struct progress progress;
    struct run_watch watch;
    char *text;
    size_t size;
};

static void screen_open(struct screen *screen, bool is_terminal, unsigned width)
{
    clock_use(&fake_clock);
    now_ns = 1000000000;
    progress_init(&screen->progress, open_memstream(&screen->text, &screen->size), is_terminal,
                  width);
    screen->watch = progress_watch(&screen->progress);
}

static void screen_close(struct screen *screen)
{
    fclose(screen->progress.out);
    progress_release(&screen->progress);
    free(screen->text);
    clock_use(NULL);
}

static void file(struct screen *screen, const char *name, int state, const char *detail,
                 uint64_t size, uint64_t index, uint64_t total)
{
    screen->watch.file(screen->watch.context, name, state, detail, size, index, total);
}

static void bytes(struct screen *screen, const char *name, uint64_t done, uint64_t total)
{
    screen->watch.bytes(screen->watch.context, name, done, total);
}

static const char *shown(struct screen *screen)
{
    fflush(screen->progress.out);
    return screen->text;
}

static void plain_lines_elsewhere(void)
{
    struct screen screen;
    screen_open(&screen, false, 0);
    screen.watch.started(screen.watch.context, "ID1", "FLOW");
    screen.watch.started(screen.watch.context, "ID2", "CHILD"); /* not told */
    file(&screen, "a.csv", SLUICE_FILE_FOUND, "", 2048, 1, 1);
    file(&screen, "b\n.csv", SLUICE_FILE_FOUND, "", 5, 2, 2);
    file(&screen, "a.csv", SLUICE_FILE_STARTED, "", 2048, 1, 2);
    pass_ms(500);
    bytes(&screen, "a.csv", 1024, 2048);
    pass_ms(500);
    file(&screen, "a.csv", SLUICE_FILE_TRANSFERRED, "", 2048, 1, 2);
    file(&screen, "b\n.csv", SLUICE_FILE_NOT_TRANSFERRED, "name \x1b[31mtaken", 5, 2, 2);
    screen.watch.line(screen.watch.context, "hello");
    screen.watch.notice(screen.watch.context, "Subject", "a@b", false);
    CHECK_EQ_TEXT(shown(&screen), "started FLOW as instance ID1\n"
                                  "transferring 1 of 2: a.csv: 2.0 KiB\n"
                                  "transferred a.csv: 2.0 KiB in 1.0 s, 2.0 KiB/s\n"
                                  "NOT transferred b\\x0a.csv: name \\x1b[31mtaken\n"
                                  "  | hello\n"
                                  "mail to a@b: Subject\n");
    CHECK_EQ_INT(screen.progress.notice_count, 1);
    screen_close(&screen);
}

static void a_long_file_gives_a_sign_of_life(void)
{
    struct screen screen;
    screen_open(&screen, false, 0);
    file(&screen, "a.csv", SLUICE_FILE_STARTED, "", 4096, 1, 1);
    for (int second = 1; second <= 10; second++) {
        pass_ms(1000);
        bytes(&screen, "a.csv", (uint64_t)second * 100, 4096);
    }
    CHECK_EQ_TEXT(shown(&screen), "transferring 1 of 1: a.csv: 4.0 KiB\n"
                                  "  a.csv: 1000 B of 4.0 KiB, 100 B/s\n");
    screen_close(&screen);
}

static void one_line_is_redrawn_on_a_terminal(void)
{
    struct screen screen;
    screen_open(&screen, true, 100);
    file(&screen, "a.csv", SLUICE_FILE_FOUND, "", 4096, 1, 1);
    file(&screen, "a.csv", SLUICE_FILE_STARTED, "", 4096, 1, 1);
    pass_ms(1000);
    bytes(&screen, "a.csv", 1024, 4096);
    CHECK_EQ_TEXT(shown(&screen),
                  "1/1 a.csv  [....................]   0%  0 B of 4.0 KiB"
                  "\r\x1b[K1/1 a.csv  [#####...............]  25%  1.0 KiB of 4.0 KiB  1.0 KiB/s  "
                  "0:03 left");
    file(&screen, "a.csv", SLUICE_FILE_TRANSFERRED, "", 4096, 1, 1);
    progress_end(&screen.progress);
    CHECK_CONTAINS(shown(&screen), "\r\x1b[Ktransferred a.csv: 4.0 KiB in 1.0 s, 4.0 KiB/s\n");
    screen_close(&screen);
}

static void redraws_are_rare(void)
{
    struct screen screen;
    screen_open(&screen, true, 100);
    file(&screen, "a.csv", SLUICE_FILE_STARTED, "", 100000, 1, 1);
    for (uint64_t ms = 1; ms <= 1000; ms++) {
        pass_ms(1);
        bytes(&screen, "a.csv", ms, 100000);
    }
    size_t redraws = 0;
    for (const char *at = shown(&screen); (at = strchr(at, '\r')); at++)
        redraws++;
    CHECK_EQ_INT(redraws, 10);
    screen_close(&screen);
}

static void the_width_is_respected(void)
{
    struct progress progress = {.index = 3, .total = 12, .done = 5, .size = 10, .rate = 2};
    snprintf(progress.name, sizeof progress.name,
             "a-very-long-name-\xC3\xA4\xC3\xB6\xC3\xBC-\x1b[2J-that-goes-on-and-on-for-ever-and-more.csv.zip");
    for (unsigned width = 20; width < 200; width++) {
        struct buf line;
        buf_init(&line, 4096);
        progress_format(&progress, width, &line);
        CHECK(print_width(buf_text(&line)) <= width);
        CHECK(strchr(buf_text(&line), '\x1b') == NULL);
        CHECK(strncmp(buf_text(&line), "3/12 a-very-", 12) == 0);
        if (width >= 52) /* figures before the bar, the bar before the whole name */
            CHECK_CONTAINS(buf_text(&line), "  50%  5 B of 10 B  2 B/s  0:02 left");
        if (width >= 64)
            CHECK_CONTAINS(buf_text(&line), "  [####");
        buf_release(&line);
    }
}

static void sizes_may_be_unknown_or_wrong(void)
{
    struct screen screen;
    screen_open(&screen, true, 100);
    bytes(&screen, NULL, 5, 0); /* before any file */
    file(&screen, "a", SLUICE_FILE_STARTED, NULL, 0, 1, 1);
    pass_ms(200);
    bytes(&screen, "a", 4096, 0);
    pass_ms(200);
    bytes(&screen, "a", 10, 5); /* more than there should be */
    pass_ms(200);
    bytes(&screen, "a", 1, 5); /* begun again */
    CHECK_CONTAINS(shown(&screen), "1/1 a  4.0 KiB  20.0 KiB/s");
    CHECK_CONTAINS(shown(&screen), "] 100%  5 B of 5 B");
    CHECK_CONTAINS(shown(&screen), "]  20%  1 B of 5 B");
    screen_close(&screen);
}

/* What is shown of a name of so many bytes while its file moves. */
static size_t name_shown(size_t size)
{
    static char name[PROGRESS_NAME_MAX + 2];
    struct screen screen;
    memset(name, 'n', size);
    name[size] = '\0';
    screen_open(&screen, false, 0);
    file(&screen, name, SLUICE_FILE_STARTED, "", 4096, 1, 1);
    pass_ms(PROGRESS_HEARTBEAT_MS);
    bytes(&screen, name, 1000, 4096);
    const char *line = strchr(shown(&screen), '\n');
    size_t shown_size = line ? strspn(line + 1 + 2, "n") : 0;
    pass_ms(1000);
    file(&screen, name, SLUICE_FILE_TRANSFERRED, "", 4096, 1, 1);
    CHECK_CONTAINS(shown(&screen), "n: 4.0 KiB in 11.0 s"); /* still known as the one that began */
    screen_close(&screen);
    return shown_size;
}

static void names_are_shown_up_to_the_limit(void)
{
    CHECK_EQ_INT(name_shown(PROGRESS_NAME_MAX), PROGRESS_NAME_MAX);
    CHECK_EQ_INT(name_shown(PROGRESS_NAME_MAX + 1), PROGRESS_NAME_MAX);
}

static bool yes(void)
{
    return true;
}

static void stopping_is_said_once(void)
{
    struct screen screen;
    screen_open(&screen, false, 0);
    CHECK(!screen.watch.should_stop(screen.watch.context));
    screen.progress.should_stop = yes;
    CHECK(screen.watch.should_stop(screen.watch.context));
    CHECK(screen.watch.should_stop(screen.watch.context));
    CHECK_EQ_TEXT(shown(&screen), "stopping as soon as nothing is left half done; once more ends it "
                                  "at once\n");
    screen_close(&screen);
}

static void notices_are_bounded(void)
{
    struct screen screen;
    screen_open(&screen, false, 0);
    for (int i = 0; i < PROGRESS_NOTICES_MAX + 1; i++)
        screen.watch.notice(screen.watch.context, "s", "t", true);
    CHECK_EQ_INT(screen.progress.notice_count, PROGRESS_NOTICES_MAX);
    screen_close(&screen);
}

CHECK_MAIN(TEST(plain_lines_elsewhere), TEST(a_long_file_gives_a_sign_of_life),
           TEST(one_line_is_redrawn_on_a_terminal), TEST(redraws_are_rare),
           TEST(the_width_is_respected), TEST(sizes_may_be_unknown_or_wrong),
           TEST(names_are_shown_up_to_the_limit), TEST(stopping_is_said_once),
           TEST(notices_are_bounded))
