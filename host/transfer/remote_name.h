/* SPDX-License-Identifier: MIT */
/*
 * Which names and folders may go to a peer, and the names that we invent. Pure, but for the
 * attempt counter, which is atomic. Names are bytes: nothing is converted or normalised.
 */
#ifndef TRANSFER_REMOTE_NAME_H
#define TRANSFER_REMOTE_NAME_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define NAME_SIZE_MAX 255 /* one path component on every file system that serves these files */
#define FOLDER_SIZE_MAX 1024

/* NULL: the name is one safe path component; else why not ("is empty", "holds a control byte",
 * ...). */
const char *name_fault(const char *name, size_t size);

/* As errors: ERROR_INVALID naming the (escaped) name; ERROR_LIMIT: over size_max bytes. */
MUST_USE bool name_check(const char *name, size_t size_max, struct error *err);

/* Folder: "" (where the login lands), relative or absolute; no control bytes, no ".." component. */
MUST_USE bool folder_check(const char *folder, struct error *err);

#define TEMPORARY_NAME_SIZE 96

/*
 * The name of an upload in progress: "sluice-<instance>-<time>-<count>.part", new at every call, so
 * that a server process that still writes an earlier attempt cannot touch this one. It begins and
 * ends in other words than any extract file, so that a consumer that picks up "C1-*" or "*.csv"
 * never sees half a file; it has no leading dot, because some servers refuse to write those; and
 * its length does not depend on the file's name. Returns text.
 */
const char *temporary_name(const char *instance, char text[static TEMPORARY_NAME_SIZE]);

/* Whether name has that form. */
bool temporary_name_is(const char *name);
#endif
