/* SPDX-License-Identifier: MIT */
/* Files of connections over the API: private keys, trust anchors, known hosts. */
#include <string.h>

#include "base/text.h"
#include "server/api_connection_edit.h"
#include "server/http_form.h"

#define ATTACHMENT_SIZE_MAX (64u << 10)
#define FORM_EXTRA_SIZE (16u << 10)

static const struct attachment {
    const char *key;
    const char *names[3];
    const char *mark; /* what such a file holds; NULL: any text */
    unsigned types;
} attachments[] = {
    {"private_key", {"privateKey", "private_key"}, "PRIVATE KEY-----",
     1u << CONNECTION_OBJECT_STORAGE | 1u << CONNECTION_SFTP},
    {"ca", {"ca", "certificate", "trustStore"}, "CERTIFICATE-----",
     1u << CONNECTION_FTP | 1u << CONNECTION_OBJECT_STORAGE | 1u << CONNECTION_REST |
         1u << CONNECTION_SMTP},
    {"known_hosts", {"knownHosts", "hostKey"}, NULL, 1u << CONNECTION_SFTP},
};

static const struct attachment *find_attachment(struct api_call *call,
                                                const struct connection *connection)
{
    for (size_t i = 0; i < API_COUNT(attachments); i++)
        for (size_t j = 0; j < API_COUNT(attachments[i].names) && attachments[i].names[j]; j++)
            if ((attachments[i].types & (1u << connection->type)) &&
                text_same_name(attachments[i].names[j], call->arguments[1]))
                return &attachments[i];
    api_fault(call, 404, "not_found", "connection '%s' takes no attachment '%.64s'; there are "
              "privateKey, ca and knownHosts, each for the types that have it", connection->name,
              call->arguments[1]);
    return NULL;
}

static bool check_file(struct api_call *call, const struct attachment *attachment,
                       const struct buf *bytes)
{
    if (bytes->size == 0 || memchr(bytes->data, '\0', bytes->size))
        return api_fault(call, 400, "invalid", "the file is empty or no text");
    return !attachment->mark ||
           memmem(bytes->data, bytes->size, attachment->mark, strlen(attachment->mark)) ||
           api_fault(call, 400, "invalid", "the file holds no PEM block that ends in \"%s\"",
                     attachment->mark);
}

static bool take_attachment(struct connection_update *update)
{
    struct api_call *call = update->call;
    struct http_form_file file;
    const struct attachment *attachment = find_attachment(call, update->connection);
    if (!attachment)
        return false;
    buf_init(&file.bytes, ATTACHMENT_SIZE_MAX);
    bool ok = api_form_file(call, &file) && check_file(call, attachment, &file.bytes);
    struct connection_edit *edit = ok ? connection_add_edit(update, attachment->key) : NULL;
    ok = edit && connection_set_file(update, edit, file.bytes.data, file.bytes.size, false);
    if (file.bytes.data)
        explicit_bzero(file.bytes.data, file.bytes.size);
    buf_release(&file.bytes);
    return ok;
}

static void attach(struct api_call *call)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    struct connection_update update = {.call = call, .connection = api_find_connection(call, snapshot)};
    if (update.connection)
        connection_update_finish(&update, take_attachment(&update));
    snapshot_release(snapshot);
    connection_forget_body(call);
}

static void refuse_attachment(struct api_call *call)
{
    api_fault(call, 501, "unsupported", "%s", call->operation->about);
}

#define NO_ATTACHMENT {404, "no connection has that name or id, or no such attachment", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "POST", .path = "/connections/{id}/attachments/{property}", .id = "attachFile",
     .role = API_CHANGE,
     .about = "Attaches a file: privateKey (PEM), ca (PEM) or knownHosts. It goes to a file that only "
              "the server can read.",
     .file = "file", .body_max = ATTACHMENT_SIZE_MAX + FORM_EXTRA_SIZE,
     .results = {{200, "the connection as it is now", &api_connection_schema, NULL}, NO_ATTACHMENT},
     .run = attach},
    {.method = "GET", .path = "/connections/{id}/attachments/{property}", .id = "getAttachment",
     .role = API_READ, .about = "What was attached is never given out.",
     .results = {{501, "as the description says", NULL, NULL}}, .run = refuse_attachment},
};

const struct api_area api_attachments = {"Attachments", "Keys and certificates of connections.",
                                         operations, API_COUNT(operations)};
