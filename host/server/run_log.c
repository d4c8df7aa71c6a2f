/* SPDX-License-Identifier: MIT */
/* Events of a run into log lines; see run_log.h. */
#include "server/run_log.h"

#include <stdio.h>

#include "base/log.h"
#include "sluice/abi.h"

static void on_started(void *context, const char *instance, const char *flow)
{
    struct run_log *log = context;
    bool is_first = !log->instance[0];
    if (is_first)
        snprintf(log->instance, sizeof log->instance, "%s", instance);
    log_line(LOG_INFO, instance, "flow '%s' started%s%.128s", flow,
             log->call && is_first ? " by call " : "", log->call && is_first ? log->call : "");
}

static void on_file(void *context, const char *name, int state, const char *detail, uint64_t size,
                    uint64_t index, uint64_t total)
{
    const struct run_log *log = context;
    (void)index, (void)total;
    if (state == SLUICE_FILE_TRANSFERRED)
        log_line(LOG_INFO, log->instance, "file '%s' transferred, %llu bytes", name,
                 (unsigned long long)size);
    else if (state == SLUICE_FILE_NOT_TRANSFERRED || state == SLUICE_FILE_POSTPONED)
        log_line(LOG_WARNING, log->instance, "file '%s' %s: %s", name,
                 state == SLUICE_FILE_POSTPONED ? "postponed" : "not transferred",
                 detail ? detail : "");
}

static void on_line(void *context, const char *text)
{
    const struct run_log *log = context;
    log_line(LOG_INFO, log->instance, "%s", text);
}

static void on_notice(void *context, const char *subject, const char *to, bool is_held)
{
    const struct run_log *log = context;
    (void)to; /* addresses of people do not belong into a log */
    log_line(LOG_INFO, log->instance, "mail '%s' %s", subject,
             is_held ? "was held back" : "went to the outbox");
}

static bool on_stop(void *context)
{
    const struct run_log *log = context;
    return log->should_stop && log->should_stop(log->context);
}

struct run_watch run_log_watch(struct run_log *log)
{
    return (struct run_watch){.context = log, .started = on_started, .file = on_file,
                              .line = on_line, .notice = on_notice, .should_stop = on_stop};
}
