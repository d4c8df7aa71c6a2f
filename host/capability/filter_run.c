/* SPDX-License-Identifier: MIT */
/* See filter_run.h. */
#include "capability/filter_run.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "capability/filter_check.h"
#include "engine/sandbox.h"

#define PAGES_PER_MIB 16u

/* ---- what its guest finds -------------------------------------------------------------------------- */

static void enter(struct wasi_host *host, struct guest *guest)
{
    ((struct filter_run *)host)->guest = guest;
}

static enum fault stop(const struct wasi_host *host, const char **detail)
{
    *detail = "";
    return ((const struct filter_run *)host)->is_stopped ? FAULT_CANCELLED : FAULT_NONE;
}

/* What comes out is what the journal keeps, so clock and randomness need not be. */
static int64_t tell_time(struct wasi_host *host, int64_t now)
{
    (void)host;
    return now;
}

static bool give_random(struct wasi_host *host, void *bytes, size_t size)
{
    (void)host;
    return wasi_system_random(bytes, size);
}

static bool read_input(struct wasi_host *host, void *bytes, size_t size, size_t *got)
{
    struct filter_run *run = (struct filter_run *)host;
    run->is_stopped |= !run->read(run, bytes, size, got);
    run->bytes_in += run->is_stopped ? 0 : *got;
    return !run->is_stopped;
}

static bool write_output(struct wasi_host *host, uint32_t fd, const void *bytes, size_t size)
{
    struct filter_run *run = (struct filter_run *)host;
    if (fd == 2) {
        line_log_add(&run->log, bytes, size);
        return true;
    }
    run->is_stopped |= !run->write(run, bytes, size);
    run->bytes_out += run->is_stopped ? 0 : size;
    return !run->is_stopped;
}

static const struct wasi_calls filter_calls = {
    .enter = enter,
    .stop = stop,
    .clock = tell_time,
    .random = give_random,
    .read = read_input,
    .write = write_output,
};

static void tell(void *context, const char *result, const char *text)
{
    struct filter_run *run = context;
    if (text[0] && strcmp(result, "ok") == 0)
        snprintf(run->last_line, sizeof run->last_line, "%s", text);
    if (run->site->tell)
        run->site->tell(run->site->context, run->filter, result, text);
}

/* ---- one run ---------------------------------------------------------------------------------------- */

bool filter_run_fail(const struct filter_site *site, const struct filter *filter, struct error *err,
                     const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, ERROR_FILTER, "filter '%s' at extension point '%s' of flow '%s' %s",
                     filter->name, filter->point, site->flow, text);
}

static bool judge(const struct filter_run *run, const struct sandbox_result *result,
                  struct error *err)
{
    const char *said = run->last_line;
    if (run->error.kind == ERROR_FILTER)
        return filter_run_fail(run->site, run->filter, err, "%s", run->error.message);
    if (run->error.kind != ERROR_NONE) {
        *err = run->error;
        return false;
    }
    if (result->fault != FAULT_NONE)
        return filter_run_fail(run->site, run->filter, err, "ended by %s: %s%s%s",
                               fault_name(result->fault), fault_text(result->fault),
                               result->detail[0] ? ": " : "", result->detail);
    if (result->exit_status != 0)
        return filter_run_fail(run->site, run->filter, err, "exited with status %d%s%s",
                               result->exit_status, said[0] ? ": " : "", said);
    return true;
}

static struct sandbox_limits limits_of(const struct filter_run *run)
{
    const struct filter_settings *limits = run->site->limits;
    int64_t own_ms = clock_monotonic_ms() + (int64_t)limits->wall_s * 1000;
    int64_t outer_ms = run->site->deadline_ms;
    bool is_outer = run->is_stream || (outer_ms && outer_ms < own_ms);
    return (struct sandbox_limits){
        .memory_pages_max = limits->memory_mib * PAGES_PER_MIB,
        .cpu_ms = run->is_stream ? (int64_t)limits->content_cpu_s * 1000 : limits->cpu_ms,
        .wall_deadline_ms = is_outer ? outer_ms : own_ms,
    };
}

