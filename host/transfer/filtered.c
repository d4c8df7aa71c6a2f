/* SPDX-License-Identifier: MIT */
/*
 * See filtered.h. Two pumps: the inner one reads the file and is emptied by the filters, on their
 * thread; the outer one, whose source is made here, reads what comes out, on the caller's thread. The
 * inner call therefore asks the caller's should_stop only while the caller's thread opens it.
 */
#include "transfer/filtered.h"

#include <stdatomic.h>
#include <stdlib.h>

struct filtered {
    struct remote_stream out; /* what the outer pump reads; first, so that close finds the rest */
    struct remote_stream *filters; /* closed before the pump that they read from */
    struct remote_stream in;
    struct remote_file plain; /* the file without its filters; its texts are the file's */
    struct pump *pump;
    struct transfer_call call;        /* of the inner pump */
    const struct transfer_call *outer; /* NULL once it is open */
    atomic_bool is_closed;
    bool is_ended;
};

static bool inner_should_stop(void *context)
{
    struct filtered *filtered = context;
    const struct transfer_call *outer = filtered->outer;
    if (outer)
        return outer->should_stop && outer->should_stop(outer->context);
    return atomic_load(&filtered->is_closed);
}

/* The end is told only after the file was seen to be whole and unchanged. */
static enum stream_outcome read_plain(void *context, char *buffer, size_t size, int wait_ms,
                                      size_t *got, struct error *err)
{
    struct filtered *filtered = context;
    (void)wait_ms; /* the pump waits until something comes or the call is over */
    *got = filtered->is_ended ? 0 : pump_read(buffer, 1, size, filtered->pump);
    if (*got > 0 && *got != CURL_READFUNC_ABORT)
        return STREAM_BYTES;
    filtered->is_ended = true;
    return pump_finish(filtered->pump, err) ? STREAM_END : STREAM_FAILED;
}

static enum stream_outcome read_filters(void *context, char *buffer, size_t size, int wait_ms,
                                        size_t *got, struct error *err)
{
    const struct filtered *filtered = context;
    return filtered->filters->read(filtered->filters->context, buffer, size, wait_ms, got, err);
}

static void close_filtered(struct remote_stream *stream)
{
    struct filtered *filtered = stream->context;
    atomic_store(&filtered->is_closed, true);
    if (filtered->filters)
        filtered->filters->close(filtered->filters);
    pump_close(filtered->pump);
    free(filtered);
}

static bool open_pump(struct filtered *filtered, struct transfer *transfer, struct error *err)
{
    struct source source;
    if (!remote_read(transfer, &filtered->plain, &filtered->call, &source, err))
        return false;
    filtered->pump = pump_open(&source, &filtered->call, err);
    filtered->outer = NULL;
    return filtered->pump != NULL;
}

bool filtered_read(struct transfer *transfer, const struct remote_file *file,
                   const struct transfer_call *call, struct source *out, struct error *err)
{
    if (!call || !call->filter)
        return error_set(err, ERROR_UNSUPPORTED, "file '%s' cannot be filtered here", file->name);
    struct filtered *filtered = calloc(1, sizeof *filtered);
    if (!filtered)
        return error_set(err, ERROR_INTERNAL, "out of memory for a transfer");
    filtered->plain = *file;
    filtered->plain.filters = NULL;
    filtered->outer = call;
    filtered->call = (struct transfer_call){.deadline_ms = call->deadline_ms,
                                            .should_stop = inner_should_stop,
                                            .context = filtered,
                                            .file_size_max = call->file_size_max,
                                            .instance = call->instance};
    filtered->in = (struct remote_stream){.read = read_plain, .context = filtered};
    filtered->out = (struct remote_stream){
        .read = read_filters, .context = filtered, .close = close_filtered};
    if (open_pump(filtered, transfer, err))
        filtered->filters = call->filter(call->context, file, &filtered->in, err);
    if (!filtered->filters) {
        close_filtered(&filtered->out);
        return false;
    }
    out->stream = &filtered->out;
    return true;
}
