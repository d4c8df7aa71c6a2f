/* SPDX-License-Identifier: MIT */
/*
 * What a person sees of a run: on a terminal one line that is redrawn (file n of m, bytes, rate,
 * time left) below the files that are done; elsewhere plain lines. Fed by struct run_watch on the
 * run's thread; time comes from base/clock.h.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "flow/flow.h"

#define PROGRESS_REDRAW_MS 100    /* at most ten times a second */
#define PROGRESS_HEARTBEAT_MS 10000 /* between plain lines about one long file */
#define PROGRESS_NOTICES_MAX 64   /* mails kept for the document; more are counted only */
#define PROGRESS_NAME_MAX 1024    /* bytes shown of the name of a file that moves */

struct progress_notice {
    char *subject, *to;
    bool is_held; /* a summary tells of it */
};

struct progress {
    FILE *out;        /* NULL: nothing is shown (--json) */
    bool is_terminal;
    unsigned width;   /* columns; 0: asked of the terminal at each redraw */
    bool (*should_stop)(void);
    bool stop_told;
    bool start_told;  /* the flow itself has started; what starts later are flows that it calls */

    char name[PROGRESS_NAME_MAX + 1]; /* the file that moves now; "" if none does */
    uint64_t index, total;        /* file index of total */
    uint64_t done, size;          /* bytes of it */
    int64_t begun_ms, drawn_ms;
    uint64_t drawn_done;
    double rate;                  /* bytes a second, smoothed; 0: not known yet */
    bool line_is_open;            /* a redrawn line is on the screen */

    struct progress_notice notices[PROGRESS_NOTICES_MAX];
    size_t notice_count;
};

void progress_init(struct progress *progress, FILE *out, bool is_terminal, unsigned width);
void progress_release(struct progress *progress);

/* Callbacks with progress as context; progress must outlive the run. */
struct run_watch progress_watch(struct progress *progress);

/* Removes the redrawn line, if there is one. */
void progress_end(struct progress *progress);

/* Appends the line as it is drawn, at most width columns, without control bytes. */
void progress_format(const struct progress *progress, unsigned width, struct buf *out);
#endif
