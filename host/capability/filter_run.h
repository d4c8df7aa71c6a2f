/* SPDX-License-Identifier: MIT */
/*
 * One run of one filter in a sandbox of its own: standard input and output are bytes in memory here and
 * streams in filter_stream.c; standard error goes line by line to whoever is told. argv is the filter's
 * name, the extension point and the flow. It has nothing else, and a deadline. The caller's thread.
 */
#ifndef CAPABILITY_FILTER_RUN_H
#define CAPABILITY_FILTER_RUN_H
#include "capability/filter.h"
#include "capability/log.h"
#include "capability/manifest.h"
#include "capability/wasi.h"
#include "workspace/workspace.h"

#define FILTER_LINE_SHOWN_MAX 160u /* bytes of what it wrote last, in an error */

/* Where filters run; borrowed. */
struct filter_site {
    const char *flow;
    const struct filter_settings *limits;
    int64_t deadline_ms; /* monotonic; 0: none but limits->wall_s */
    const struct manifest *manifest; /* whose lookups a mapping sees; NULL: none */
    const struct snapshot *snapshot; /* which has them; NULL: none */
    void (*tell)(void *context, const struct filter *filter, const char *result,
                 const char *text); /* a line of standard error; NULL: nobody listens */
    void *context;
};

/* The run as its guest sees it. */
struct filter_run {
    struct wasi_host wasi; /* first */
    const struct filter_site *site;
    const struct filter *filter;
    struct guest *guest;
    /* As wasi_calls have them. False from read or write ends the guest, whatever it makes of it. */
    bool (*read)(struct filter_run *run, void *bytes, size_t size, size_t *got);
    bool (*write)(struct filter_run *run, const void *bytes, size_t size);
    struct error error; /* why one of them failed */
    bool is_stream;     /* takes as long as source and target do, and more CPU time */
    bool is_stopped;    /* ends it at its next call */
    struct line_log log;
    char last_line[FILTER_LINE_SHOWN_MAX + 1];
    uint64_t bytes_in, bytes_out;
};

/* Runs it to its end; wasi, log and the rest are set here, all else by the caller. False: err says filter,
 * point, flow and what went wrong: ERROR_FILTER, or what read or write failed with. */
MUST_USE bool filter_run_perform(struct filter_run *run, struct error *err);

/* "filter 'NAME' at extension point 'POINT' of flow 'FLOW' <sentence>", ERROR_FILTER; gives false. */
bool filter_run_fail(const struct filter_site *site, const struct filter *filter, struct error *err,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* Message in, message out; both ends checked by filter_check.h. out's ceiling is replaced by the site's. */
MUST_USE bool filter_run_message(const struct filter_site *site, const struct filter *filter,
                                 const void *message, size_t size, struct buf *out,
                                 struct error *err);
#endif
