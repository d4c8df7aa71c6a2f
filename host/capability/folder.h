/* SPDX-License-Identifier: MIT */
/* How folders are compared that settings and flows spell: doubled and final slashes mean nothing. Pure. */
#ifndef CAPABILITY_FOLDER_H
#define CAPABILITY_FOLDER_H
#include "base/buf.h"

/* Appends the folder without them. */
void folder_append(const char *folder, struct buf *out);
/* Whether folder_append makes the same of both. */
bool folder_is_same(const char *a, const char *b);
#endif
