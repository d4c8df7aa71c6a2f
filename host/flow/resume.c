/* SPDX-License-Identifier: MIT */
/* See resume.h. */
#include "flow/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "capability/watch.h"
#include "flow/kept_module.h"
#include "flow/run_lock.h"
#include "store/store_journal.h"
#include "store/store_reminder.h"

#define PARAMETERS_SIZE_MAX (1u << 20)

/* ---- what it began with ---------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static bool take_row(void *context, const struct instance_row *row)
{
    struct resume_input *out = context;
    copy_text(out->id, sizeof out->id, row->id);
    copy_text(out->digest, sizeof out->digest, row->module_digest);
    copy_text(out->flow, sizeof out->flow, row->flow);
    copy_text(out->trigger, sizeof out->trigger, row->trigger);
    copy_text(out->invoked_by, sizeof out->invoked_by, row->invoked_by);
    copy_text(out->parent, sizeof out->parent, row->parent);
    out->started_ms = row->started_ms;
    out->is_finished = row->finished_ms != 0;
    buf_append_text(&out->parameters, row->parameters ? row->parameters : "{}");
    return false;
}

bool resume_input_read(struct resume_input *out, struct service *service, const char *id,
                       struct error *err)
{
    *out = (struct resume_input){.started_ms = 0};
    buf_init(&out->parameters, PARAMETERS_SIZE_MAX);
    buf_init(&out->input, MANIFEST_INPUT_BYTES_MAX);
    struct error none = {0};
    if (!store_instance(service->store, id, take_row, out, err))
        return false;
    if (!store_payload(service->store, out->id, "input", &out->input, &none) &&
        none.kind != ERROR_NOT_FOUND) { /* a scheduled flow has none */
        *err = none;
        return false;
    }
    return true;
}

void resume_input_release(struct resume_input *input)
{
    buf_release(&input->parameters);
    buf_release(&input->input);
}

/* Parameters point into the parsed document, which the caller keeps. */
static size_t read_parameters(const cJSON *document, struct named_value *out, size_t count_max)
{
    size_t count = 0;
    for (const cJSON *node = document ? document->child : NULL; node && count < count_max;
         node = node->next)
        if (cJSON_IsString(node))
            out[count++] = (struct named_value){node->string, node->valuestring};
    return count;
}

/* ---- running --------------------------------------------------------------------------------- */

bool resume_run(struct service *service, const struct flow *flow, const struct resume_input *input,
                bool is_replay, const struct run_watch *watch, struct execution *execution,
                struct execution_end *end, struct error *err)
{
    struct named_value parameters[MANIFEST_PARAMETERS_MAX];
    cJSON *document = cJSON_ParseWithLength(buf_text(&input->parameters), input->parameters.size);
    const struct execution_start start = {
        .flow = flow,
        .trigger = input->trigger,
        .invoked_by = input->invoked_by,
        .parameters = parameters,
        .parameter_count = read_parameters(document, parameters, MANIFEST_PARAMETERS_MAX),
        .input = buf_text(&input->input),
        .input_size = input->input.size,
        .watch = watch,
        .resumes = input->id,
        .started_ms = input->started_ms,
        .deadline_ms = input->deadline_ms,
        .is_replay = is_replay,
    };
    bool ok = execute(service, &start, execution, end, err);
    cJSON_Delete(document);
    return ok;
}

/* What began it is gone for good: nobody can go on with it and what it called. */
static bool end_lost(struct service *service, const char *id, const struct error *why,
                     struct error *err)
{
    const struct instance_end row = {
        .finished_ms = clock_wall_ms(),
        .fault_code = "interrupted",
        .fault_title = "The process that ran the flow ended, and the flow cannot go on",
        .fault_detail = why->message,
    };
    log_line(LOG_ERROR, id, "cannot be resumed: %s", why->message);
    return store_give_back(service->store, id, why->message, err) &&
           store_abandon(service->store, id, &row, err);
}

/* It stays unfinished, whatever kept it from going on, and somebody looks at it again. */
static bool leave(struct service *service, const struct resume_input *input, struct error *err)
{
    struct error why = *err, ignored = {0};
    if (!store_give_back(service->store, input->id, why.message, &ignored))
        log_line(LOG_ERROR, input->id, "why it cannot go on could not be recorded: %s", ignored.message);
    return error_set(err, ERROR_UNAVAILABLE,
                     "instance %s of flow '%s' is unfinished and cannot go on now: %s", input->id,
                     input->flow, why.message);
}

static bool run_taken(struct service *service, const struct flow *flow,
                      const struct resume_input *input, const struct run_watch *watch,
                      struct error *err)
{
    struct execution_end end;
    struct execution *execution = calloc(1, sizeof *execution);
    if (!execution) {
        error_set(err, ERROR_LIMIT, "out of memory");
        return leave(service, input, err);
    }
    log_line(LOG_WARNING, input->id, "goes on with flow '%s' where an earlier process ended",
             input->flow);
    bool ok = resume_run(service, flow, input, false, watch, execution, &end, err) ||
              leave(service, input, err);
    if (ok && end.state == INSTANCE_IN_PROGRESS)
        ok = error_set(err, ERROR_UNAVAILABLE,
                       "instance %s of flow '%s' is unfinished and cannot go on now: %s", input->id,
                       input->flow, execution->stop_detail);
    execution_release(execution);
    free(execution);
    return ok;
}

