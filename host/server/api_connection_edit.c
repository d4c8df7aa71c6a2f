/* SPDX-License-Identifier: MIT */
/* See api_connection_edit.h. */
#include "server/api_connection_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "workspace/connection_text.h"

#define OWNER_SIZE 192

static void update_release(struct connection_update *update)
{
    for (size_t i = 0; i < update->count; i++)
        free(update->edits[i].value);
}

static const char *folder_of(const struct connection_update *update)
{
    return service_workspace(update->call->service)->folder;
}

struct connection_edit *connection_add_edit(struct connection_update *update, const char *key)
{
    for (size_t i = 0; i < update->count; i++) {
        if (strcmp(update->edits[i].key, key) == 0) {
            api_fault(update->call, 400, "invalid", "property '%s' is given twice", key);
            return NULL;
        }
    }
    if (update->count == CONNECTION_EDITS_MAX) {
        api_fault(update->call, 400, "limit", "more than %d properties", CONNECTION_EDITS_MAX);
        return NULL;
    }
    struct connection_edit *edit = &update->edits[update->count++];
    *edit = (struct connection_edit){.key = key};
    return edit;
}

bool connection_set_value(struct connection_update *update, struct connection_edit *edit,
                          struct buf *json)
{
    edit->value = buf_take(json, NULL);
    buf_release(json);
    return edit->value || api_fault(update->call, 503, "limit", "out of memory");
}

static void make_owner(const struct connection_update *update, const char *key,
                       char owner[static OWNER_SIZE])
{
    char id[API_ARGUMENT_SIZE];
    snprintf(owner, OWNER_SIZE, "%.150s.%s", api_connection_id(update->connection->name, id), key);
}

bool connection_set_file(struct connection_update *update, struct connection_edit *edit,
                         const void *bytes, size_t size, bool is_secret)
{
    struct error err = {0};
    struct buf json;
    char owner[OWNER_SIZE];
    make_owner(update, edit->key, owner);
    if (!secret_file_write(folder_of(update), owner, bytes, size, edit->file, &err)) {
        edit->file[0] = '\0';
        return api_fail(update->call, &err);
    }
    buf_init(&json, 4096);
    buf_append_text(&json, is_secret ? "{\"file\": " : "");
    json_append_text(&json, edit->file, strlen(edit->file));
    buf_append_text(&json, is_secret ? "}" : "");
    return connection_set_value(update, edit, &json);
}

/* ---- applying --------------------------------------------------------------------------------------------- */

static bool edit_text(void *context, struct buf *text, struct error *err)
{
    const struct connection_update *update = context;
    for (size_t i = 0; i < update->count; i++)
        if (!connection_text_set(text, update->connection->name, update->edits[i].key,
                                 update->edits[i].value, err))
            return false;
    return true;
}

static const char *old_file_of(const struct connection *connection, const char *key)
{
    return strcmp(key, "private_key") == 0   ? connection->private_key
           : strcmp(key, "ca") == 0          ? connection->ca_file
           : strcmp(key, "known_hosts") == 0 ? connection->known_hosts
           : strcmp(key, "passphrase") == 0  ? connection->passphrase.file
                                             : connection->password.file;
}

static void tidy(const struct connection_update *update, bool is_done)
{
    char owner[OWNER_SIZE];
    for (size_t i = 0; i < update->count; i++) {
        const struct connection_edit *edit = &update->edits[i];
        if (!edit->file[0])
            continue;
        make_owner(update, edit->key, owner);
        if (is_done)
            secret_file_tidy(folder_of(update), owner, edit->file,
                             old_file_of(update->connection, edit->key));
        else
            secret_file_remove(folder_of(update), edit->file);
    }
}

static void note_keys(const struct connection_update *update)
{
    char *note = update->call->note;
    for (size_t i = 0, size = 0; i < update->count; i++, size = strlen(note))
        snprintf(note + size, sizeof update->call->note - size, "%s%s", i ? ", " : "set: ",
                 update->edits[i].key);
}

static bool apply(struct connection_update *update)
{
    struct error err = {0};
    return update->count == 0 ||
           workspace_edit_connections(service_workspace(update->call->service), edit_text, update,
                                      &err) ||
           api_fail(update->call, &err);
}

void connection_update_finish(struct connection_update *update, bool ok)
{
    ok = ok && apply(update);
    tidy(update, ok);
    if (ok) {
        note_keys(update);
        api_answer_connection(update->call, update->connection->name);
    }
    update_release(update);
}

void connection_forget_body(struct api_call *call)
{
    if (call->exchange->body.data)
        explicit_bzero(call->exchange->body.data, call->exchange->body.size);
}
