/* SPDX-License-Identifier: MIT */
/* Logs as zip files; see api_logs.h. */
#include "server/api_logs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "server/archive.h"

#define METRICS_SIZE_MAX (16u << 20)
#define HOST_SIZE 256
#define CUT_LINE                                                                                   \
    "not all lines are here: at most %d executions and %u bytes of lines are given at once, the "  \
    "newest; ask for a shorter time\n"

const char *const api_logs_ids[] = {"icsflowlog", "icsauditlog", "icsdiagnosticlog", NULL};

/* ---- ics-flow.log ------------------------------------------------------------------------------ */

/* The lines of one execution. */
struct block {
    char instance[INSTANCE_ID_SIZE];
    struct buf lines;
};

struct flow_log {
    struct store *store;
    struct block *blocks; /* newest first */
    size_t count;
    size_t size; /* of all lines */
    bool is_cut;
    char host[HOST_SIZE];
    const struct instance_row *row; /* of the block that grows */
    struct buf *out;
};

static void append_printable(struct buf *out, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++)
        buf_append_char(out, (unsigned char)*at < 0x20 || *at == 0x7F ? '?' : *at);
}

/* "2026-11-24T02:37:00.123+00:00", as OIC's logs have it. */
static void append_time(struct buf *out, int64_t wall_ms)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format_ms(wall_ms, time);
    buf_printf(out, "[%.23s+00:00]", time);
}

static void begin_line(struct flow_log *log, int64_t wall_ms, bool failed)
{
    const struct instance_row *row = log->row;
    append_time(log->out, wall_ms);
    buf_printf(log->out, " [%s] [%s] [] [sluice.flow]", log->host, failed ? "ERROR" : "NOTIFICATION");
    if (row->invoked_by) {
        buf_append_text(log->out, " [userId: ");
        append_printable(log->out, row->invoked_by);
        buf_append_char(log->out, ']');
    }
    if (row->trace)
        buf_printf(log->out, " [ecid: %s]", row->trace);
    buf_printf(log->out, " [ICS Activity Stream Logging]: [Code:%s][Version:%s][Instance:%s]", row->flow,
               row->version ? row->version : "", row->id);
}

static bool add_activity(void *context, const struct activity *activity)
{
    struct flow_log *log = context;
    struct buf *out = log->out;
    const char *result = activity->result ? activity->result : "ok";
    bool is_line = strcmp(activity->import, "log") == 0;
    begin_line(log, activity->at_ms, strcmp(result, "ok") != 0);
    buf_printf(out, "[Operation:%s][ActionType:%s]:", activity->import, result);
    const char *const texts[] = {activity->connection, activity->subject, activity->detail};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!texts[i] || !texts[i][0])
            continue;
        buf_append_char(out, ' ');
        append_printable(out, texts[i]);
        if (i + 1 < sizeof texts / sizeof texts[0])
            buf_append_char(out, ';');
    }
    if (!is_line)
        buf_printf(out, " (%lld us, %llu bytes)", (long long)activity->duration_us,
                   (unsigned long long)activity->bytes);
    buf_append_char(out, '\n');
    return true;
}

static void add_end(struct flow_log *log)
{
    const struct instance_row *row = log->row;
    bool failed = strcmp(row->state, instance_state_name(INSTANCE_COMPLETED)) != 0;
    if (row->finished_ms == 0)
        return;
    begin_line(log, row->finished_ms, failed);
    buf_printf(log->out, "[Operation:end][ActionType:%s]: Integration execution has %s", row->state,
               failed ? "failed" : "completed");
    if (failed && row->fault_title) {
        buf_append_text(log->out, ": ");
        append_printable(log->out, row->fault_title);
    }
    buf_append_char(log->out, '\n');
}

static bool add_instance(void *context, const struct instance_row *row)
{
    struct flow_log *log = context;
    struct error ignored; /* an instance that was purged meanwhile has no lines */
    log->row = row;
    begin_line(log, row->started_ms, false);
    buf_printf(log->out, "[Operation:begin][ActionType:%s]: Integration execution has started\n",
               row->trigger ? row->trigger : "");
    (void)!store_activities(log->store, row->id, add_activity, log, &ignored);
    add_end(log);
    return true;
}

static bool keep_id(void *context, const struct instance_row *row)
{
    struct flow_log *log = context;
    if (log->count == API_LOGS_INSTANCES_MAX) {
        log->is_cut = true;
        return false;
    }
    snprintf(log->blocks[log->count++].instance, INSTANCE_ID_SIZE, "%s", row->id);
    return true;
}

