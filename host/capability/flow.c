/* SPDX-License-Identifier: MIT */
/* Capability flow: what triggered the execution, lookups, child flows, the answer and the fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "capability/content.h"
#include "capability/handlers.h"
#include "capability/journal.h"
#include "capability/object.h"
#include "capability/retry.h"
#include "capability/watch.h"

int32_t capability_flow_input(struct call *call)
{
    const struct execution *execution = call->execution;
    return call_put(&call->args[0], execution->input, execution->input_size);
}

int32_t capability_flow_parameter(struct call *call)
{
    const struct execution *execution = call->execution;
    for (size_t i = 0; i < execution->parameter_count; i++)
        if (strcmp(execution->parameters[i].name, call->args[0].text) == 0)
            return call_put_text(&call->args[1], execution->parameters[i].value);
    error_set(&call->error, ERROR_NOT_FOUND, "parameter '%s' was not given", call->args[0].text);
    return call_failed(call);
}

/* Of the open listings. They keep it in the journal, so that it is the same at every replay. */
static size_t count_unparsed(const struct handle_table *handles)
{
    size_t count = 0;
    for (size_t i = 0; i < SLUICE_HANDLES_MAX; i++)
        if (handles->slots[i].kind == HANDLE_LISTING)
            count += ((struct listing_cursor *)handles->slots[i].object)->listing.unparsed;
    return count;
}

