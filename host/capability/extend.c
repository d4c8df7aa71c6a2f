/* SPDX-License-Identifier: MIT */
/* Capability flow, extension points: messages and files through the tenant's customisations. The set of an
 * execution has filters only at points that its manifest declares. */
#include <stdlib.h>

#include "base/clock.h"
#include "capability/filter_run.h"
#include "capability/filter_stream.h"
#include "capability/handlers.h"
#include "capability/object.h"

static bool run_one(struct call *call, const struct filter_site *site, const struct filter *filter,
                    struct buf *message, struct buf *out)
{
    int64_t started_ns = clock_monotonic_ns();
    bool ok = filter_run_message(site, filter, buf_text(message), message->size, out, &call->error);
    filter_record(call->execution, filter, started_ns, message->size, out->size,
                  ok ? NULL : &call->error);
    const struct buf spent = *message;
    *message = *out;
    *out = spent;
    return ok;
}

static bool run_all(struct call *call, struct buf *message)
{
    struct execution *execution = call->execution;
    struct guest *guest = execution->guest;
    const char *point = call->args[0].text;
    const struct filter_site site = filter_site_of(execution, execution->manifest->identifier);
    const struct filter *filter = NULL;
    struct buf out;
    bool ok = true;
    buf_init(&out, 0);
    while (ok && (filter = filter_next(execution->filters, point, filter)))
        ok = run_one(call, &site, filter, message, &out);
    execution->guest = guest;
    buf_release(&out);
    return ok;
}

int32_t capability_flow_extensions(struct call *call)
{
    int32_t count = 0;
    const struct filter *filter = NULL;
    while ((filter = filter_next(call->execution->filters, call->args[0].text, filter)))
        count++;
    return count;
}

int32_t capability_flow_extend(struct call *call)
{
    const struct argument *message = &call->args[1];
    if (!filter_next(call->execution->filters, call->args[0].text, NULL))
        return 0;
    struct http_response *response = calloc(1, sizeof *response);
    if (!response)
        return call_out_of_memory(call);
    response->status = 200;
    buf_init(&response->body, SLUICE_BYTES_SIZE_MAX);
    buf_append(&response->body, message->text, message->size);
    if (!response->body.failed && run_all(call, &response->body))
        return call_open_handle(call, HANDLE_RESPONSE, response, object_release_response);
    object_release_response(response);
    return call->error.kind == ERROR_NONE ? call_out_of_memory(call) : call_failed(call);
}

/* One that cannot be used fails the step before a byte of the file moves. */
static bool check_usable(struct call *call)
{
    struct execution *execution = call->execution;
    const struct filter_site site = filter_site_of(execution, execution->manifest->identifier);
    const struct filter *filter = NULL;
    while ((filter = filter_next(execution->filters, call->args[0].text, filter)))
        if (!filter->module)
            return filter_run_fail(&site, filter, &call->error, "cannot be used: %s",
                                   filter->problem.message);
    return true;
}

/* Of the file, with those of the point behind them. False: no memory, or more than FILTER_SETS_TEXT_MAX. */
static bool add_filters(struct call *call, struct remote_file *file)
{
    struct buf lines;
    buf_init(&lines, FILTER_SETS_TEXT_MAX);
    buf_append_text(&lines, file->filters ? file->filters : "");
    filter_set_text(call->execution->filters, call->args[0].text, &lines);
    bool is_full = lines.is_full;
    free(file->filters);
    file->filters = buf_take(&lines, NULL);
    if (is_full)
        return error_set(&call->error, ERROR_LIMIT, "the file has filters of more than %u bytes",
                         FILTER_SETS_TEXT_MAX);
    return file->filters || error_out_of_memory(&call->error);
}

int32_t capability_flow_extend_file(struct call *call)
{
    const struct remote_file *file = call->args[1].object;
    if (!file) {
        error_set(&call->error, ERROR_INVALID, "no file was given to filter");
        return SLUICE_BAD_HANDLE;
    }
    if (!filter_next(call->execution->filters, call->args[0].text, NULL))
        return 0;
    if (!check_usable(call))
        return call_failed(call);
    struct remote_file *filtered = calloc(1, sizeof *filtered);
    if (!filtered || !remote_file_copy(file, filtered)) {
        free(filtered);
        return call_out_of_memory(call);
    }
    if (add_filters(call, filtered))
        return call_open_handle(call, HANDLE_FILE, filtered, object_release_file);
    object_release_file(filtered);
    return call_failed(call);
}