/* Which executions, newest first. */
static bool find_instances(struct flow_log *log, const struct api_logs_request *request,
                           struct error *err)
{
    const struct store_filter filter = {.from_ms = request->from_ms, .to_ms = request->to_ms,
                                        .limit = API_LOGS_INSTANCES_MAX + 1};
    if (request->instance)
        return store_instance(log->store, request->instance, keep_id, log, err);
    return store_instances(log->store, &filter, keep_id, log, err);
}

/* What fitted of lines, whole lines only. */
static void cut_to_lines(struct buf *lines)
{
    while (lines->size > 0 && lines->data[lines->size - 1] != '\n')
        lines->size--;
}

/* The newest executions whose lines fit, or the beginning of the newest one alone; the others stay
 * empty. */
static void collect_lines(struct flow_log *log)
{
    struct error ignored;
    bool fits = true;
    for (size_t i = 0; i < log->count && fits; i++) {
        struct buf *lines = &log->blocks[i].lines;
        buf_init(lines, API_LOGS_SIZE_MAX - log->size);
        log->out = lines;
        (void)!store_instance(log->store, log->blocks[i].instance, add_instance, log, &ignored);
        fits = !lines->failed;
        log->is_cut = log->is_cut || !fits;
        if (!fits && i == 0)
            cut_to_lines(lines);
        else if (!fits)
            buf_release(lines);
        log->size += lines->size;
    }
}

static void append_blocks(const struct flow_log *log, struct buf *out)
{
    if (log->is_cut)
        buf_printf(out, CUT_LINE, API_LOGS_INSTANCES_MAX, API_LOGS_SIZE_MAX);
    for (size_t i = log->count; i > 0; i--) {
        const struct buf *lines = &log->blocks[i - 1].lines;
        buf_append(out, lines->data, lines->size);
    }
}

static bool write_flow_log(struct store *store, const struct api_logs_request *request,
                           struct buf *out, struct error *err)
{
    struct flow_log log = {.store = store};
    log.blocks = calloc(API_LOGS_INSTANCES_MAX, sizeof *log.blocks);
    if (!log.blocks)
        return error_set(err, ERROR_LIMIT, "out of memory");
    if (gethostname(log.host, sizeof log.host - 1) != 0)
        log.host[0] = '\0';
    bool ok = find_instances(&log, request, err);
    if (ok) {
        collect_lines(&log);
        append_blocks(&log, out);
    }
    for (size_t i = 0; i < log.count; i++)
        buf_release(&log.blocks[i].lines);
    free(log.blocks);
    return ok;
}

/* ---- ics-audit.log ----------------------------------------------------------------------------- */

/* Lines newest first, as the store gives them; turned round when all are there. */
struct audit_log {
    struct buf lines;
    size_t starts[API_LOGS_INSTANCES_MAX];
    size_t count;
    bool is_cut;
};

static void append_upper(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_append_char(out, (char)toupper((unsigned char)*text));
}

static void append_audit(struct buf *out, const struct audit_record *row)
{
    append_time(out, row->at_ms);
    buf_append_text(out, " [userId: ");
    append_printable(out, row->actor);
    buf_append_text(out, "] [");
    append_printable(out, row->actor);
    buf_append_char(out, ',');
    append_upper(out, row->action);
    buf_append_char(out, ',');
    append_printable(out, row->subject);
    buf_append_text(out, "] ");
    append_printable(out, row->outcome);
    if (row->address[0]) {
        buf_append_text(out, " from ");
        append_printable(out, row->address);
    }
    if (row->detail && row->detail[0]) {
        buf_append_text(out, ": ");
        append_printable(out, row->detail);
    }
    buf_append_char(out, '\n');
}

static bool add_audit(void *context, const struct audit_record *row)
{
    struct audit_log *log = context;
    size_t start = log->lines.size;
    log->is_cut = log->count == API_LOGS_INSTANCES_MAX;
    if (log->is_cut)
        return false;
    append_audit(&log->lines, row);
    log->is_cut = log->lines.failed;
    if (!log->is_cut)
        log->starts[log->count++] = start;
    return !log->is_cut;
}

