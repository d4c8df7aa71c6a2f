/* SPDX-License-Identifier: MIT */
/*
 * Doubts of an earlier call, settled by looking. The temporary name is ours alone: while it is there, the
 * rename has not happened; once it is gone, it has, even if a reader has taken the file since.
 */
#include <string.h>

#include "transfer/remote_name.h"
#include "transfer/stage.h"

static bool is_listed(const struct remote_listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->entries[i].name, name) == 0)
            return true;
    return false;
}

/* True: the folder was seen without that name. */
static bool is_absent(const struct stage *stage, struct handle *handle, const char *folder,
                      const char *name, struct error *err)
{
    struct remote_listing listing = {.entries = NULL};
    const struct connection *connection = handle->connection;
    bool ok = stage->list(handle, folder, name, &listing, err);
    if (ok && is_listed(&listing, name))
        ok = connection_error(connection, err, ERROR_UNAVAILABLE,
                              "'%s' is listed in folder '%s', but the server does not let us look at it",
                              name, folder);
    else if (ok && listing.is_unproven)
        ok = connection_error(connection, err, ERROR_UNAVAILABLE,
                              "the server gave no listing of folder '%s': whether '%s' is there cannot be "
                              "told", folder, name);
    else if (ok && listing.unparsed > 0)
        ok = connection_error(connection, err, ERROR_UNSUPPORTED,
                              "%zu lines of the listing of folder '%s' are not understood: whether "
                              "'%s' is there cannot be told",
                              listing.unparsed, folder, name);
    remote_listing_release(&listing);
    return ok;
}

bool stage_look_surely(const struct stage *stage, struct handle *handle, const char *folder,
                       const char *const names[2], bool with_time, struct stage_look looks[2],
                       struct error *err)
{
    if (!stage->look(handle, folder, names, with_time, looks, err))
        return false;
    for (size_t i = 0; i < 2 && names[i]; i++)
        if (!looks[i].exists && !is_absent(stage, handle, folder, names[i], err))
            return false;
    return true;
}

bool stage_say_unknown(const struct connection *connection, const struct transfer_step *doubt, struct error *err)
{
    const struct error why = *err;
    return connection_error(connection, err, ERROR_UNKNOWN,
                            "what became of '%s' after an interruption cannot be told now: %s",
                            doubt->name, why.message);
}

bool stage_may_be_copied(const struct connection *connection, const char *from, uint64_t size,
                         const struct stage_look *to)
{
    return temporary_name_is(from) && connection->on_conflict != CONFLICT_OVERWRITE && to->exists &&
           to->size <= size;
}

bool stage_say_copied(const struct handle *handle, const char *from, const char *to, uint64_t size,
                      struct error *err)
{
    const struct transfer_step step = stage_step(STEP_PUBLISHING, from, to, size, STAGE_COPIED);
    if (!stage_announce_step(handle, &step, err))
        return false;
    return connection_error(handle->connection, err, ERROR_UNKNOWN,
                            "'%s' and '%s' were there at once: the server may copy one to the other, or somebody "
                            "else has stored the other: remove '%s' if the file has arrived, or rename it",
                            from, to, from);
}

bool stage_say_gone(const struct connection *connection, const char *from, const char *to, struct error *err)
{
    return connection_error(connection, err, ERROR_UNKNOWN,
                            "neither '%s' nor '%s' is there, and what was removed under the latter name, to be "
                            "overwritten, may have been the new file: if that was taken from there, put any file "
                            "under its name, which then counts as done; else give the instance up", from, to);
}

static bool look_at(const struct stage *stage, struct handle *handle, const char *folder,
                    struct stage_look looks[2], struct error *err)
{
    const struct transfer_step *doubt = handle->call->doubt;
    const char *const names[2] = {doubt->temporary, doubt->name};
    bool with_time = handle->call->expected != NULL;
    return stage_look_surely(stage, handle, folder, names, with_time, looks, err) ||
           stage_say_unknown(handle->connection, doubt, err);
}

/* It is gone, and was to be overwritten: by ours, which somebody took, or our own removal met ours. */
static bool may_be_removed(const struct transfer_step *doubt, const struct stage_look looks[2])
{
    return strcmp(doubt->version, STAGE_CLEARED) == 0 && !looks[1].exists;
}