int32_t capability_flow_about(struct call *call)
{
    const struct execution *execution = call->execution;
    const struct workspace *workspace = execution->environment->workspace;
    char started[CLOCK_TEXT_SIZE], size_max[24], unparsed[24];
    snprintf(size_max, sizeof size_max, "%llu", (unsigned long long)workspace->file_size_max);
    snprintf(unparsed, sizeof unparsed, "%zu", count_unparsed(&execution->handles));
    clock_format_ms(execution->started_ms, started);
    const struct named_value facts[] = {
        {"instance", execution->instance},
        {"flow", execution->manifest->identifier},
        {"name", execution->manifest->name},
        {"version", execution->manifest->version},
        {"trigger", execution->trigger},
        {"invoked_by", execution->invoked_by},
        {"started", started},
        {"base_url", workspace->base_url},
        {"file_size_max", size_max},
        {"not_understood", unparsed},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (strcmp(facts[i].name, call->args[0].text) == 0)
            return call_put_text(&call->args[1], facts[i].value ? facts[i].value : "");
    error_set(&call->error, ERROR_INVALID, "nothing is known about '%s'", call->args[0].text);
    return call_failed(call);
}

int32_t capability_flow_lookup(struct call *call)
{
    const char *table = call->args[0].text, *property = call->args[1].text;
    call->subject = property;
    if (!manifest_allows_lookup(call->execution->manifest, table, &call->error))
        return call_failed(call);
    const struct lookup *lookup =
        snapshot_lookup(call->execution->snapshot, table, &call->error);
    if (!lookup)
        return call_failed(call);
    const char *value = lookup_get(lookup, property);
    if (value)
        return call_put_text(&call->args[2], value);
    error_set(&call->error, ERROR_NOT_FOUND, "lookup '%s' has no property '%s'", table, property);
    return call_failed(call);
}

int32_t capability_flow_attachment(struct call *call)
{
    struct execution *execution = call->execution;
    if (execution->attachment)
        return call_open_handle(call, HANDLE_FILE, (void *)execution->attachment, NULL);
    error_set(&call->error, ERROR_NOT_FOUND, "no file came with this message");
    return call_failed(call);
}

/* Another host's queue is full. What its flows answer is theirs: they tried again themselves. */
static bool is_refused_for_now(struct call *call, const struct http_response *response)
{
    uint32_t after_ms;
    if (call->connection->type != CONNECTION_REST || response->status != 429)
        return false;
    enum error_retry retry = http_answer_retry("POST", response, &after_ms);
    return retry_answer(call, retry, after_ms, response->status);
}

/* In this process the callee's own row, which names this call, comes behind it: it is the intent, and who
 * looks for it settles a doubt. Another host cannot be asked what became of an earlier call. */
static bool announce_call(struct call *call)
{
    bool is_remote = call->connection->type == CONNECTION_REST;
    call->is_settled = true;
    if (is_remote && call->is_in_doubt)
        return error_set(&call->error, ERROR_UNKNOWN, "flow '%s' was called over connection '%s' before the "
                         "process ended, and its answer is not known", call->args[1].text,
                         call->connection->name);
    return journal_announce(call, "", 0, is_remote ? JOURNAL_ON_DISK : JOURNAL_IN_ORDER);
}

/* A part of an answer is another answer. */
static bool is_whole(struct call *call, const struct http_response *response)
{
    bool is_cut = buf_is_out_of_memory(&response->headers) || buf_is_out_of_memory(&response->body);
    return !is_cut || error_out_of_memory(&call->error);
}

int32_t capability_flow_call(struct call *call)
{
    struct execution *execution = call->execution;
    call->subject = call->args[1].text;
    struct http_response *response = calloc(1, sizeof *response);
    if (!response)
        return call_out_of_memory(call);
    if (!announce_call(call) ||
        !execution->environment->call_flow(execution, call->connection, call->args[1].text,
                                           call->args[2].text, call->args[2].size,
                                           call->args[3].object, response, &call->error) ||
        is_refused_for_now(call, response) || !is_whole(call, response)) {
        object_release_response(response);
        return call_failed(call);
    }
    char note[32];
    call->status = response->status;
    int length = snprintf(note, sizeof note, "HTTP status %d", response->status);
    call->note = arena_copy(&execution->scratch, note, (size_t)length);
    return call_open_handle(call, HANDLE_RESPONSE, response, object_release_response);
}

int32_t capability_flow_respond(struct call *call)
{
    struct execution *execution = call->execution;
    uint32_t status = call->args[0].number;
    const char *type = call->args[1].text;
    if (status < 200 || status > 599) {
        error_set(&call->error, ERROR_INVALID, "%u is not a status that ends a request", status);
        return call_failed(call);
    }
    if (text_has_control(type) || call->args[1].size >= sizeof execution->response_type) {
        error_set(&call->error, ERROR_INVALID,
                  "the content type holds control bytes or %zu bytes or more",
                  sizeof execution->response_type);
        return call_failed(call);
    }
    buf_clear(&execution->response);
    buf_append(&execution->response, call->args[2].text, call->args[2].size);
    if (execution->response.failed) {
        bool is_out_of_memory = buf_is_out_of_memory(&execution->response);
        buf_clear(&execution->response);
        if (is_out_of_memory)
            return call_out_of_memory(call);
        error_set(&call->error, ERROR_LIMIT, "response is larger than %u bytes",
                  EXECUTION_RESPONSE_MAX);
        return call_failed(call);
    }
    execution->response_status = (int)status;
    snprintf(execution->response_type, sizeof execution->response_type, "%s", type);
    return SLUICE_OK;
}

void execution_fault(struct execution *execution, const char *code, const char *title,
                     const char *detail)
{
    if (execution->has_fault)
        return;
    execution->has_fault = true;
    snprintf(execution->fault_code, sizeof execution->fault_code, "%s", code);
    snprintf(execution->fault_title, sizeof execution->fault_title, "%s", title);
    buf_append_text(&execution->fault_detail, detail);
}

int32_t capability_flow_fail(struct call *call)
{
    execution_fault(call->execution, call->args[0].text, call->args[1].text, call->args[2].text);
    return SLUICE_OK;
}

int32_t capability_flow_fault(struct call *call)
{
    const struct last_failure *failure = &call->execution->failure;
    if (!failure->is_set)
        return SLUICE_NOT_FOUND;
    struct buf json;
    buf_init(&json, 16384);
    const char *kind = error_kind_name(failure->error.kind);
    buf_printf(&json, "{\"code\":\"%s\",\"title\":\"%s failed\",\"detail\":", kind, failure->import);
    json_append_text(&json, failure->error.message, strlen(failure->error.message));
    buf_append_text(&json, ",\"connection\":");
    json_append_text(&json, failure->connection, strlen(failure->connection));
    buf_printf(&json, ",\"import\":\"%s\",\"peer_code\":%d}", failure->import,
               failure->error.peer_code);
    int32_t size = json.failed ? call_out_of_memory(call)
                               : call_put(&call->args[0], buf_text(&json), json.size);
    buf_release(&json);
    return size;
}

/* What is recorded of an instance tells what came of its calls, so their results go first: one that a crash
 * takes away is asked for again, and may be another one then. */
static bool precede(struct call *call)
{
    struct journal *journal = call->execution->journal;
    if (!journal || journal_flush(journal, &call->error))
        return true;
    journal_suspend(call);
    return false;
}

int32_t capability_flow_track(struct call *call)
{
    const struct execution *execution = call->execution;
    if (!precede(call))
        return call_failed(call);
    if (!journal_is_replaying(execution->journal))
        store_track(execution->environment->store, execution->instance, call->args[0].text,
                    call->args[1].text);
    return SLUICE_OK;
}

static uint64_t *counter_of(struct file_counts *files, uint32_t state)
{
    switch (state) {
    case SLUICE_FILE_FOUND:
        return &files->found;
    case SLUICE_FILE_TRANSFERRED:
        return &files->transferred;
    case SLUICE_FILE_NOT_TRANSFERRED:
        return &files->not_transferred;
    case SLUICE_FILE_POSTPONED:
        return &files->postponed;
    default:
        return NULL;
    }
}

/* What an open listing tells of a name; NULL: not listed. */
static const struct remote_entry *listed(const struct handle_table *handles, const char *name)
{
    for (size_t i = 0; i < SLUICE_HANDLES_MAX; i++) {
        const struct handle_slot *slot = &handles->slots[i];
        if (slot->kind != HANDLE_LISTING)
            continue;
        const struct listing_cursor *cursor = slot->object;
        const struct remote_entry *entry = remote_listing_find(&cursor->listing, name);
        if (entry)
            return entry;
    }
    return NULL;
}

/* Not every server lists sizes; 0: nobody has told it yet. */
static uint64_t size_of(const struct execution *execution, const char *name)
{
    const struct remote_entry *entry = listed(&execution->handles, name);
    if (!entry || !(entry->info.flags & SLUICE_FILE_SIZE_UNKNOWN))
        return entry ? entry->info.size : 0;
    const struct remote_file *file = opened_find(&execution->opened, NULL, NULL, name);
    return file ? file->info.size : 0;
}

int32_t capability_flow_report_file(struct call *call)
{
    struct execution *execution = call->execution;
    const char *name = call->args[0].text, *detail = call->args[2].text;
    uint32_t state = call->args[1].number;
    const char *state_name = watch_state_name(state);
    if (!state_name) {
        error_set(&call->error, ERROR_INVALID, "%u is not a file state", state);
        return call_failed(call);
    }
    if (!precede(call))
        return call_failed(call);
    uint64_t *counter = counter_of(&execution->files, state);
    if (counter)
        ++*counter;
    const struct file_counts *files = &execution->files;
    uint64_t done = files->transferred + files->not_transferred + files->postponed;
    uint64_t index = state == SLUICE_FILE_STARTED ? done + 1 : done;
    uint64_t size = size_of(execution, name);
    if (!journal_is_replaying(execution->journal))
        store_file(execution->environment->store, execution->instance, name, state_name, detail,
                   size, clock_wall_ms());
    watch_file(execution->watch, name, (int)state, detail, size, index, files->found);
    return SLUICE_OK;
}