static void append_audits(const struct audit_log *log, struct buf *out)
{
    size_t end = log->lines.size;
    if (log->is_cut)
        buf_printf(out, CUT_LINE, API_LOGS_INSTANCES_MAX, API_LOGS_SIZE_MAX);
    if (log->lines.failed) /* the last one is not whole */
        for (; end > 0 && log->lines.data[end - 1] != '\n'; end--)
            ;
    for (size_t i = log->count; i > 0; i--) {
        buf_append(out, log->lines.data + log->starts[i - 1], end - log->starts[i - 1]);
        end = log->starts[i - 1];
    }
}

static bool write_audit_log(struct store *store, const struct api_logs_request *request,
                            struct buf *out, struct error *err)
{
    const struct audit_filter filter = {.from_ms = request->from_ms, .to_ms = request->to_ms,
                                        .limit = API_LOGS_INSTANCES_MAX + 1};
    struct audit_log *log = calloc(1, sizeof *log);
    if (!log)
        return error_set(err, ERROR_LIMIT, "out of memory");
    buf_init(&log->lines, API_LOGS_SIZE_MAX);
    bool ok = store_audits(store, &filter, add_audit, log, err);
    if (ok)
        append_audits(log, out);
    buf_release(&log->lines);
    free(log);
    return ok;
}

/* ---- archives ---------------------------------------------------------------------------------- */

static bool answer_archive(const char *id, const struct archive_file *files, size_t count,
                           struct http_answer *answer, struct error *err)
{
    char disposition[128];
    struct buf bytes;
    buf_init(&bytes, API_LOGS_SIZE_MAX + METRICS_SIZE_MAX);
    if (!archive_write(files, count, clock_wall_ms() / 1000, &bytes, err)) {
        buf_release(&bytes);
        return false;
    }
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s.zip\"", id);
    buf_release(&answer->body);
    answer->body = bytes;
    answer->status = 200;
    snprintf(answer->content_type, sizeof answer->content_type, "application/octet-stream");
    http_answer_field(answer, "Content-Disposition", disposition);
    return true;
}

typedef bool write_log_fn(struct store *store, const struct api_logs_request *request,
                          struct buf *out, struct error *err);

/* One log of the store as the only file of its archive. */
static bool answer_store_log(struct store *store, const struct api_logs_request *request,
                             const char *name, write_log_fn *write_log,
                             struct http_answer *answer, struct error *err)
{
    struct buf lines;
    buf_init(&lines, API_LOGS_SIZE_MAX + 1024);
    bool ok = write_log(store, request, &lines, err);
    const struct archive_file file = {name, buf_text(&lines), lines.size};
    ok = ok && answer_archive(request->id, &file, 1, answer, err);
    buf_release(&lines);
    return ok;
}

static bool answer_diagnostic_log(const struct api_logs_request *request,
                                  struct http_answer *answer, struct error *err)
{
    const struct log_filter filter = {
        .from_ms = request->instance ? 0 : request->from_ms,
        .to_ms = request->instance ? 0 : request->to_ms,
        .instance = request->instance,
    };
    struct buf lines, metrics;
    buf_init(&lines, API_LOGS_SIZE_MAX);
    buf_init(&metrics, METRICS_SIZE_MAX);
    log_recent(&filter, &lines);
    metrics_write(METRICS_TEXT, &metrics);
    const struct archive_file files[] = {
        {"ics-diagnostic.log", buf_text(&lines), lines.size},
        {"metrics.txt", buf_text(&metrics), metrics.size},
    };
    bool ok = lines.failed || metrics.failed
                  ? error_set(err, ERROR_LIMIT, "out of memory")
                  : answer_archive(request->id, files, 2, answer, err);
    buf_release(&lines);
    buf_release(&metrics);
    return ok;
}

bool api_logs_answer(struct store *store, const struct api_logs_request *request,
                     struct http_answer *answer, struct error *err)
{
    if (strcmp(request->id, "icsflowlog") == 0)
        return answer_store_log(store, request, "ics-flow.log", write_flow_log, answer, err);
    if (strcmp(request->id, "icsauditlog") == 0)
        return answer_store_log(store, request, "ics-audit.log", write_audit_log, answer, err);
    if (strcmp(request->id, "icsdiagnosticlog") == 0)
        return answer_diagnostic_log(request, answer, err);
    return error_set(err, ERROR_NOT_FOUND, "there is no log '%.64s'; there are icsflowlog, icsauditlog "
                                           "and icsdiagnosticlog", request->id);
}
