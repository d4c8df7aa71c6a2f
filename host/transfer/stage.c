/* SPDX-License-Identifier: MIT */
/*
 * The steps of a store. Until the rename nothing shows under the final name; after a failure the
 * temporary file is removed, if the server lets us.
 */
#include "transfer/stage.h"

#include <string.h>

#include "transfer/remote_name.h"

#define LOOK_FIRST_SIZE                                                                            \
    (1u << 20) /* from here on a conflict is worth a question before the bytes */

struct upload {
    const struct stage *stage;
    struct transfer *transfer;
    const struct connection *connection;
    const char *folder, *name;
    const struct remote_file *file;
    const struct transfer_call *call;
    struct handle *handle;
    struct pump *pump;
    char temporary[TEMPORARY_NAME_SIZE];
    bool may_exist; /* the server may hold the temporary file */
    bool is_taken;  /* the final name exists */
    bool was_refused; /* its rename was: see struct stage_move */
    uint64_t size;  /* of what was sent, once that is known */
};

static bool refuse_early(struct upload *upload, struct error *err)
{
    if (remote_file_size(upload->file) < LOOK_FIRST_SIZE ||
        upload->connection->on_conflict != CONFLICT_FAIL)
        return true;
    const char *const names[2] = {upload->name, NULL};
    struct stage_look looks[2];
    if (!upload->stage->look(upload->handle, upload->folder, names, false, looks, err))
        return false;
    return !looks[0].exists ||
           connection_error(
               upload->connection, err, ERROR_EXISTS,
               "'%s' exists already in folder '%s': nothing was overwritten; remove it "
               "or set on_conflict",
               upload->name, upload->folder);
}

static bool start_source(struct upload *upload, struct error *err)
{
    struct source source;
    if (!remote_read(upload->transfer, upload->file, upload->call, &source, err))
        return false;
    upload->pump = pump_open(&source, upload->call, err);
    return upload->pump != NULL;
}

static bool is_whole(const struct upload *upload, const struct stage_look *look)
{
    return look->exists && look->size == pump_taken(upload->pump);
}

/* All bytes were handed over, and the control connection was lost before the server's last word, as
 * middleboxes do it that know nothing of a connection beside: a new login looks at what arrived, for what
 * is whole need not be sent again. Only where the source's size tells that it was all. */
static bool has_arrived(struct upload *upload, const char *const names[2],
                        struct stage_look looks[2])
{
    struct error ignored;
    if (pump_taken(upload->pump) != remote_file_size(upload->file) ||
        !call_goes_on(upload->call, &ignored))
        return false;
    upload->handle->keep = false;
    pool_release(upload->transfer, upload->handle);
    upload->handle = upload->stage->acquire(upload->transfer, upload->connection, NULL, &ignored);
    if (!upload->handle)
        return false;
    upload->handle->call = upload->call;
    return upload->stage->look(upload->handle, upload->folder, names, false, looks, &ignored) &&
           is_whole(upload, &looks[0]);
}

/* A server's success proves nothing (226 follows a short body on every server that was tried): the
 * size that it tells afterwards must be the source's, and the source must still be what it was. */
static bool send_bytes(struct upload *upload, struct error *err)
{
    struct handle *handle = upload->handle;
    const char *const names[2] = {upload->temporary, upload->name};
    struct stage_look looks[2];
    enum stage_upload end = UPLOAD_LOST;
    CURLcode code;
    if (!stage_announce(handle, STEP_SENDING, upload->temporary, upload->name, 0, err) ||
        !upload->stage->prepare(handle, upload->folder, upload->temporary, upload->name, err))
        return false;
    upload->may_exist = true;
    if (!pump_send(upload->pump, handle, remote_file_size(upload->file), &code, NULL, err))
        return false;
    bool ok = upload->stage->conclude(handle, upload->folder, names, code, looks, &end, err);
    upload->may_exist = end != UPLOAD_NOT_BEGUN;
    if (!ok && (end != UPLOAD_LOST || !has_arrived(upload, names, looks)))
        return false;
    if (!pump_finish(upload->pump, err))
        return false;
    upload->is_taken = looks[1].exists;
    upload->size = pump_taken(upload->pump);
    if (is_whole(upload, &looks[0]))
        return true;
    connection_error(upload->connection, err, ERROR_BROKEN,
                     "'%s' arrived with %llu of %llu bytes: it was not published", upload->name,
                     (unsigned long long)looks[0].size, (unsigned long long)upload->size);
    return error_advise(err, RETRY_LATER);
}

/* An earlier attempt had asked for its rename. */
static bool is_in_doubt(const struct upload *upload)
{
    const struct transfer_step *doubt = upload->call ? upload->call->doubt : NULL;
    return doubt && doubt->kind == STEP_PUBLISHING && strcmp(doubt->temporary, upload->temporary) == 0;
}

