/* SPDX-License-Identifier: MIT */
/*
 * What the process counts, for Prometheus. The table below is the whole list; a layer counts with one
 * line where the thing happens, without a lock: a series is found in a table that only grows and its
 * number is changed atomically. Label values come from closed sets (flows of the registry, imports,
 * results), and METRIC_SERIES_MAX bounds them all the same. Thread-safe.
 *
 * To add a metric: a row here, a call where it happens, a row in docs/observability.md.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H
#include <stdint.h>

#include "base/buf.h"

enum metric_type {
    METRIC_COUNTER,   /* only grows */
    METRIC_GAUGE,     /* goes up and down */
    METRIC_AGE,       /* a gauge: seconds since the moment that was set */
    METRIC_HISTOGRAM, /* of durations */
};

/* X(id, type, name, unit, first label, second label, help). Names without "_total"; a unit is the name's
 * end; "seconds" are kept as microseconds. Labels: "" for none. */
#define METRICS(X)                                                                                 \
    X(EXECUTIONS, COUNTER, "sluice_executions", "", "flow", "state",                               \
      "Executions of flows that ended, called ones included, by state.")                           \
    X(EXECUTION_SECONDS, HISTOGRAM, "sluice_execution_duration_seconds", "seconds", "flow", "",    \
      "How long executions took.")                                                                 \
    X(EXECUTIONS_RUNNING, GAUGE, "sluice_executions_running", "", "", "",                          \
      "Executions that are going on.")                                                             \
    X(FILES, COUNTER, "sluice_files", "", "flow", "state",                                         \
      "Files that executions found, transferred, did not transfer or postponed.")                  \
    X(SCHEDULE_RUNS, COUNTER, "sluice_schedule_runs", "", "flow", "outcome",                       \
      "Due times of schedules: run, skipped or missed.")                                           \
    X(IMPORT_CALLS, COUNTER, "sluice_import_calls", "", "import", "result",                        \
      "Calls of flows that look at or change the outside, by result.")                             \
    X(IMPORT_SECONDS, HISTOGRAM, "sluice_import_duration_seconds", "seconds", "import", "",        \
      "How long those calls took.")                                                                \
    X(IMPORT_BYTES, COUNTER, "sluice_import_bytes", "bytes", "import", "",                         \
      "Bytes that those calls moved or received.")                                                 \
    X(RETRIES, COUNTER, "sluice_transfer_retries", "", "reason", "",                               \
      "Requests to peers that were made again without the flow knowing.")                          \
    X(CIRCUITS_OPEN, GAUGE, "sluice_transfer_circuits_open", "", "connection", "",                 \
      "1 while a connection is left alone because it failed too often in a row.")                  \
    X(MAILS, COUNTER, "sluice_mails", "", "result", "", "Mails, by what the mail server said.")    \
    X(HANDLES_IDLE, GAUGE, "sluice_transfer_handles_idle", "", "", "",                             \
      "Pooled libcurl handles that wait for their next use.")                                      \
    X(HANDLES_BUSY, GAUGE, "sluice_transfer_handles_busy", "", "", "",                             \
      "libcurl handles in use.")                                                                   \
    X(SLOTS, GAUGE, "sluice_sandbox_slots", "", "", "", "Sandboxes that threads keep ready.")      \
    X(SLOTS_BUSY, GAUGE, "sluice_sandbox_slots_busy", "", "", "", "Sandboxes in use.")             \
    X(HTTP_REQUESTS, COUNTER, "sluice_http_requests", "", "code", "",                              \
      "Requests that were answered, by status.")                                                   \
    X(HTTP_REFUSED, COUNTER, "sluice_http_refused", "", "reason", "",                              \
      "Requests that the server refused itself.")                                                  \
    X(HTTP_CONNECTIONS, GAUGE, "sluice_http_connections", "", "", "", "Open connections.")         \
    X(HTTP_IN_FLIGHT, GAUGE, "sluice_http_requests_in_flight", "", "", "",                         \
      "Requests that have begun and are not answered.")                                            \
    X(WORKERS, GAUGE, "sluice_workers", "", "", "", "Threads that run requests.")                  \
    X(WORKERS_BUSY, GAUGE, "sluice_workers_busy", "", "", "", "Threads that run one now.")         \
    X(QUEUE_DEPTH, GAUGE, "sluice_queue_depth", "", "", "", "Requests that wait for a thread.")    \
    X(STORE_PENDING, GAUGE, "sluice_store_pending_records", "", "", "",                            \
      "Records that are not in the store yet.")                                                    \
    X(STORE_OLDEST, AGE, "sluice_store_oldest_pending_seconds", "seconds", "", "",                 \
      "Age of the oldest of them.")                                                                \
    X(STORE_COMMIT_SECONDS, HISTOGRAM, "sluice_store_commit_duration_seconds", "seconds", "", "",  \
      "How long commits of the store took.")                                                       \
    X(STORE_LAST_COMMIT, GAUGE, "sluice_store_last_commit_seconds", "seconds", "", "",             \
      "How long the newest one took.")                                                             \
    X(STORE_LOST, COUNTER, "sluice_store_lost_records", "", "", "",                                \
      "Records that were dropped because the store could not take them.")                          \
    X(TRACE_SPANS, COUNTER, "sluice_trace_spans", "", "result", "",                                \
      "Spans for the trace collector: exported, dropped, rejected or failed.")                     \
    X(LOG_LOST, COUNTER, "sluice_log_lost_lines", "", "", "",                                      \
      "Log lines that were dropped because the log could not be written.")

enum metric {
#define METRIC_ID(id, type, name, unit, first, second, help) METRIC_##id,
    METRICS(METRIC_ID)
#undef METRIC_ID
        METRIC_COUNT
};

/* All series of all metrics; what comes beyond is counted under the label value "other". */
#define METRIC_SERIES_MAX 4096
#define METRIC_LABEL_SIZE_MAX 128 /* bytes of a label value; longer ones are cut */

/* Of a metric without labels. delta of a counter is not negative. */
void metric_add(enum metric metric, int64_t delta);
void metric_set(enum metric metric, int64_t value);

/* Of a counter or gauge with labels; second is "" where there is one. With amount 0 the series exists from now,
 * so that its first increase is seen. */
void metric_count(enum metric metric, const char *first, const char *second, int64_t amount);

/* Of a histogram; first is "" where it has no label. */
void metric_observe(enum metric metric, const char *first, int64_t duration_us);

/* The number of a counter or gauge, or how many durations a histogram saw; 0: there is no such series. */
int64_t metric_value(enum metric metric, const char *first, const char *second);

enum metrics_form {
    METRICS_TEXT,        /* Prometheus text exposition format 0.0.4 */
    METRICS_OPENMETRICS, /* OpenMetrics 1.0; the caller ends it with "# EOF\n" */
};

/* Appends all metrics of the table. */
void metrics_write(enum metrics_form form, struct buf *out);

/* Appends the lines about a metric and one sample without labels. */
void metrics_write_one(enum metrics_form form, enum metric_type type, const char *name,
                       const char *unit, const char *help, double value, struct buf *out);
/* A metric name_info of constant value 1 whose labels ("a=\"1\",b=\"2\"") tell facts. */
void metrics_write_info(enum metrics_form form, const char *name, const char *help,
                        const char *labels, struct buf *out);
#endif