static bool run_kept(struct service *service, const struct resume_input *input,
                     const struct run_watch *watch, struct error *err)
{
    struct flow flow = {.path = NULL};
    struct error why = {0};
    if (!kept_module_check(service->workspace, input->digest, &why) &&
        (why.kind == ERROR_NOT_FOUND || why.kind == ERROR_INVALID))
        return end_lost(service, input->id, &why, err);
    bool ok = kept_module_open(&flow, service->workspace, input->digest, err)
                  ? run_taken(service, &flow, input, watch, err)
                  : leave(service, input, err);
    kept_module_close(&flow);
    return ok;
}

static bool resume_one(struct service *service, const char *id, const struct run_watch *watch,
                       int64_t deadline_ms, struct error *err)
{
    struct resume_input input;
    bool ok = resume_input_read(&input, service, id, err) &&
              store_take_over(service->store, input.id, err);
    input.deadline_ms = deadline_ms;
    ok = ok && run_kept(service, &input, watch, err);
    resume_input_release(&input);
    return ok;
}

/* Some of the unfinished instances, and where the next ones begin. */
struct unfinished {
    struct {
        char id[INSTANCE_ID_SIZE], flow[MANIFEST_NAME_SIZE_MAX + 1];
    } list[STORE_UNFINISHED_MAX];
    size_t count;
    int64_t after;
};

static bool note(void *context, const struct instance_row *row)
{
    struct unfinished *unfinished = context;
    size_t index = unfinished->count++;
    copy_text(unfinished->list[index].id, INSTANCE_ID_SIZE, row->id);
    copy_text(unfinished->list[index].flow, sizeof unfinished->list[index].flow, row->flow);
    return false;
}

/* NULL: err is set. */
static struct unfinished *unfinished_new(struct error *err)
{
    struct unfinished *unfinished = calloc(1, sizeof *unfinished);
    if (!unfinished)
        error_set(err, ERROR_LIMIT, "out of memory");
    return unfinished;
}

/* The next ones; count is 0 behind the last. Those that cannot go on now do not hold up the others. */
static bool next_unfinished(struct service *service, const char *identifier,
                            struct unfinished *unfinished, struct error *err)
{
    unfinished->count = 0;
    return store_unfinished(service->store, identifier, &unfinished->after, note, unfinished, err);
}

bool resume_flow(struct service *service, const char *identifier, const struct run_watch *watch,
                 int64_t deadline_ms, struct error *err)
{
    struct unfinished *unfinished = unfinished_new(err);
    bool ok = unfinished && next_unfinished(service, identifier, unfinished, err);
    while (ok && unfinished->count > 0) {
        for (size_t i = 0; ok && i < unfinished->count; i++)
            ok = resume_one(service, unfinished->list[i].id, watch, deadline_ms, err);
        ok = ok && next_unfinished(service, identifier, unfinished, err);
    }
    free(unfinished);
    return ok;
}

/* Under the flow's lock: a run that goes on has resumed what there was. What other processes delivered and
 * could not mark must not be sent again: it is read anew, as before a new run. */
static bool resume_alone(struct service *service, const char *id, const char *flow,
                         const struct run_watch *watch, int64_t deadline_ms)
{
    struct error err = {0};
    int lock = -1;
    bool ok = run_lock_take(service->workspace->state_folder, flow, &lock, &err) &&
              store_reminders_refresh(service->store, &err) &&
              resume_one(service, id, watch, deadline_ms, &err);
    run_lock_release(lock);
    if (!ok && err.kind != ERROR_EXISTS && err.kind != ERROR_NOT_FOUND)
        log_line(LOG_WARNING, id, "%s", err.message);
    return ok;
}

bool resume_all(struct service *service, const struct run_watch *watch, size_t *left,
                struct error *err)
{
    struct unfinished *unfinished = unfinished_new(err);
    bool ok = unfinished && next_unfinished(service, NULL, unfinished, err);
    *left = 0;
    while (ok && unfinished->count > 0) {
        for (size_t i = 0; i < unfinished->count; i++)
            if (watch_should_stop(watch) ||
                !resume_alone(service, unfinished->list[i].id, unfinished->list[i].flow, watch, 0))
                ++*left;
        ok = next_unfinished(service, NULL, unfinished, err);
    }
    free(unfinished);
    return ok;
}

void service_resume(struct service *service, size_t flow, const struct run_watch *watch,
                    int64_t deadline_ms)
{
    const struct manifest *manifest = service_manifest(service, flow);
    struct error err = {0};
    if (manifest->durability != DURABLE || !manifest_answers(manifest))
        return;
    struct unfinished *unfinished = unfinished_new(&err);
    bool ok = unfinished && next_unfinished(service, manifest->identifier, unfinished, &err);
    while (ok && unfinished->count > 0) {
        for (size_t i = 0; i < unfinished->count; i++)
            (void)resume_alone(service, unfinished->list[i].id, manifest->identifier, watch,
                               deadline_ms);
        ok = next_unfinished(service, manifest->identifier, unfinished, &err);
    }
    if (!ok)
        log_line(LOG_ERROR, NULL, "what is unfinished of flow '%s' is not known: %s",
                 manifest->identifier, err.message);
    free(unfinished);
}