/* Of one that is in doubt. True: it was renamed, as it was there at the look and is gone now. */
static bool remove_doubtful(struct upload *upload, struct remote_receipt *receipt, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    if (!upload->handle)
        return stage_say_unknown(upload->connection, doubt, err);
    enum removal removal = REMOVAL_FAILED;
    struct error ignored;
    if (!stage_drop(upload->stage, upload->handle, upload->folder, doubt, &removal, &ignored))
        removal = REMOVAL_FAILED;
    if (!removal_is_gone(removal))
        return stage_stays_in_doubt(upload->handle, doubt, removal, err);
    if (removal != REMOVAL_NEEDLESS)
        return false;
    receipt->size = doubt->size;
    snprintf(receipt->name, sizeof receipt->name, "%s", doubt->name);
    return true;
}

/* Of a temporary file that an attempt leaves. A rename that was refused may be done late. */
static struct transfer_step left_step(const struct upload *upload, const struct remote_receipt *receipt)
{
    return upload->was_refused
               ? stage_step(STEP_SENDING, upload->temporary, receipt->name, upload->size, STAGE_ASKED)
               : stage_step(STEP_SENDING, upload->temporary, upload->name, 0, "");
}

/* True: it was renamed after all. That was refused, it was still there at the look, and it was gone when it
 * was to be removed. False: err stands, or becomes ERROR_UNKNOWN. */
static bool remove_temporary(struct upload *upload, struct remote_receipt *receipt, struct error *err)
{
    const struct transfer_step step = left_step(upload, receipt);
    bool keeps_journal = upload->call && upload->call->announce;
    struct error ignored;
    enum removal removal = REMOVAL_FAILED;
    if (!upload->may_exist)
        return false;
    if (is_in_doubt(upload))
        return remove_doubtful(upload, receipt, err);
    if (upload->handle &&
        !stage_drop(upload->stage, upload->handle, upload->folder, &step, &removal, &ignored))
        return false; /* the step on the disk stands, and will be settled */
    if (upload->was_refused && removal == REMOVAL_FAILED && keeps_journal)
        return stage_stays_in_doubt(upload->handle, &step, removal, err);
    if (!removal_is_gone(removal))
        stage_leave(upload->call, upload->temporary, upload->name);
    return upload->was_refused && removal == REMOVAL_NEEDLESS;
}

static bool publish(struct upload *upload, struct stage_move move, struct remote_receipt *receipt,
                    struct error *err)
{
    move.from = upload->temporary;
    move.to = upload->name;
    bool ok = stage_publish(upload->stage, upload->transfer, &upload->handle, upload->folder, &move,
                            receipt->name, err);
    upload->was_refused = move.was_refused;
    return ok;
}

/* A new attempt, from the first byte on. */
static bool store_anew(struct upload *upload, struct remote_receipt *receipt, struct error *err)
{
    return refuse_early(upload, err) && start_source(upload, err) && send_bytes(upload, err) &&
           call_goes_on(upload->call, err) &&
           publish(upload, (struct stage_move){.size = upload->size, .is_taken = upload->is_taken}, receipt,
                   err);
}

/* An earlier attempt had come as far as publishing. */
static bool publish_found(struct upload *upload, struct remote_receipt *receipt, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    const char *const names[2] = {upload->name, NULL};
    struct stage_look looks[2];
    snprintf(upload->temporary, sizeof upload->temporary, "%.95s", doubt->temporary);
    upload->may_exist = true;
    return stage_look_surely(upload->stage, upload->handle, upload->folder, names, false, looks, err) &&
           publish(upload,
                   (struct stage_move){.size = doubt->size, .is_taken = looks[0].exists, .was_asked = true},
                   receipt, err);
}

/* After a failure with err: whether what the earlier attempt had asked for has happened meanwhile. False:
 * err is still why, or ERROR_UNKNOWN. */
static bool is_published_meanwhile(struct upload *upload, struct error *err)
{
    const struct error why = *err;
    enum stage_finding finding;
    if (why.kind == ERROR_UNKNOWN || !upload->handle ||
        !stage_doubt_store(upload->stage, upload->handle, upload->folder, &finding, err))
        return false;
    upload->may_exist &= finding != FOUND_NOTHING; /* that was removed, or noted */
    *err = why;
    return finding == FOUND_DONE;
}

static bool store_settled(struct upload *upload, struct remote_receipt *receipt, struct error *err)
{
    enum stage_finding finding;
    if (!stage_doubt_store(upload->stage, upload->handle, upload->folder, &finding, err))
        return false;
    call_settled(upload->call);
    if (finding == FOUND_NOTHING) {
        bool ok = store_anew(upload, receipt, err);
        receipt->size = upload->size;
        return ok;
    }
    receipt->size = upload->call->doubt->size;
    if (finding == FOUND_WHOLE && publish_found(upload, receipt, err))
        return true;
    if (finding == FOUND_WHOLE && !is_published_meanwhile(upload, err))
        return false;
    snprintf(receipt->name, sizeof receipt->name, "%s", upload->call->doubt->name);
    return true;
}