/* The temporary file is gone. */
static bool find_gone(const struct handle *handle, const struct stage_look looks[2],
                      enum stage_finding *finding, struct error *err)
{
    const struct transfer_step *doubt = handle->call->doubt;
    bool overwrite = handle->connection->on_conflict == CONFLICT_OVERWRITE;
    bool has_arrived = looks[1].exists && looks[1].size == doubt->size;
    if (doubt->kind == STEP_PUBLISHING && may_be_removed(doubt, looks))
        return stage_say_gone(handle->connection, doubt->temporary, doubt->name, err);
    if (doubt->kind == STEP_PUBLISHING || (stage_was_asked(doubt) && has_arrived && !overwrite))
        *finding = FOUND_DONE;
    return true;
}

/* What is left of a step that published nothing. One that was to be renamed, and is gone although nobody had asked
 * for its removal before, was renamed; else the new name tells. */
static bool clear(const struct stage *stage, struct handle *handle, const char *folder,
                  enum stage_finding *finding, struct error *err)
{
    const struct transfer_step *doubt = handle->call->doubt;
    struct stage_look looks[2];
    enum removal removal;
    if (!stage_drop(stage, handle, folder, doubt, &removal, err))
        return false;
    if (removal == REMOVAL_NEEDLESS && stage_was_asked(doubt))
        return look_at(stage, handle, folder, looks, err) && find_gone(handle, looks, finding, err);
    if (!removal_is_gone(removal) && stage_was_asked(doubt))
        return stage_stays_in_doubt(handle, doubt, removal, err);
    if (!removal_is_gone(removal))
        stage_leave(handle->call, doubt->temporary, doubt->name);
    return true;
}

/* The temporary file is there. */
static bool find_left(const struct stage *stage, struct handle *handle, const char *folder,
                      const struct stage_look looks[2], enum stage_finding *finding, struct error *err)
{
    const struct transfer_step *doubt = handle->call->doubt;
    bool is_copied = strcmp(doubt->version, STAGE_COPIED) == 0 ||
                     (stage_was_asked(doubt) &&
                      stage_may_be_copied(handle->connection, doubt->temporary, doubt->size, &looks[1]));
    if (is_copied && doubt->kind == STEP_SENDING) /* its removal, asked for before, may come yet */
        return connection_error(handle->connection, err, ERROR_UNKNOWN,
                                "'%s' and '%s' are there at once: give the instance up if the latter is the file, "
                                "and remove the former; else move the latter away",
                                doubt->temporary, doubt->name);
    if (is_copied)
        return stage_say_copied(handle, doubt->temporary, doubt->name, doubt->size, err);
    if (doubt->kind == STEP_SENDING || looks[0].size != doubt->size)
        return clear(stage, handle, folder, finding, err);
    *finding = FOUND_WHOLE;
    return true;
}

bool stage_doubt_store(const struct stage *stage, struct handle *handle, const char *folder,
                       enum stage_finding *finding, struct error *err)
{
    struct stage_look looks[2];
    *finding = FOUND_NOTHING;
    if (!handle->call || !handle->call->doubt)
        return true;
    if (!look_at(stage, handle, folder, looks, err))
        return false;
    return looks[0].exists ? find_left(stage, handle, folder, looks, finding, err)
                           : find_gone(handle, looks, finding, err);
}

/* Both names are there: the new one was free when it was announced, so it is ours if it fits, and the old
 * name a new file's. With overwriting it need not have been free. Where the call knows what the file was,
 * with its time, that decides. */
static bool is_new_under_old_name(const struct handle *handle, const struct stage_look looks[2])
{
    const struct transfer_call *call = handle->call;
    bool overwrite = handle->connection->on_conflict == CONFLICT_OVERWRITE;
    bool fits = looks[1].exists && looks[1].size == call->doubt->size;
    bool knows_time = call->expected && call->expected->info.modified_s && looks[0].modified_s;
    if (knows_time)
        return fits && stage_match(handle, &looks[0]) == MATCH_OTHER;
    return fits && (!overwrite || looks[0].size != call->doubt->size);
}

bool stage_doubt_rename(const struct stage *stage, struct handle *handle, const char *folder,
                        enum stage_finding *finding, struct error *err)
{
    const struct transfer_step *doubt = handle->call ? handle->call->doubt : NULL;
    struct stage_look looks[2];
    *finding = FOUND_NOTHING;
    if (!doubt)
        return true;
    if (!look_at(stage, handle, folder, looks, err))
        return false;
    if (!looks[0].exists && may_be_removed(doubt, looks))
        return stage_say_gone(handle->connection, doubt->temporary, doubt->name, err);
    if (!looks[0].exists || is_new_under_old_name(handle, looks))
        *finding = FOUND_DONE;
    return true;
}
