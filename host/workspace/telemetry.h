/* SPDX-License-Identifier: MIT */
/* "log", "metrics" and "traces" of sluice.json. Plain data, immutable after loading. */
#ifndef WORKSPACE_TELEMETRY_H
#define WORKSPACE_TELEMETRY_H
#include <stddef.h>
#include <stdint.h>

#include "workspace/config.h"
#include "workspace/connection.h"

/* Of `sluice serve`; the order of the words in telemetry.c. */
enum log_choice { LOG_CHOICE_AUTO, LOG_CHOICE_JSON, LOG_CHOICE_TEXT };

struct log_settings {
    enum log_choice format;
    int level;  /* enum log_level of base/log.h */
    char *file; /* NULL: standard error */
};

struct metrics_settings {
    char *listen; /* ADDRESS:PORT that anybody may read from; NULL: none */
};

struct trace_settings {
    char *endpoint; /* URL of an OTLP/HTTP collector; NULL: no traces are exported */
    char *ca_file;  /* trust anchors (PEM); NULL: the system's */
    char *header;   /* name of a header field that carries the secret; NULL: none */
    struct secret secret;
    char *service;  /* service.name */
    uint32_t sample_one_in; /* of traces that begin here; 0: none of them */
    uint32_t queue_max;     /* spans that wait for the collector */
};

extern const char *const log_choice_words[];
extern const char *const log_level_words[];

extern const struct config_field log_fields[], metrics_fields[], trace_fields[];
extern const size_t log_field_count, metrics_field_count, trace_field_count;

/* What the tables cannot say: "header" and "secret" go together, defaults that take memory. */
MUST_USE bool telemetry_complete(const struct config *config, struct trace_settings *traces,
                                 struct error *err);

void telemetry_release(struct log_settings *log, struct metrics_settings *metrics,
                       struct trace_settings *traces);
#endif
