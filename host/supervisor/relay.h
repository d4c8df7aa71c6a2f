/* SPDX-License-Identifier: MIT */
/*
 * What a tenant's process writes: its log on standard error, passed on line by line with the tenant's
 * name, and one JSON document on standard output. Both are read as far as they go without waiting, and
 * no faster than RELAY_BYTES in RELAY_WINDOW_MS, so that a tenant that floods its log holds up itself: its
 * server then drops lines and says how many. Belongs to the main thread.
 */
#ifndef SUPERVISOR_RELAY_H
#define SUPERVISOR_RELAY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

#define RELAY_LINE_MAX (64u << 10) /* longer lines are cut there */
#define RELAY_BYTES (512u << 10)
#define RELAY_WINDOW_MS 100
#define RELAY_DOCUMENT_MAX (64u << 10)

struct relay {
    struct buf line;     /* what came of a line that has no end yet */
    bool skips;          /* to the end of a line that was too long */
    struct buf document;
    int64_t window_ms;   /* when the window began */
    size_t window_bytes; /* read in it */
};

void relay_init(struct relay *relay);
void relay_release(struct relay *relay);

/* Reads the log from fd. False: it has ended. */
bool relay_log(struct relay *relay, const char *tenant, int fd, int64_t now_ms);
/* When the log may be read again; now_ms or before: at once. */
int64_t relay_due_ms(const struct relay *relay);
/* What is left without an end of line. */
void relay_finish(struct relay *relay, const char *tenant);

/* Reads standard output from fd. False: it has ended. */
bool relay_output(struct relay *relay, int fd);
/* The document, once it is whole; NULL before, and where what came is none. The caller deletes it. */
cJSON *relay_document(const struct relay *relay);
#endif
