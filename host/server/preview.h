/* SPDX-License-Identifier: MIT */
/*
 * /preview/: the page that previews mappings, preview.html beside the compiled flows, for anybody, since
 * nothing of the workspace is in it; and /preview/messages/{instance}, the message that an instance was
 * started with, as far as it is kept, for callers with the role monitor. Thread-safe once opened.
 */
#ifndef SERVER_PREVIEW_H
#define SERVER_PREVIEW_H
#include "server/http_server.h"

#define PREVIEW_PATH "/preview/"
#define PREVIEW_PAGE_NAME "preview.html"
#define PREVIEW_PAGE_SIZE_MAX (4u << 20)

struct store;

struct preview {
    struct buf page; /* empty: this installation has none */
};

/* Reads the page. No page is no error; ERROR_LIMIT: it is longer than PREVIEW_PAGE_SIZE_MAX. */
MUST_USE bool preview_open(struct preview *preview, const char *functions_folder, struct error *err);
void preview_close(struct preview *preview);

/* Whether path is the page's, and whether it is one of a message. */
bool preview_is_page(const char *path);
bool preview_is_message(const char *path);

/* Answers a request for the page; does not block. */
void preview_answer_page(const struct preview *preview, struct http_exchange *exchange);
/* Answers a request for a message: 200 with the bytes as they came; 404. */
void preview_answer_message(struct store *store, struct http_exchange *exchange);
#endif