bool filter_run_perform(struct filter_run *run, struct error *err)
{
    struct error ignored;
    struct sandbox_result result;
    const struct filter *filter = run->filter;
    err = err ? err : &ignored;
    if (!filter->module)
        return filter_run_fail(run->site, filter, err, "cannot be used: %s",
                               filter->problem.message);
    run->wasi = (struct wasi_host){.calls = &filter_calls,
                                   .arguments = {filter->name, filter->point, run->site->flow},
                                   .argument_count = 3};
    line_log_init(&run->log, run->site->limits->log_lines, tell, run);
    const struct sandbox_limits limits = limits_of(run);
    sandbox_run(filter->module, &limits, run, &result);
    line_log_flush(&run->log);
    line_log_release(&run->log);
    return judge(run, &result, err);
}

/* ---- messages --------------------------------------------------------------------------------------- */

struct message_run {
    struct filter_run run; /* first */
    const char *input;
    size_t left;
    struct buf *out;
};

static bool read_message(struct filter_run *run, void *bytes, size_t size, size_t *got)
{
    struct message_run *message = (struct message_run *)run;
    *got = size < message->left ? size : message->left;
    if (*got > 0)
        memcpy(bytes, message->input, *got);
    message->input += *got;
    message->left -= *got;
    return true;
}

static bool write_message(struct filter_run *run, const void *bytes, size_t size)
{
    struct buf *out = ((struct message_run *)run)->out;
    buf_append(out, bytes, size);
    if (buf_is_out_of_memory(out))
        return error_out_of_memory(&run->error);
    return !out->failed || error_set(&run->error, ERROR_FILTER, "gave more than %zu bytes "
                                     "(filters.output_size_max)", out->size_max);
}

static void append_lookup(const struct lookup *lookup, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < lookup->row_count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        json_append_text(out, lookup->rows[i].key, strlen(lookup->rows[i].key));
        buf_append_char(out, ':');
        json_append_text(out, lookup->rows[i].value, strlen(lookup->rows[i].value));
    }
    buf_append_char(out, '}');
}

/* The lookups that the manifest grants, by name. */
static void append_lookups(const struct filter_site *site, struct buf *out)
{
    bool has_one = false;
    for (size_t i = 0; site->manifest && site->snapshot && i < site->manifest->lookup_count; i++) {
        const char *name = site->manifest->lookups[i];
        const struct lookup *lookup = snapshot_lookup(site->snapshot, name, NULL);
        if (!lookup)
            continue;
        buf_append_text(out, has_one ? "," : "");
        json_append_text(out, name, strlen(name));
        buf_append_char(out, ':');
        append_lookup(lookup, out);
        has_one = true;
    }
}

/* What the module that applies mappings reads. */
static bool compose(const struct filter_site *site, const struct filter *filter,
                    const void *message, size_t size, struct buf *out, struct error *err)
{
    struct error why = {0};
    cJSON *document = json_parse(message, size, "message", JSON_STRICT, &why);
    if (!document)
        return filter_run_fail(site, filter, err, "maps JSON, and this is none: %s", why.message);
    cJSON_Delete(document);
    buf_printf(out, "{\"mapping\":%s,\"message\":", filter->mapping);
    buf_append(out, message, size);
    buf_append_text(out, ",\"lookups\":{");
    append_lookups(site, out);
    buf_append_text(out, "}}");
    if (buf_is_out_of_memory(out))
        return error_out_of_memory(err);
    return !out->failed || filter_run_fail(site, filter, err, "has more input than %zu bytes",
                                           out->size_max);
}

static bool run_bytes(const struct filter_site *site, const struct filter *filter,
                      const void *bytes, size_t size, struct buf *out, struct error *err)
{
    struct message_run message = {
        .run = {.site = site, .filter = filter, .read = read_message, .write = write_message},
        .input = bytes,
        .left = size,
        .out = out,
    };
    return filter_run_perform(&message.run, err);
}

bool filter_run_message(const struct filter_site *site, const struct filter *filter,
                        const void *message, size_t size, struct buf *out, struct error *err)
{
    struct error why = {0};
    struct buf input;
    buf_clear(out);
    out->size_max = (size_t)site->limits->output_size_max;
    buf_init(&input, 2 * (size_t)site->limits->output_size_max + (8u << 20));
    bool ok = true;
    if (filter->mapping) {
        ok = compose(site, filter, message, size, &input, err);
        ok = ok && run_bytes(site, filter, input.data, input.size, out, err);
    } else {
        ok = run_bytes(site, filter, message, size, out, err);
    }
    buf_release(&input);
    if (ok && !filter_check_output(filter->point, message, size, out, &why))
        ok = filter_run_fail(site, filter, err, "%s", why.message);
    return ok;
}
