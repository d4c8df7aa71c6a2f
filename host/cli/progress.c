/* SPDX-License-Identifier: MIT */
/* Progress of a run; see progress.h. */
#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/print.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define BAR_WIDTH 20
#define BAR_WIDTH_MIN 8
#define BAR_FRAME 4 /* "  [" and "]" */
#define NAME_WIDTH_MIN 8
#define SMOOTHING 0.3 /* weight of the newest measurement in the rate */

void progress_init(struct progress *progress, FILE *out, bool is_terminal, unsigned width)
{
    *progress = (struct progress){.out = out, .is_terminal = is_terminal, .width = width};
}

void progress_release(struct progress *progress)
{
    for (size_t i = 0; i < progress->notice_count; i++) {
        free(progress->notices[i].subject);
        free(progress->notices[i].to);
    }
    *progress = (struct progress){0};
}

/* ---- the line ---------------------------------------------------------------------------------- */

static void format_bar(const struct progress *progress, unsigned width, struct buf *out)
{
    uint64_t filled = (uint64_t)((double)progress->done / (double)progress->size * width);
    buf_append_text(out, "  [");
    for (unsigned i = 0; i < width; i++)
        buf_append_char(out, i < filled ? '#' : '.');
    buf_append_char(out, ']');
}

static void format_left(const struct progress *progress, struct buf *out)
{
    if (progress->rate < 1 || progress->done >= progress->size)
        return;
    double left = (double)(progress->size - progress->done) / progress->rate;
    unsigned long long seconds = left > 359999 ? 359999 : (unsigned long long)left;
    if (seconds >= 3600)
        buf_printf(out, "  %llu:%02llu:%02llu left", seconds / 3600, seconds / 60 % 60, seconds % 60);
    else
        buf_printf(out, "  %llu:%02llu left", seconds / 60, seconds % 60);
}

/* Everything behind name and bar, as wide as it comes; ASCII. */
static void format_figures(const struct progress *progress, struct buf *out)
{
    char done[TEXT_SIZE_SIZE], size[TEXT_SIZE_SIZE], rate[TEXT_SIZE_SIZE];
    if (progress->size) {
        buf_printf(out, " %3u%%  %s of %s",
                   (unsigned)(100.0 * (double)progress->done / (double)progress->size),
                   text_format_size(progress->done, done), text_format_size(progress->size, size));
    } else {
        buf_printf(out, "  %s", text_format_size(progress->done, done));
    }
    if (progress->rate >= 1)
        buf_printf(out, "  %s/s", text_format_size((uint64_t)progress->rate, rate));
    format_left(progress, out);
}

/* Appends at most width columns of escaped text, marking a cut with "~". */
static void append_cut(struct buf *out, const char *escaped, unsigned width)
{
    unsigned column = 0;
    const char *end = escaped;
    while (*end && column + 1 < width) {
        for (end++; ((unsigned char)*end & 0xC0) == 0x80; end++)
            ;
        column++;
    }
    const char *rest = end;
    if (*rest)
        for (rest++; ((unsigned char)*rest & 0xC0) == 0x80; rest++)
            ;
    bool fits = *rest == '\0';
    buf_append(out, escaped, (size_t)((fits ? rest : end) - escaped));
    if (!fits)
        buf_append_char(out, '~');
}

/* How wide the bar is where name and bar share room columns; 0: there is no place for one. */
static unsigned bar_width(const struct progress *progress, unsigned room, unsigned name_width)
{
    if (progress->size == 0 || room < NAME_WIDTH_MIN + BAR_FRAME + BAR_WIDTH_MIN)
        return 0;
    unsigned most = room - NAME_WIDTH_MIN - BAR_FRAME;
    unsigned wanted = room > name_width + BAR_FRAME ? room - name_width - BAR_FRAME : 0;
    if (wanted < BAR_WIDTH_MIN)
        wanted = BAR_WIDTH_MIN;
    if (wanted > BAR_WIDTH)
        wanted = BAR_WIDTH;
    return wanted < most ? wanted : most;
}

