/* SPDX-License-Identifier: MIT */
/* The steps of stores and renames: what is announced of them, and removing what they leave. */
#include "transfer/stage.h"

#include <string.h>

struct transfer_step stage_step(enum transfer_step_kind kind, const char *temporary, const char *name,
                                uint64_t size, const char *version)
{
    struct transfer_step step = {.kind = kind, .size = size};
    snprintf(step.temporary, sizeof step.temporary, "%s", temporary);
    snprintf(step.name, sizeof step.name, "%s", name);
    snprintf(step.version, sizeof step.version, "%s", version);
    return step;
}

bool stage_was_asked(const struct transfer_step *step)
{
    return step->kind == STEP_PUBLISHING || strcmp(step->version, STAGE_ASKED) == 0;
}

void stage_leave(const struct transfer_call *call, const char *temporary, const char *name)
{
    if (!call || !call->leave)
        return;
    const struct transfer_step step = stage_step(STEP_SENDING, temporary, name, 0, "");
    call->leave(call->context, &step);
}

/* Something is gone that may have been renamed: then it is under the new name, where nothing of its size had been
 * seen. What may be overwritten tells nothing, and is sent again. */
static enum removal tell_apart(const struct stage *stage, struct handle *handle, const char *folder,
                               const struct transfer_step *step)
{
    const char *const names[2] = {step->name, NULL};
    struct stage_look looks[2];
    struct error ignored;
    if (handle->connection->on_conflict == CONFLICT_OVERWRITE)
        return REMOVAL_DONE;
    if (!stage_look_surely(stage, handle, folder, names, false, looks, &ignored))
        return REMOVAL_FAILED;
    return looks[0].exists && looks[0].size == step->size ? REMOVAL_NEEDLESS : REMOVAL_DONE;
}

bool stage_drop(const struct stage *stage, struct handle *handle, const char *folder,
                const struct transfer_step *step, enum removal *removal, struct error *err)
{
    bool was_asked = stage_was_asked(step);
    const struct transfer_step dropping =
        stage_step(STEP_SENDING, step->temporary, step->name, step->size, was_asked ? STAGE_ASKED : "");
    if (!stage_announce_step(handle, &dropping, err))
        return false;
    const struct transfer_call *call = handle->call;
    handle->call = NULL; /* also when the execution is being stopped */
    curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, (long)STAGE_CLEANUP_TIMEOUT_MS);
    *removal = stage->remove(handle, folder, step->temporary);
    curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, 0L);
    if (was_asked && *removal == REMOVAL_DONE && !stage->tells_needless)
        *removal = tell_apart(stage, handle, folder, step);
    handle->call = call;
    return !was_asked || *removal != REMOVAL_DONE || /* nothing that had been asked for can come any more */
           stage_announce(handle, STEP_SENDING, step->temporary, step->name, 0, err);
}

bool stage_stays_in_doubt(const struct handle *handle, const struct transfer_step *step, enum removal removal,
                          struct error *err)
{
    if (step->kind == STEP_PUBLISHING && removal == REMOVAL_REFUSED &&
        !stage_announce(handle, STEP_PUBLISHING, step->temporary, step->name, step->size, err))
        return false;
    return connection_error(handle->connection, err, ERROR_UNKNOWN,
                            "whether '%s' was renamed to '%s' cannot be told now, nor whether it is removed: leave "
                            "both as they are until it can be, or give the instance up if the file has arrived",
                            step->temporary, step->name);
}

bool stage_discard(const struct stage *stage, struct transfer *transfer,
                   const struct connection *connection, const char *folder,
                   const struct transfer_step *step, const struct transfer_call *call,
                   struct error *err)
{
    struct handle *handle = stage->acquire(transfer, connection, call, err);
    if (!handle)
        return false;
    enum removal removal = stage->remove(handle, folder, step->temporary);
    pool_release(transfer, handle);
    return removal_is_gone(removal) || removal_fail(removal, connection, folder, step->temporary, err);
}

/* Refusals of commands come behind a login only. */
enum removal stage_removal(CURLcode code)
{
    bool is_refused = code == CURLE_QUOTE_ERROR || code == CURLE_REMOTE_ACCESS_DENIED ||
                      code == CURLE_REMOTE_FILE_NOT_FOUND;
    return is_refused ? REMOVAL_REFUSED : REMOVAL_FAILED;
}

bool stage_announce_step(const struct handle *handle, const struct transfer_step *step, struct error *err)
{
    const struct transfer_call *call = handle->call;
    return !call || !call->announce || call->announce(call->context, step, err);
}

bool stage_announce(const struct handle *handle, enum transfer_step_kind kind,
                    const char *temporary, const char *name, uint64_t size, struct error *err)
{
    const struct transfer_step step = stage_step(kind, temporary, name, size, "");
    return stage_announce_step(handle, &step, err);
}
