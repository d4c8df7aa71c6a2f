/* SPDX-License-Identifier: MIT */
/* See replay.h. */
#include "flow/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability/journal.h"
#include "capability/watch.h"
#include "flow/kept_module.h"
#include "flow/replay_files.h"
#include "flow/resume.h"

/* How the instance ended when it ran. */
struct ending {
    char state[16], fault_code[64], fault_title[256];
    int exit_status, response_status;
    bool is_durable, has_response; /* the text of its answer was kept */
    struct buf fault_detail, response;
};

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static bool take_ending(void *context, const struct instance_row *row)
{
    struct ending *ending = context;
    copy_text(ending->state, sizeof ending->state, row->state);
    copy_text(ending->fault_code, sizeof ending->fault_code, row->fault_code);
    copy_text(ending->fault_title, sizeof ending->fault_title, row->fault_title);
    buf_append_text(&ending->fault_detail, row->fault_detail ? row->fault_detail : "");
    ending->exit_status = row->exit_status;
    ending->response_status = row->response_status;
    ending->is_durable = row->is_durable;
    ending->has_response = row->tracing && strcmp(row->tracing, STORE_TRACING_DEBUG) == 0;
    return false;
}

/* An empty answer has no row. */
static bool read_response(struct store *store, const char *id, struct ending *ending, struct error *err)
{
    struct error none = {0};
    if (!ending->has_response || store_payload(store, id, "response", &ending->response, &none) ||
        none.kind == ERROR_NOT_FOUND)
        return true;
    *err = none;
    return false;
}

static bool read_ending(struct service *service, const char *id, struct ending *ending, struct error *err)
{
    buf_init(&ending->fault_detail, EXECUTION_DETAIL_MAX);
    buf_init(&ending->response, EXECUTION_RESPONSE_MAX);
    return store_instance(service->store, id, take_ending, ending, err) &&
           read_response(service->store, id, ending, err);
}

static void release_ending(struct ending *ending)
{
    buf_release(&ending->fault_detail);
    buf_release(&ending->response);
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

static bool is_same_text(const struct buf *one, const struct buf *other)
{
    return one->size == other->size && memcmp(buf_text(one), buf_text(other), one->size) == 0;
}

static bool is_same_fault(const struct ending *then, const struct execution *now)
{
    return strcmp(then->fault_code, now->fault_code) == 0 &&
           strcmp(then->fault_title, now->fault_title) == 0 &&
           is_same_text(&then->fault_detail, &now->fault_detail);
}

static void compare_answer(const struct ending *then, const struct execution *now,
                           struct replay_report *report)
{
    int status = manifest_answers(now->manifest) ? now->response_status : 0;
    report->is_answer_unknown = status != 0 && !then->has_response;
    if (then->response_status != status)
        differ(report, "it answered with status %d; then with %d", status, then->response_status);
    else if (then->has_response && !is_same_text(&then->response, &now->response))
        differ(report, "it answered with other text: %.200s; then %.200s", buf_text(&now->response),
               buf_text(&then->response));
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
    else if (strcmp(then->state, instance_state_name(INSTANCE_COMPLETED)) != 0 &&
             !is_same_fault(then, execution))
        differ(report, "it failed with %s, %s: %.200s; then with %s, %s: %.200s", execution->fault_code,
               execution->fault_title, buf_text(&execution->fault_detail), then->fault_code,
               then->fault_title, buf_text(&then->fault_detail));
    else
        compare_answer(then, execution, report);
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

/* ---- running --------------------------------------------------------------------------------- */

/* Between the replay and who watches it. */
struct listener {
    const struct run_watch *watch;
    struct replay_files files;
};

static void hear_line(void *context, const char *text)
{
    watch_line(((const struct listener *)context)->watch, text);
}

static void hear_file(void *context, const char *name, int state, const char *detail, uint64_t size,
                      uint64_t index, uint64_t total)
{
    (void)size, (void)index, (void)total;
    replay_files_take(&((struct listener *)context)->files, name, (uint32_t)state, detail);
}

/* Of one that ended, as far as nothing else differs. */
static bool compare_files(struct service *service, struct listener *listener, struct replay_report *report,
                          struct error *err)
{
    if (!report->is_same || !report->is_finished)
        return true;
    if (!replay_files_compare(&listener->files, service->store, report->instance, report->difference, err))
        return false;
    report->is_same = report->difference[0] == '\0';
    return true;
}

static bool replay(struct service *service, const struct flow *flow,
                   const struct resume_input *input, const struct ending *ending,
                   const struct run_watch *watch, struct replay_report *report, struct error *err)
{
    struct execution_end end;
    struct listener listener = {.watch = watch};
    const struct run_watch hear = {.context = &listener, .line = hear_line, .file = hear_file};
    struct execution *execution = calloc(1, sizeof *execution);
    if (!execution)
        return error_set(err, ERROR_LIMIT, "out of memory");
    replay_files_init(&listener.files);
    bool ok = resume_run(service, flow, input, true, &hear, execution, &end, err) &&
              judge(ending, &end, execution, report, err) &&
              compare_files(service, &listener, report, err);
    if (ok)
        execution_outcome(&report->outcome, execution, &end);
    replay_files_release(&listener.files);
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
              read_ending(service, input.id, &ending, err);
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
    release_ending(&ending);
    return ok;
}
