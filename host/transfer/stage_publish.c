/* SPDX-License-Identifier: MIT */
/* Renaming into place: candidates by the conflict policy, lost answers settled by a look. */
#include "transfer/remote_name.h"
#include "transfer/stage.h"

#define REMOVAL_LATE_MS 60000 /* one that was cut off may arrive yet, and must not meet what comes next */

enum outcome { DONE, NOT_DONE, CONFLICT, UNKNOWN };

/* A rename failed: both names tell what happened, whatever the server said. A new login, and nobody can
 * stop it: an unsettled rename costs more than the wait. The new name is looked at first: if the rename
 * happens only now, it must not be taken for somebody else's. */
static enum outcome settle(const struct stage *stage, struct transfer *transfer,
                           struct handle **handle, const char *folder,
                           const struct stage_move *move, const char *to, struct error *why)
{
    const char *const names[2] = {to, move->from};
    uint64_t size = move->size;
    struct stage_look looks[2];
    const struct transfer_call *call = (*handle)->call;
    const struct connection *connection = (*handle)->connection;
    (*handle)->keep = false;
    pool_release(transfer, *handle);
    *handle = stage->acquire(transfer, connection, NULL, why);
    if (!*handle)
        return UNKNOWN;
    bool ok = stage_look_surely(stage, *handle, folder, names, false, looks, why);
    (*handle)->call = call;
    if (!ok)
        return UNKNOWN;
    bool overwrite = connection->on_conflict == CONFLICT_OVERWRITE; /* then the new name need not be ours */
    if (!overwrite && looks[0].exists && looks[0].size == size && looks[1].exists && looks[1].size != size)
        return DONE; /* and another file has come under the old name since */
    if (looks[1].exists && stage_may_be_copied(connection, move->from, size, &looks[0])) {
        (void)!stage_say_copied(*handle, move->from, to, size, why);
        return UNKNOWN;
    }
    if (looks[1].exists)
        return looks[0].exists ? CONFLICT : NOT_DONE;
    if (!looks[0].exists && move->has_cleared) {
        stage_say_gone(connection, move->from, to, why);
        return UNKNOWN;
    }
    /* The old name is gone. A new name that is gone, too, was taken by its consumer already. */
    if (!looks[0].exists || looks[0].size == size)
        return DONE;
    error_set(why, ERROR_UNKNOWN, "the old name is gone, and the new one has another size");
    return UNKNOWN;
}

static bool say_unknown(const struct connection *connection, const char *from, const char *to,
                        const char *why, struct error *err)
{
    return connection_error(connection, err, ERROR_UNKNOWN,
                            "whether '%s' was renamed to '%s' cannot be told (%s): look at both names",
                            from, to, why);
}

/* *may_come: its removal may happen yet, also of what comes under that name, even if it is free now: whether by
 * that removal or by a reader cannot be told. */
static bool remove_old(const struct stage *stage, struct handle *handle, const char *folder, const char *to,
                       bool *may_come, struct error *err)
{
    const struct transfer_call *call = handle->call;
    handle->call = NULL; /* neither file would be there after a stop */
    enum removal removal = stage->remove(handle, folder, to);
    handle->call = call;
    *may_come = removal == REMOVAL_FAILED || handle_has_connected(handle);
    if (removal_is_gone(removal) && !*may_come)
        return true;
    connection_error(handle->connection, err, *may_come ? ERROR_UNAVAILABLE : ERROR_DENIED,
                     "'%s' is to be overwritten, and %s", to,
                     *may_come ? "its removal was not answered" : "could not be removed");
    error_advise(err, *may_come ? RETRY_LATER : RETRY_NEVER);
    err->retry_after_ms = *may_come ? REMOVAL_LATE_MS : 0;
    return false;
}

/* What is to be overwritten is removed, where the server's rename does not do so: unless the old name is gone,
 * as then it is ours, by an earlier rename that came late. That may happen within the removal, too. The newest
 * look is the one that finds `to` free. */
