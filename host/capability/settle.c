/* SPDX-License-Identifier: MIT */
/* See settle.h. */
#include "capability/settle.h"

#include <stdio.h>
#include <string.h>

#include "base/pack.h"
#include "capability/journal.h"
#include "capability/retry.h"

#define STEP_SIZE_MAX (3 * REMOTE_NAME_SIZE_MAX + CONNECTION_PLACE_SIZE_MAX)

/* What one place tells says nothing of a step that was taken at another one, so the step knows its own. */
static void pack_step(const struct transfer_step *step, const struct connection *connection,
                      struct buf *out)
{
    pack_number(out, step->kind);
    pack_text(out, step->temporary);
    pack_text(out, step->name);
    pack_number(out, step->is_object);
    pack_number(out, step->size);
    pack_text(out, step->version);
    connection_pack_place(connection, out);
}

static void copy_text(struct unpack *in, char *to, size_t size)
{
    const char *text = unpack_text(in);
    in->failed |= !text || strlen(text) >= size;
    snprintf(to, size, "%s", text ? text : "");
}

/* *place: where it was taken; NULL: an earlier release did not note it. Points into bytes. */
static bool unpack_step(const void *bytes, size_t size, struct transfer_step *step, const char **place)
{
    struct unpack in;
    unpack_begin(&in, bytes, size);
    uint64_t kind = unpack_number(&in);
    step->kind = kind == STEP_PUBLISHING ? STEP_PUBLISHING : STEP_SENDING;
    copy_text(&in, step->temporary, sizeof step->temporary);
    copy_text(&in, step->name, sizeof step->name);
    step->is_object = unpack_number(&in) != 0;
    step->size = unpack_number(&in);
    copy_text(&in, step->version, sizeof step->version);
    *place = in.left > 0 ? unpack_text(&in) : NULL;
    return unpack_end(&in) && kind <= STEP_PUBLISHING;
}

/* The newest step of the operation; also what a second look in this process is about. */
static bool announce(void *context, const struct transfer_step *step, struct error *err)
{
    struct call *call = context;
    struct buf plan;
    *call->step = *step;
    call->has_step = true;
    buf_init(&plan, STEP_SIZE_MAX);
    pack_step(step, call->connection, &plan);
    bool ok = !plan.failed || error_out_of_memory(&call->error);
    if (!ok)
        journal_suspend(call); /* whatever else becomes of the transfer */
    ok = ok && journal_announce(call, plan.data, plan.size, JOURNAL_ON_DISK);
    if (!ok && err)
        *err = call->error;
    buf_release(&plan);
    return ok;
}

/* The connection may have been pointed elsewhere since: to a spare server, to another user's home. */
static bool is_at_its_place(struct call *call, const char *place)
{
    struct buf now;
    if (!place || connection_is_at(call->connection, place))
        return true;
    buf_init(&now, CONNECTION_PLACE_SIZE_MAX);
    connection_place(call->connection, &now);
    error_set(&call->error, ERROR_UNKNOWN,
              "connection '%s' points to %.160s now, and what became of '%.160s' can be told only at "
              "%.160s, where it was begun: point it back there until that is told; or look at source and "
              "target, and `sluice discard` gives the instance up",
              call->connection->name, buf_text(&now), call->step->name, place);
    buf_release(&now);
    return false;
}

static bool begin(struct call *call)
{
    const char *place;
    call->step = arena_alloc(&call->execution->scratch, sizeof *call->step);
    if (!call->step)
        return error_out_of_memory(&call->error);
    call->transfer.announce = announce;
    if (!call->is_in_doubt)
        return true;
    call->has_step = unpack_step(call->doubt, call->doubt_size, call->step, &place);
    if (call->has_step && is_at_its_place(call, place))
        return true;
    if (!call->has_step)
        error_set(&call->error, ERROR_INVALID, "what the journal tells of it is damaged");
    journal_suspend(call);
    return false;
}

/* The newest step becomes what the next act is in doubt about; act may announce others. */
static bool set_doubt(struct call *call)
{
    struct transfer_step *doubt = NULL;
    if (call->has_step) {
        doubt = arena_alloc(&call->execution->scratch, sizeof *doubt);
        if (!doubt)
            return error_out_of_memory(&call->error);
        *doubt = *call->step;
    }
    call->transfer.doubt = doubt;
    return true;
}

bool settle(struct call *call, bool (*act)(struct call *, void *), void *context)
{
    int64_t duration_ms = SETTLE_PAUSE_MS;
    if (!call->execution->journal)
        return act(call, context);
    if (!begin(call))
        return false;
    for (int looks = 1;; looks++) {
        if (!set_doubt(call))
            return false;
        if (act(call, context))
            return true;
        if (call->error.kind != ERROR_UNKNOWN || !call->has_step || call->execution->stop)
            return false;
        if (looks == SETTLE_LOOKS_MAX || !retry_pause(call, duration_ms))
            break;
        duration_ms = duration_ms < SETTLE_PAUSE_MS_MAX ? duration_ms * 2 : duration_ms;
    }
    journal_suspend(call);
    return false;
}
