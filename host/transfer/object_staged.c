/* SPDX-License-Identifier: MIT */
/*
 * Objects of journaled calls: sent under a temporary name, renamed into place. See object_upload.h.
 *
 * What the service forgets tells nothing: an upload in parts that is gone may have been committed, or ended
 * by a rule of the bucket. A temporary object is ours alone: as long as it is there nothing was published,
 * and once it is gone it was renamed, unless it was to be removed (STEP_SENDING).
 */
#include <string.h>

#include "transfer/object_upload.h"
#include "transfer/remote_name.h"

/* REFUSED: nothing that the service says to be for now, nor a login that it does not take. */
static enum removal removal_of(const struct connection *connection, const struct http_response *response)
{
    struct error why = {0};
    if (response->status / 100 == 2)
        return REMOVAL_DONE;
    if (object_is_forgotten(response))
        return REMOVAL_NEEDLESS;
    (void)!object_refuse(connection, response, "", &why);
    bool is_final = why.retry == RETRY_NEVER || why.retry == RETRY_ONCE;
    return is_final && response->status != 401 ? REMOVAL_REFUSED : REMOVAL_FAILED;
}

enum removal upload_delete(const struct upload *upload, const char *path)
{
    struct http_response response = {0};
    struct error ignored;
    const struct object_request request = {.method = "DELETE", .path = path};
    const struct transfer_call *call = upload->discards ? upload->call : NULL;
    enum removal removal = REMOVAL_FAILED;
    if (object_call(upload->transfer, upload->connection, call, &request, &response, NULL, &ignored))
        removal = removal_of(upload->connection, &response);
    http_response_release(&response);
    return removal;
}

enum removal upload_remove_object(const struct upload *upload, const char *name)
{
    struct buf path;
    struct error ignored;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool is_named = object_append_name(upload->connection, upload->folder, "o", name, &path, &ignored);
    enum removal removal = is_named ? upload_delete(upload, buf_text(&path)) : REMOVAL_FAILED;
    buf_release(&path);
    return removal;
}

enum removal upload_remove_or_leave(const struct upload *upload, const char *temporary)
{
    enum removal removal = upload_remove_object(upload, temporary);
    if (!removal_is_gone(removal))
        upload_leave(upload, temporary, true);
    return removal;
}

/* digest: of the temporary object, once it is whole there; "" before. */
static bool announce(const struct upload *upload, enum transfer_step_kind kind, const char *temporary,
                     const char *digest, struct error *err)
{
    struct transfer_step step = {.kind = kind, .is_object = true, .size = upload->receipt->size};
    if (!upload->call->announce)
        return true;
    snprintf(step.temporary, sizeof step.temporary, "%s", temporary);
    snprintf(step.name, sizeof step.name, "%s", upload->name);
    snprintf(step.version, sizeof step.version, "%s", digest);
    return upload->call->announce(upload->call->context, &step, err);
}

static bool say_unknown(const struct upload *upload, const char *name, const char *why, struct error *err)
{
    return connection_error(upload->connection, err, ERROR_UNKNOWN,
                            "what became of '%s' cannot be told now: %s", name, why);
}

/* Of a temporary object that was whole and is gone although its rename was refused: it was renamed all the
 * same, or a gateway has removed it twice. Our bytes under the name tell. False: ERROR_UNKNOWN. */
static bool look_for(struct upload *upload, uint64_t size, const char *digest, bool *is_published,
                     struct error *err)
{
    struct object_facts facts;
    struct error why = {0};
    struct remote_receipt *receipt = upload->receipt;
    *is_published = false;
    if (!digest[0])
        return true;
    if (!object_look(upload->transfer, upload->connection, NULL, upload->folder, upload->name, &facts, &why))
        return why.kind == ERROR_NOT_FOUND || say_unknown(upload, upload->name, why.message, err);
    *is_published = facts.info.size == size && strcmp(facts.digest, digest) == 0;
    if (!*is_published)
        return true;
    receipt->size = size;
    snprintf(receipt->etag, sizeof receipt->etag, "%s", facts.etag);
    snprintf(receipt->digest, sizeof receipt->digest, "%s", facts.digest);
    return true;
}

/* Behind why, which refused a rename, and a removal that failed: whether another request for that rename may be at
 * work. Who may never remove would else never hear of why: then only one that is said to be. */
static bool may_come_yet(const struct error *why, enum removal removal)
{
    bool is_at_work = why->peer_code == 409 && why->retry != RETRY_NEVER;
    return removal == REMOVAL_FAILED ? object_may_be_untrue(why->peer_code)
                                     : removal == REMOVAL_REFUSED && is_at_work;
}

/* A removal that was not needed: as look_for. */
static bool look_behind(struct upload *upload, enum removal removal, uint64_t size, const char *digest,
                        bool *is_published, struct error *err)
{
    *is_published = false;
    return removal != REMOVAL_NEEDLESS || look_for(upload, size, digest, is_published, err);
}