static bool make_way(const struct stage *stage, struct handle *handle, const char *folder,
                     struct stage_move *move, const char *to, enum stage_rename *end, struct error *err)
{
    const char *const names[2] = {move->from, to};
    struct stage_look looks[2];
    bool may_come;
    if (!stage->keeps_existing || handle->connection->on_conflict != CONFLICT_OVERWRITE)
        return true;
    if (!stage->look(handle, folder, names, false, looks, err))
        return false;
    if (!looks[1].exists)
        return true;
    if (!looks[0].exists) {
        *end = RENAME_LOST;
        return connection_error(handle->connection, err, ERROR_UNAVAILABLE, "'%s' is gone", move->from);
    }
    move->has_cleared = move->was_asked;
    const struct transfer_step step = stage_step(STEP_PUBLISHING, move->from, to, move->size, STAGE_CLEARED);
    if (move->has_cleared && !stage_announce_step(handle, &step, err))
        return false;
    if (remove_old(stage, handle, folder, to, &may_come, err))
        return true;
    *end = move->has_cleared && may_come ? RENAME_LOST : RENAME_NOT_ASKED;
    return false;
}

/* One candidate; tried once more if a rename whose answer was lost proves not to have happened. It may
 * happen yet: so what comes after it is not believed either, and ends in a success or in doubt. */
static bool rename_settled(const struct stage *stage, struct transfer *transfer,
                           struct handle **handle, const char *folder, struct stage_move *move,
                           const char *to, struct error *err)
{
    const struct connection *connection = (*handle)->connection;
    const char *from = move->from;
    bool overwrite = connection->on_conflict == CONFLICT_OVERWRITE;
    struct error why;
    for (bool was_lost = false;;) {
        enum stage_rename end = RENAME_NOT_ASKED;
        if (make_way(stage, *handle, folder, move, to, &end, err) &&
            stage->rename(*handle, folder, from, to, &end, err))
            return true;
        if (end == RENAME_NOT_ASKED && !was_lost)
            return false;
        enum outcome outcome = settle(stage, transfer, handle, folder, move, to, &why);
        if (outcome == DONE)
            return true;
        if (outcome == UNKNOWN)
            return say_unknown(connection, from, to, why.message, err);
        if (outcome == CONFLICT && !overwrite)
            return connection_error(connection, err, ERROR_EXISTS,
                                    "'%s' appeared while '%s' was being renamed: nothing was "
                                    "overwritten",
                                    to, from);
        if (was_lost) {
            why = *err;
            return say_unknown(connection, from, to, why.message, err);
        }
        move->was_refused = end == RENAME_REFUSED;
        if (move->was_refused)
            return false;
        was_lost = move->was_asked = true;
    }
}

bool stage_publish(const struct stage *stage, struct transfer *transfer, struct handle **handle,
                   const char *folder, struct stage_move *move,
                   char out[static REMOTE_NAME_SIZE_MAX + 1], struct error *err)
{
    const struct connection *connection = (*handle)->connection;
    const char *to = move->to;
    bool exists = move->is_taken;
    unsigned last = connection->on_conflict == CONFLICT_NUMBER ? CONFLICT_NUMBER_MAX : 1;
    for (unsigned number = 1; number <= last; number++) {
        if (!conflict_name(to, number, NAME_SIZE_MAX, out))
            return connection_error(connection, err, ERROR_LIMIT,
                                    "'%s' is taken and its name too long to number", to);
        const char *const names[2] = {out, NULL};
        struct stage_look looks[2];
        if (number > 1) {
            if (!stage->look(*handle, folder, names, false, looks, err))
                return false;
            exists = looks[0].exists;
        }
        if (!exists || connection->on_conflict == CONFLICT_OVERWRITE)
            return stage_announce(*handle, STEP_PUBLISHING, move->from, out, move->size, err) &&
                   rename_settled(stage, transfer, handle, folder, move, out, err);
    }
    return connection_error(
        connection, err, ERROR_EXISTS,
        "'%s' exists already in folder '%s': nothing was overwritten; remove it "
        "or set on_conflict",
        to, folder);
}
