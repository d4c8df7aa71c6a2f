/* SPDX-License-Identifier: MIT */
/* Renaming into place: candidates by the conflict policy, lost answers settled by a look. */
#include "transfer/remote_name.h"
#include "transfer/stage.h"

enum outcome { DONE, NOT_DONE, CONFLICT, UNKNOWN };

/* The answer to the rename never came: both names tell what happened. A new login, and nobody can
 * stop it: an unsettled rename costs more than the wait. */
static enum outcome settle(const struct stage *stage, struct transfer *transfer,
                           struct handle **handle, const char *folder, const char *from,
                           const char *to, uint64_t size)
{
    const char *const names[2] = {from, to};
    struct stage_look looks[2];
    const struct transfer_call *call = (*handle)->call;
    const struct connection *connection = (*handle)->connection;
    (*handle)->keep = false;
    pool_release(transfer, *handle);
    *handle = stage->acquire(transfer, connection, NULL, NULL);
    if (!*handle)
        return UNKNOWN;
    bool ok = stage->look(*handle, folder, names, false, looks, NULL);
    (*handle)->call = call;
    if (!ok)
        return UNKNOWN;
    if (looks[0].exists)
        return looks[1].exists ? CONFLICT : NOT_DONE;
    /* The old name is gone. A new name that is gone, too, was taken by its consumer already. */
    return !looks[1].exists || looks[1].size == size ? DONE : UNKNOWN;
}

/* One candidate; tried once more if the first rename proves not to have happened. */
static bool rename_settled(const struct stage *stage, struct transfer *transfer,
                           struct handle **handle, const char *folder, const char *from,
                           const char *to, uint64_t size, struct error *err)
{
    const struct connection *connection = (*handle)->connection;
    bool overwrite = connection->on_conflict == CONFLICT_OVERWRITE;
    for (int attempt = 0;; attempt++) {
        bool is_lost = false;
        if (stage->rename(*handle, folder, from, to, overwrite, &is_lost, err))
            return true;
        if (!is_lost)
            return false;
        switch (settle(stage, transfer, handle, folder, from, to, size)) {
        case DONE:
            return true;
        case CONFLICT:
            if (!overwrite)
                return connection_error(connection, err, ERROR_EXISTS,
                                        "'%s' appeared while '%s' was being renamed: nothing was "
                                        "overwritten",
                                        to, from);
            /* fall through */
        case NOT_DONE:
            if (attempt == 0)
                continue;
            return false;
        case UNKNOWN:
            return connection_error(connection, err, ERROR_UNKNOWN,
                                    "the answer to renaming '%s' to '%s' was lost and a look could "
                                    "not tell whether it happened: look at both names",
                                    from, to);
        }
    }
}

bool stage_publish(const struct stage *stage, struct transfer *transfer, struct handle **handle,
                   const char *folder, const char *from, const char *to, uint64_t size, bool exists,
                   char out[static REMOTE_NAME_SIZE_MAX + 1], struct error *err)
{
    const struct connection *connection = (*handle)->connection;
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
            return stage_announce(*handle, STEP_PUBLISHING, from, out, size, err) &&
                   rename_settled(stage, transfer, handle, folder, from, out, size, err);
    }
    return connection_error(
        connection, err, ERROR_EXISTS,
        "'%s' exists already in folder '%s': nothing was overwritten; remove it "
        "or set on_conflict",
        to, folder);
}