static bool send_first(struct upload *upload, const char *temporary, uint64_t part_size,
                 struct error *err)
{
    struct upload staged = *upload;
    staged.name = temporary;
    staged.is_staged = true;
    bool ok = part_size ? upload_parts(&staged, part_size, err)
                        : announce(upload, STEP_SENDING, temporary, "", err) &&
                              upload_whole(&staged, err);
    upload->pump = staged.pump;
    if (!ok && err->kind == ERROR_EXISTS) { /* that is said of names, and nobody else has the temporary one */
        connection_error(upload->connection, err, ERROR_BROKEN,
                         "'%s' was refused as if its temporary name '%s' were taken",
                         upload->name, temporary);
        error_advise(err, RETRY_LATER);
    }
    return ok;
}

bool upload_staged(struct upload *upload, uint64_t part_size, struct error *err)
{
    char temporary[TEMPORARY_NAME_SIZE];
    struct error ignored;
    const char *digest = upload->receipt->digest;
    enum removal removal;
    bool is_published;
    temporary_name(upload->call->instance, temporary);
    if (!send_first(upload, temporary, part_size, err))
        return false;
    if (announce(upload, STEP_PUBLISHING, temporary, digest, err) &&
        object_publish(upload, temporary, err))
        return true;
    /* Announced before it is removed, too: one that is gone would else be taken for one that was renamed. */
    const struct error why = *err;
    if (why.kind == ERROR_UNKNOWN || !announce(upload, STEP_SENDING, temporary, digest, &ignored))
        return false;
    removal = upload_remove_object(upload, temporary);
    if (may_come_yet(&why, removal))
        return say_unknown(upload, upload->name, why.message, err);
    if (!removal_is_gone(removal))
        upload_leave(upload, temporary, true);
    if (!look_behind(upload, removal, upload->receipt->size, digest, &is_published, err))
        return false;
    if (is_published)
        *err = (struct error){0};
    return is_published;
}

/* Its rename was refused, with err, so it is removed and sent anew. What cannot be removed is left where that
 * is refused, too, but for a rename that is said to be at work, and else stays in doubt. */
static bool take_back(struct upload *upload, bool *is_done, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    const struct error why = *err;
    if (!announce(upload, STEP_SENDING, doubt->temporary, doubt->version, err))
        return false;
    enum removal removal = upload_remove_object(upload, doubt->temporary);
    if (removal_is_gone(removal))
        return look_behind(upload, removal, doubt->size, doubt->version, is_done, err);
    if (removal == REMOVAL_FAILED || may_come_yet(&why, removal))
        return say_unknown(upload, doubt->name, why.message, err);
    upload_leave(upload, doubt->temporary, true);
    call_settled(upload->call);
    *err = why;
    return false;
}

/* The bytes are there, whole: they need only be renamed. What the service refuses is sent anew, which finds
 * out why; what it does not answer leaves everything as it was. */
static bool publish_found(struct upload *upload, const struct object_facts *facts, bool *is_done,
                          struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    if (facts->info.size != doubt->size || strcmp(facts->digest, doubt->version) != 0) {
        connection_error(upload->connection, err, ERROR_BROKEN,
                         "'%s' is not what was sent under that name", doubt->temporary);
        return take_back(upload, is_done, err);
    }
    upload->receipt->size = facts->info.size;
    snprintf(upload->receipt->etag, sizeof upload->receipt->etag, "%s", facts->etag);
    snprintf(upload->receipt->digest, sizeof upload->receipt->digest, "%s", facts->digest);
    *is_done = object_publish(upload, doubt->temporary, err);
    if (*is_done)
        return true;
    if (err->kind == ERROR_UNKNOWN)
        return false;
    if (err->peer_code)
        return take_back(upload, is_done, err);
    const struct error why = *err;
    return say_unknown(upload, doubt->name, why.message, err);
}

/* What was to be removed and is still there: its rename, if one had been asked for, may come yet. */
static bool clear(struct upload *upload, bool *is_done, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    enum removal removal = upload_remove_object(upload, doubt->temporary);
    if (!look_behind(upload, removal, doubt->size, doubt->version, is_done, err))
        return false;
    if (removal == REMOVAL_FAILED && doubt->version[0])
        return say_unknown(upload, doubt->name, "its temporary object cannot be removed", err);
    if (!removal_is_gone(removal))
        upload_leave(upload, doubt->temporary, true);
    return true;
}

bool upload_staged_doubt(struct upload *upload, bool *is_done, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    struct object_facts facts;
    struct error why = {0};
    bool exists = object_look(upload->transfer, upload->connection, upload->call, upload->folder,
                              doubt->temporary, &facts, &why);
    if (!exists && why.kind != ERROR_NOT_FOUND)
        return say_unknown(upload, doubt->name, why.message, err);
    upload->name = doubt->name;
    *is_done = !exists && doubt->kind == STEP_PUBLISHING;
    if (!exists && !*is_done && !look_for(upload, doubt->size, doubt->version, is_done, err))
        return false;
    if (exists && !(doubt->kind == STEP_SENDING ? clear(upload, is_done, err)
                                                : publish_found(upload, &facts, is_done, err)))
        return false;
    if (*is_done)
        upload_keep_doubt(upload);
    return true;
}