void progress_format(const struct progress *progress, unsigned width, struct buf *out)
{
    struct buf name, figures, line;
    buf_init(&name, 5 * PROGRESS_NAME_MAX);
    buf_init(&figures, 256);
    buf_init(&line, 8 * PROGRESS_NAME_MAX);
    buf_printf(&line, "%llu/%llu ", (unsigned long long)progress->index,
               (unsigned long long)progress->total);
    print_escape(&name, progress->name);
    format_figures(progress, &figures);
    unsigned used = (unsigned)(line.size + figures.size);
    unsigned room = width > used + NAME_WIDTH_MIN ? width - used : NAME_WIDTH_MIN;
    unsigned bar = bar_width(progress, room, (unsigned)print_width(progress->name));
    append_cut(&line, buf_text(&name), bar ? room - bar - BAR_FRAME : room);
    if (bar)
        format_bar(progress, bar, &line);
    buf_append_text(&line, buf_text(&figures));
    append_cut(out, buf_text(&line), width);
    buf_release(&line);
    buf_release(&figures);
    buf_release(&name);
}

static unsigned current_width(const struct progress *progress)
{
    struct winsize size = {0};
    unsigned width = progress->width;
    if (width == 0 && ioctl(fileno(progress->out), TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width == 0)
        width = WIDTH_DEFAULT;
    return width < WIDTH_MIN ? WIDTH_MIN : width;
}

static void clear_line(struct progress *progress)
{
    if (progress->line_is_open)
        fputs("\r\x1b[K", progress->out);
    progress->line_is_open = false;
}

static void draw(struct progress *progress)
{
    struct buf line;
    buf_init(&line, 8 * PROGRESS_NAME_MAX);
    progress_format(progress, current_width(progress) - 1, &line); /* the last column would wrap */
    clear_line(progress);
    fputs(buf_text(&line), progress->out);
    fflush(progress->out);
    progress->line_is_open = true;
    buf_release(&line);
}

void progress_end(struct progress *progress)
{
    if (!progress->out)
        return;
    clear_line(progress);
    fflush(progress->out);
}

/* ---- callbacks --------------------------------------------------------------------------------- */

static void print_line(struct progress *progress, const char *label, const char *name,
                       const char *detail)
{
    clear_line(progress);
    fprintf(progress->out, "%s", label);
    print_text(progress->out, name);
    if (detail && *detail) {
        fputs(": ", progress->out);
        print_text(progress->out, detail);
    }
    fputc('\n', progress->out);
    fflush(progress->out);
}

static void on_started(void *context, const char *instance_id, const char *flow)
{
    struct progress *progress = context;
    if (!progress->out || progress->start_told)
        return;
    progress->start_told = true;
    clear_line(progress);
    fputs("started ", progress->out);
    print_text(progress->out, flow);
    fputs(" as instance ", progress->out);
    print_text(progress->out, instance_id);
    fputc('\n', progress->out);
    fflush(progress->out);
}

static void begin_file(struct progress *progress, const char *name, uint64_t size)
{
    char label[64], text[TEXT_SIZE_SIZE];
    snprintf(progress->name, sizeof progress->name, "%s", name);
    progress->size = size;
    progress->done = progress->drawn_done = 0;
    progress->rate = 0;
    progress->begun_ms = progress->drawn_ms = clock_monotonic_ms();
    if (progress->is_terminal) {
        draw(progress);
        return;
    }
    snprintf(label, sizeof label, "transferring %llu of %llu: ", (unsigned long long)progress->index,
             (unsigned long long)progress->total);
    print_line(progress, label, name, size ? text_format_size(size, text) : NULL);
}

static void end_file(struct progress *progress, const char *name, uint64_t size)
{
    char detail[128], bytes[TEXT_SIZE_SIZE], rate[TEXT_SIZE_SIZE], duration[DURATION_TEXT_SIZE];
    bool known = strncmp(progress->name, name, sizeof progress->name - 1) == 0;
    int64_t took_ms = known ? clock_monotonic_ms() - progress->begun_ms : 0;
    uint64_t moved = size ? size : progress->done;
    if (took_ms > 0)
        snprintf(detail, sizeof detail, "%s in %s, %s/s", text_format_size(moved, bytes),
                 print_duration(took_ms, duration),
                 text_format_size((uint64_t)((double)moved * 1000 / (double)took_ms), rate));
    else
        snprintf(detail, sizeof detail, "%s", text_format_size(moved, bytes));
    print_line(progress, "transferred ", name, detail);
    progress->name[0] = '\0';
}

static void on_file(void *context, const char *name, int state, const char *detail, uint64_t size,
                    uint64_t index, uint64_t total)
{
    struct progress *progress = context;
    progress->total = total;
    if (!progress->out)
        return;
    if (state != SLUICE_FILE_FOUND)
        progress->index = index;
    if (state == SLUICE_FILE_STARTED)
        begin_file(progress, name, size);
    else if (state == SLUICE_FILE_TRANSFERRED)
        end_file(progress, name, size);
    else if (state == SLUICE_FILE_NOT_TRANSFERRED)
        print_line(progress, "NOT transferred ", name, detail);
    else if (state == SLUICE_FILE_POSTPONED)
        print_line(progress, "postponed ", name, detail);
}

static void measure(struct progress *progress, int64_t now_ms)
{
    double seconds = (double)(now_ms - progress->drawn_ms) / 1000;
    double newest = (double)(progress->done - progress->drawn_done) / seconds;
    progress->rate = progress->rate > 0 ? (1 - SMOOTHING) * progress->rate + SMOOTHING * newest
                                        : newest;
    progress->drawn_ms = now_ms;
    progress->drawn_done = progress->done;
}

static void print_heartbeat(struct progress *progress)
{
    char detail[128], done[TEXT_SIZE_SIZE], size[TEXT_SIZE_SIZE], rate[TEXT_SIZE_SIZE];
    snprintf(detail, sizeof detail, "%s of %s, %s/s", text_format_size(progress->done, done),
             progress->size ? text_format_size(progress->size, size) : "?",
             text_format_size((uint64_t)progress->rate, rate));
    print_line(progress, "  ", progress->name, detail);
}

static void on_bytes(void *context, const char *name, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    int64_t now_ms = clock_monotonic_ms();
    if (!progress->out)
        return;
    if (!progress->name[0])
        snprintf(progress->name, sizeof progress->name, "%s", name ? name : "");
    if (total)
        progress->size = total;
    progress->done = progress->size && done > progress->size ? progress->size : done;
    if (progress->done < progress->drawn_done) /* begun again, or another file */
        progress->drawn_done = progress->done;
    int64_t pause_ms = progress->is_terminal ? PROGRESS_REDRAW_MS : PROGRESS_HEARTBEAT_MS;
    if (now_ms - progress->drawn_ms < pause_ms)
        return;
    measure(progress, now_ms);
    if (progress->is_terminal)
        draw(progress);
    else
        print_heartbeat(progress);
}

static void on_line(void *context, const char *text)
{
    struct progress *progress = context;
    if (progress->out)
        print_line(progress, "  | ", text, NULL);
}

static void on_notice(void *context, const char *subject, const char *to, bool is_held)
{
    struct progress *progress = context;
    if (progress->notice_count < PROGRESS_NOTICES_MAX) {
        struct progress_notice notice = {strdup(subject), strdup(to), is_held};
        progress->notices[progress->notice_count++] = notice;
    }
    if (progress->out)
        print_line(progress, "mail to ", to, subject);
}

static bool on_should_stop(void *context)
{
    struct progress *progress = context;
    bool stop = progress->should_stop && progress->should_stop();
    if (stop && !progress->stop_told && progress->out) {
        clear_line(progress);
        fputs("stopping as soon as nothing is left half done; once more ends it at once\n",
              progress->out);
    }
    progress->stop_told |= stop;
    return stop;
}

struct run_watch progress_watch(struct progress *progress)
{
    return (struct run_watch){
        .context = progress,
        .started = on_started,
        .file = on_file,
        .bytes = on_bytes,
        .line = on_line,
        .notice = on_notice,
        .should_stop = on_should_stop,
    };
}
