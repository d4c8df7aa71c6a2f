/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, as a flow keeps it, tells it to people and answers it to callers.
 */
#ifndef SLUICE_FAULT_H
#define SLUICE_FAULT_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/json.h"
#include "sluice/text.h"

#define FAULT_DETAIL_SIZE_MAX 4000u /* bytes; fits in a TEXT argument with room to spare */

/* All zero is no fault. */
struct fault {
    struct text code;       /* one word: "not_found", "missing_property", ... */
    struct text title;      /* one sentence without full stop */
    struct text detail;     /* sentences: what, where, what the peer said */
    struct text connection; /* name of the connection concerned, or empty */
    struct text activity;   /* import that failed ("ftp.list"), or empty */
    struct text file_name;  /* the file concerned, or empty */
    int32_t status;         /* enum sluice_status of the failed call; 0: no call failed */
    int http_status;        /* what a child flow or a peer answered; 0: nothing */
};

/* The word of a negative enum sluice_status: "not_found"; "internal" for numbers not in it. */
const char *status_name(int32_t status);

bool fault_is_set(const struct fault *fault);
void fault_clear(struct fault *fault);

/* A fault that the flow itself found. detail as printf. Replaces what fault held. */
void fault_set(struct fault *fault, const char *code, const char *title, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

/* The fault of the import that just returned status: code from status, detail and connection from
 * the host's record of the failure. To be called before the next import. */
void fault_take(struct fault *fault, int32_t status, const char *title);

/* The fault that a child flow or another HTTP peer answered: title, detail and code from a fault
 * document (fault_document's shape), or the raw body, bounded, if it is something else. */
void fault_from_answer(struct fault *fault, int http_status, const char *body, size_t body_size,
                       const char *title);

/* HTTP status that tells a caller best: 400 invalid, 404 not found, 409 exists, 413 limit,
 * 503 unavailable, 504 timeout, 502 for what a peer did, 500 else. */
int fault_http_status(const struct fault *fault);

/* {"type","title","detail","o:errorCode","o:errorDetails":[{"type","instance","title",
 * "o:errorPath","o:errorCode"}]}: the fault document REST callers of the integration know.
 * The outer code is the HTTP status, the inner one the fault's. */
void fault_document(const struct fault *fault, int http_status, struct text *out);

/* Tells the host how this execution ended. The flow then leaves with a status other than 0. */
void fault_report(const struct fault *fault);

/* Answers the trigger with the fault document and tells the host. Returns 1, for main. */
int fault_respond(const struct fault *fault, int http_status);
#endif