/* What an earlier call left in doubt stays so where nobody can be asked. */
static struct handle *acquire(const struct stage *stage, struct transfer *transfer,
                              const struct connection *connection, const struct transfer_call *call,
                              struct error *err)
{
    struct handle *handle = stage->acquire(transfer, connection, call, err);
    if (handle || !call || !call->doubt)
        return handle;
    stage_say_unknown(connection, call->doubt, err);
    return NULL;
}

bool stage_store(const struct stage *stage, struct transfer *transfer,
                 const struct connection *connection, const char *folder, const char *name,
                 const struct remote_file *file, const struct transfer_call *call,
                 struct remote_receipt *receipt, struct error *err)
{
    struct error own;
    err = err ? err : &own;
    struct upload upload = {.stage = stage,
                            .transfer = transfer,
                            .connection = connection,
                            .folder = folder,
                            .name = name,
                            .file = file,
                            .call = call};
    temporary_name(call ? call->instance : NULL, upload.temporary);
    upload.handle = acquire(stage, transfer, connection, call, err);
    bool ok = upload.handle && store_settled(&upload, receipt, err);
    pump_close(upload.pump);
    if (!ok && err->kind != ERROR_UNKNOWN)
        ok = remove_temporary(&upload, receipt, err);
    else if (!ok && upload.may_exist && (!call || !call->announce))
        stage_leave(call, upload.temporary, name); /* without a journal no later call will settle it */
    pool_release(transfer, upload.handle);
    return ok;
}

enum stage_match stage_match(const struct handle *handle, const struct stage_look *look)
{
    const struct remote_file *file = handle->call ? handle->call->expected : NULL;
    if (!file)
        return MATCH_NOT_ASKED;
    bool is_same = look->exists && look->size == file->info.size &&
                   (!look->modified_s || !file->info.modified_s ||
                    look->modified_s == file->info.modified_s);
    return is_same ? MATCH_SAME : MATCH_OTHER;
}

static bool rename_anew(const struct stage *stage, struct transfer *transfer,
                        struct handle **handle, const char *folder, const char *from,
                        const char *to, struct remote_receipt *receipt, struct error *err)
{
    const char *const names[2] = {from, to};
    struct stage_look looks[2] = {0};
    bool with_time = (*handle)->call && (*handle)->call->expected;
    if (!stage->look(*handle, folder, names, with_time, looks, err))
        return false;
    if (!looks[0].exists)
        return connection_error((*handle)->connection, err, ERROR_NOT_FOUND,
                                "there is no file '%s' in folder '%s' to rename", from, folder);
    if (stage_match(*handle, &looks[0]) == MATCH_OTHER)
        return connection_error((*handle)->connection, err, ERROR_BROKEN,
                                "'%s' was replaced after it had been read: it was not renamed, the "
                                "next run takes it",
                                from);
    receipt->size = looks[0].size;
    struct stage_move move = {.from = from, .to = to, .size = looks[0].size, .is_taken = looks[1].exists,
                              .was_asked = (*handle)->call && (*handle)->call->doubt};
    return stage_publish(stage, transfer, handle, folder, &move, receipt->name, err);
}

/* As is_published_meanwhile. */
static bool is_renamed_meanwhile(const struct stage *stage, struct handle *handle,
                                 const char *folder, enum stage_finding *finding, struct error *err)
{
    const struct error why = *err;
    if (why.kind == ERROR_UNKNOWN || !handle || !handle->call || !handle->call->doubt ||
        !stage_doubt_rename(stage, handle, folder, finding, err))
        return false;
    *err = why;
    return *finding == FOUND_DONE;
}

bool stage_rename(const struct stage *stage, struct transfer *transfer,
                  const struct connection *connection, const char *folder, const char *from,
                  const char *to, const struct transfer_call *call, struct remote_receipt *receipt,
                  struct error *err)
{
    struct error own;
    enum stage_finding finding;
    err = err ? err : &own;
    struct handle *handle = acquire(stage, transfer, connection, call, err);
    if (!handle)
        return false;
    bool ok = stage_doubt_rename(stage, handle, folder, &finding, err);
    if (ok)
        call_settled(call);
    if (ok && finding == FOUND_NOTHING)
        ok = rename_anew(stage, transfer, &handle, folder, from, to, receipt, err) ||
             is_renamed_meanwhile(stage, handle, folder, &finding, err);
    if (ok && finding == FOUND_DONE) {
        receipt->size = call->doubt->size;
        snprintf(receipt->name, sizeof receipt->name, "%s", call->doubt->name);
    }
    pool_release(transfer, handle);
    return ok;
}
