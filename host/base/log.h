/* SPDX-License-Identifier: MIT */
/*
 * The host's own log: one line an event, on standard error or in a file. Control bytes in values are
 * escaped, so a value can never start a line of its own. Secrets are kept out by the callers: nothing
 * that came from a secret is ever passed here.
 *
 * Commands write each line where it arises. A server calls log_start: lines then go into a ring of
 * LOG_RING_SIZE bytes and one thread of the log writes them, so that nobody ever waits for a slow or
 * blocked reader of the log. When the ring comes round to lines that are not written yet, those are
 * dropped and counted, and a line says how many as soon as the reader goes on. The ring also keeps the
 * recent lines for log_recent.
 *
 * Thread-safe, except log_configure, log_open, log_start and log_stop, which belong to the main thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

enum log_format {
    LOG_PLAIN,   /* text for whoever started a command: no time */
    LOG_TEXT,    /* text with time and level */
    LOG_JOURNAL, /* text whose priority systemd-journald reads ("<4>"); it adds the time */
    LOG_JSON,    /* one JSON object a line */
};

#define LOG_LINE_SIZE_MAX 4096 /* of a message; longer ones are cut */
#define LOG_FIELDS_MAX 24      /* more are left out */
#define LOG_FIELD_SIZE_MAX 256 /* of a text; longer ones are cut */
#define LOG_RING_SIZE (4u << 20)

/* Lines below level are dropped. fd: where lines go; borrowed. */
void log_configure(enum log_level level, enum log_format format, int fd);

/* LOG_JOURNAL where fd leads to the journal, LOG_TEXT where it is a terminal, else LOG_JSON. */
enum log_format log_format_for(int fd);

/* Lines go to the end of the file path (created with mode 0640) from here on. On error nothing changes. */
MUST_USE bool log_open(const char *path, struct error *err);
/* Opens the file of log_open again, after something renamed it; without one does nothing. On error lines
 * go where they went. */
MUST_USE bool log_reopen(struct error *err);

MUST_USE bool log_start(struct error *err);
/* Waits at most wait_ms until what is in the ring is written; then lines are written directly again.
 * False: a blocked reader keeps the log's thread, so the process may only end. */
bool log_stop(int64_t wait_ms);

/* instance may be NULL: that of the thread's scope, if there is one. */
void log_line(enum log_level level, const char *instance, const char *format, ...) PRINTF_LIKE(3, 4);

struct log_field {
    const char *key;  /* letters and '_' */
    const char *text; /* NULL: number is the value */
    int64_t number;
};

/* A line with named values. A text that is NULL or "" with number LOG_NO_VALUE is left out. */
#define LOG_NO_VALUE INT64_MIN
void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count);
bool log_wants(enum log_level level);

/*
 * Passes on a line that another process wrote as LOG_JSON, whatever its level, and says that it is
 * tenant's: behind the other members of the line, or in this log's form, with the time of now. False:
 * it is not one JSON object with a message, names a tenant by itself, or is longer than a line may be.
 */
bool log_relay(const char *tenant, const char *line, size_t size);

/*
 * Which execution a thread is working for: instance and trace of every line that the thread writes until
 * the matching log_leave. Scopes nest; texts and scope are borrowed until then.
 */
struct log_scope {
    const char *instance, *trace;
    struct log_scope *outer;
};
void log_enter(struct log_scope *scope, const char *instance, const char *trace);
void log_leave(struct log_scope *scope);

struct log_filter {
    int64_t from_ms, to_ms; /* 0: open */
    const char *instance;   /* NULL: any */
};
/* Appends the recent lines, oldest first, as they were written; only lines since log_start are kept. */
void log_recent(const struct log_filter *filter, struct buf *out);

/* Lines that were dropped so far, because the ring was full or could not be written, or memory was out. */
uint64_t log_lost(void);
#endif
