/* SPDX-License-Identifier: MIT */
/* What the two child flows that store one file share: reading the request and answering it. */
#ifndef SLUICE_CHILD_TRANSFER_H
#define SLUICE_CHILD_TRANSFER_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/fault.h"
#include "sluice/json.h"
#include "sluice/text.h"

/* One request. All zero before child_transfer_read. */
struct child_transfer {
    cJSON *message;
    int32_t file;        /* handle of the file that came with the request */
    struct text receipt; /* JSON of a store call */
    struct text name;    /* at the target */
    struct fault fault;
    int http_status; /* to answer while fault is set */
};

/* Reads message and file. false: fault is set (not JSON, not an object, no file came). */
bool child_transfer_read(struct child_transfer *transfer);

/* A string member that must be there, its name compared without case and punctuation. NULL: fault
 * is set. Borrowed from the message. */
const char *child_transfer_member(struct child_transfer *transfer, const char *name);

/* The extension points "name" and "content": gives the name to store under, and file becomes the one to
 * store. NULL: fault is set. */
const char *child_transfer_extend(struct child_transfer *transfer, const char *name);

/* Answers 200 with {"status","name","receipt"} if the store call's status says so, else as
 * child_transfer_fail. Gives main's exit status. */
int child_transfer_end(struct child_transfer *transfer, const char *name, int32_t status);

/* Answers the fault document. Gives main's exit status. */
int child_transfer_fail(struct child_transfer *transfer);
#endif
