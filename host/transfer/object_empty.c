/* SPDX-License-Identifier: MIT */
/* Empty objects of journaled calls; see object_upload.h. */
#include <string.h>

#include "transfer/object_upload.h"
#include "transfer/remote_name.h"

bool upload_remove_object(const struct upload *upload, const char *name)
{
    struct buf path;
    struct http_response response = {0};
    struct error ignored;
    bool is_gone = false;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    if (object_append_name(upload->connection, upload->folder, "o", name, &path, &ignored)) {
        const struct object_request request = {.method = "DELETE", .path = buf_text(&path)};
        is_gone = object_call(upload->transfer, upload->connection, NULL, &request, &response, NULL,
                              &ignored) &&
                  (response.status / 100 == 2 || object_is_forgotten(&response));
    }
    http_response_release(&response);
    buf_release(&path);
    return is_gone;
}

static void remove_or_leave(const struct upload *upload, const char *temporary)
{
    if (!upload_remove_object(upload, temporary))
        upload_leave(upload, temporary, true);
}

/* Announced before a temporary object is removed, too: one that is gone would else be taken for one that
 * was renamed. */
static bool announce_sending(const struct upload *upload, const char *temporary, struct error *err)
{
    struct transfer_step step = {.kind = STEP_SENDING, .is_object = true};
    if (!upload->call->announce)
        return true;
    snprintf(step.temporary, sizeof step.temporary, "%s", temporary);
    snprintf(step.name, sizeof step.name, "%s", upload->name);
    return upload->call->announce(upload->call->context, &step, err);
}

static bool publish(struct upload *upload, const char *temporary, struct error *err)
{
    struct transfer_call call = *upload->call;
    struct remote_receipt receipt;
    call.doubt = NULL;
    if (!object_storage_server.rename(upload->transfer, upload->connection, upload->folder,
                                      temporary, upload->name, &call, &receipt, err))
        return false;
    snprintf(upload->receipt->name, sizeof upload->receipt->name, "%s", receipt.name);
    return true;
}

bool upload_empty(struct upload *upload, struct error *err)
{
    char temporary[TEMPORARY_NAME_SIZE];
    struct upload first = *upload;
    struct error why = {0};
    temporary_name(upload->call->instance, temporary);
    first.name = temporary;
    bool is_sent = announce_sending(upload, temporary, err) && upload_whole(&first, err);
    upload->pump = first.pump;
    if (!is_sent)
        return false;
    if (publish(upload, temporary, &why))
        return true;
    struct error ignored;
    if (why.kind != ERROR_UNKNOWN && announce_sending(upload, temporary, &ignored))
        remove_or_leave(upload, temporary);
    if (why.kind == ERROR_DENIED)
        return upload_whole(upload, err);
    if (err)
        *err = why;
    return false;
}

bool upload_empty_doubt(struct upload *upload, bool *is_done, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    struct object_facts facts;
    struct error why = {0};
    bool exists = object_look(upload->transfer, upload->connection, upload->call, upload->folder,
                              doubt->temporary, &facts, &why);
    if (!exists && why.kind != ERROR_NOT_FOUND)
        return connection_error(upload->connection, err, ERROR_UNKNOWN,
                                "what became of '%s' after an interruption cannot be told now: %s",
                                doubt->name, why.message);
    upload->name = doubt->name;
    if (exists && !announce_sending(upload, doubt->temporary, err))
        return false;
    if (exists)
        remove_or_leave(upload, doubt->temporary);
    *is_done = !exists && doubt->kind == STEP_PUBLISHING;
    if (*is_done)
        snprintf(upload->receipt->name, sizeof upload->receipt->name, "%s", doubt->name);
    return true;
}
