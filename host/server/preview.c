/* SPDX-License-Identifier: MIT */
/* The page that previews mappings and the messages it may show; see preview.h. */
#include "server/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "server/answer.h"
#include "store/store.h"

#define MESSAGES_PATH PREVIEW_PATH "messages/"
#define MESSAGE_SIZE_MAX (64u << 20)

bool preview_open(struct preview *preview, const char *functions_folder, struct error *err)
{
    buf_init(&preview->page, PREVIEW_PAGE_SIZE_MAX);
    char *path = file_join(functions_folder, PREVIEW_PAGE_NAME);
    if (!path)
        return error_set(err, ERROR_LIMIT, "out of memory");
    struct error problem;
    bool ok = file_read(path, &preview->page, &problem);
    if (!ok && problem.kind == ERROR_NOT_FOUND)
        ok = true;
    else if (!ok && err)
        *err = problem;
    free(path);
    return ok;
}

void preview_close(struct preview *preview)
{
    buf_release(&preview->page);
}

bool preview_is_page(const char *path)
{
    return strcmp(path, PREVIEW_PATH) == 0 || strcmp(path, "/preview") == 0;
}

bool preview_is_message(const char *path)
{
    return strncmp(path, MESSAGES_PATH, strlen(MESSAGES_PATH)) == 0;
}

static bool is_read(struct http_exchange *exchange)
{
    if (strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0)
        return true;
    exchange->answer.allow = "GET, HEAD";
    answer_fault(&exchange->answer, 405, "method", "Method not allowed",
                 "this address does not take that method; see the header Allow");
    return false;
}

/* What a policy inside the page cannot say is added to it: that no other page may frame it. */
void preview_answer_page(const struct preview *preview, struct http_exchange *exchange)
{
    struct http_answer *answer = &exchange->answer;
    if (!is_read(exchange))
        return;
    if (preview->page.size == 0) {
        answer_fault(answer, 404, "not_found", "Not found",
                     "this installation has no preview page: it is built where Emscripten is found");
        return;
    }
    answer->status = strcmp(exchange->path, PREVIEW_PATH) == 0 ? 200 : 308;
    snprintf(answer->content_type, sizeof answer->content_type, "text/html; charset=utf-8");
    http_answer_field(answer, "X-Content-Type-Options", "nosniff");
    http_answer_field(answer, "Referrer-Policy", "no-referrer");
    if (answer->status == 308) { /* the page's own addresses are relative to the '/' */
        http_answer_field(answer, "Location", PREVIEW_PATH);
        return;
    }
    http_answer_field(answer, "Content-Security-Policy",
                      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    http_answer_field(answer, "Cache-Control", "no-cache");
    buf_append(&answer->body, preview->page.data, preview->page.size);
}

void preview_answer_message(struct store *store, struct http_exchange *exchange)
{
    struct http_answer *answer = &exchange->answer;
    const char *id = exchange->path + strlen(MESSAGES_PATH);
    struct buf message;
    struct error err;
    if (!is_read(exchange))
        return;
    buf_init(&message, MESSAGE_SIZE_MAX);
    if (!store_payload(store, id, "input", &message, &err)) {
        bool is_unknown = err.kind == ERROR_NOT_FOUND || err.kind == ERROR_INVALID;
        answer_fault(answer, is_unknown ? 404 : answer_status_of(&err),
                     is_unknown ? "not_found" : "unavailable",
                     is_unknown ? "Not found" : "The message cannot be read", err.message);
    } else if (message.size == 0) {
        answer_fault(answer, 404, "not_found", "Not found",
                     "no message of this instance is kept: it had none, or its tracing is not debug");
    } else {
        answer->status = 200;
        snprintf(answer->content_type, sizeof answer->content_type, "application/octet-stream");
        http_answer_field(answer, "X-Content-Type-Options", "nosniff");
        http_answer_field(answer, "Cache-Control", "no-store");
        buf_append(&answer->body, message.data, message.size);
    }
    buf_release(&message);
}
