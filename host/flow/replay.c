/* SPDX-License-Identifier: MIT */
/* See replay.h. */
#include "flow/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability/journal.h"
#include "flow/kept_module.h"
#include "flow/resume.h"

/* How the instance ended when it ran. */
struct ending {
    char state[16];
    int exit_status, response_status;
    bool is_durable;
};

static bool take_ending(void *context, const struct instance_row *row)
{
    struct ending *ending = context;
    snprintf(ending->state, sizeof ending->state, "%s", row->state);
    ending->exit_status = row->exit_status;
    ending->response_status = row->response_status;
    ending->is_durable = row->is_durable;
    return false;
}

static void differ(struct replay_report *report, const char *format, ...) PRINTF_LIKE(2, 3);

static void differ(struct replay_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(report->difference, sizeof report->difference, format, args);
    va_end(args);
    report->is_same = false;
}

/* The guest came to an end of its own: as it did then? */
static void compare_end(const struct ending *then, const struct execution_end *now,
                        const struct execution *execution, struct replay_report *report)
{
    if (report->answered < report->calls)
        differ(report, "it ended after %zu calls; the journal has %zu", report->answered,
               report->calls);
    else if (!report->is_finished)
        differ(report, "it came to its end, which the instance has not");
    else if (strcmp(then->state, instance_state_name(now->state)) != 0 ||
             then->exit_status != now->exit_status)
        differ(report, "it ended as %s with exit status %d; then as %s with %d",
               instance_state_name(now->state), now->exit_status, then->state, then->exit_status);
    else if (then->response_status && then->response_status != execution->response_status)
        differ(report, "it answered with status %d; then with %d", execution->response_status,
               then->response_status);
}

/* False: the journal did not tell how it goes on, so that nothing can be said. */
static bool judge(const struct ending *then, const struct execution_end *now,
                  const struct execution *execution, struct replay_report *report, struct error *err)
{
    bool is_over = journal_is_over(execution->journal);
    journal_count(execution->journal, &report->calls, &report->answered);
    report->is_same = true;
    if (execution->stop && execution->stop != FAULT_DIVERGED && !is_over)
        return error_set(err, ERROR_BROKEN, "instance %s cannot be run again: %s", report->instance,
                         execution->stop_detail);
    if (execution->stop == FAULT_DIVERGED || (execution->stop && report->is_finished))
        differ(report, "%s", execution->stop_detail);
    else if (!execution->stop)
        compare_end(then, now, execution, report);
    return true;
}

static bool replay(struct service *service, const struct flow *flow,
                   const struct resume_input *input, const struct ending *ending,
                   const struct run_watch *watch, struct replay_report *report, struct error *err)
{
    struct execution_end end;
    struct execution *execution = calloc(1, sizeof *execution);
    if (!execution)
        return error_set(err, ERROR_LIMIT, "out of memory");
    bool ok = resume_run(service, flow, input, true, watch, execution, &end, err);
    ok = ok && judge(ending, &end, execution, report, err);
    if (ok)
        execution_outcome(&report->outcome, execution, &end);
    execution_release(execution);
    free(execution);
    return ok;
}

static bool open_module(struct flow *out, const struct service *service,
                        const struct resume_input *input, const char *module, struct error *err)
{
    if (!module)
        return kept_module_open(out, service->workspace, input->digest, err);
    if (!flow_open(out, service->workspace, module, err))
        return false;
    return manifest_is_called(out->manifest, input->flow) ||
           error_set(err, ERROR_INVALID, "'%s' is flow '%s', the instance is one of '%s'", module,
                     out->manifest->identifier, input->flow);
}

bool service_replay(struct service *service, const char *id, const char *module,
                    const struct run_watch *watch, struct replay_report *report, struct error *err)
{
    struct resume_input input;
    struct ending ending = {.state = ""};
    struct flow flow = {.path = NULL};
    *report = (struct replay_report){.is_same = false};
    bool ok = resume_input_read(&input, service, id, err) &&
              store_instance(service->store, input.id, take_ending, &ending, err);
    if (ok && !ending.is_durable)
        ok = error_set(err, ERROR_UNSUPPORTED,
                       "instance %s has no journal: only flows whose manifest says \"durable\" keep "
                       "one, and not where a file came with the call", input.id);
    ok = ok && open_module(&flow, service, &input, module, err);
    if (ok) {
        memcpy(report->instance, input.id, sizeof report->instance);
        report->is_finished = input.is_finished;
        ok = replay(service, &flow, &input, &ending, watch, report, err);
    }
    flow_close(&flow);
    resume_input_release(&input);
    return ok;
}
