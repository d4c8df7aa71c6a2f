/* SPDX-License-Identifier: MIT */
/*
 * What the ftp and http capabilities do alike at a content server: list, open, store, look, rename.
 * The arguments stand at the same places in both: connection, folder or bucket, name, ...
 */
#ifndef CAPABILITY_CONTENT_H
#define CAPABILITY_CONTENT_H
#include "capability/call.h"

/* type: what the connection must be; ERROR_UNSUPPORTED names the right capability otherwise. */
MUST_USE bool content_check(struct call *call, bool object_storage);

int32_t content_list(struct call *call);
int32_t content_open(struct call *call);
int32_t content_store(struct call *call);
int32_t content_stat(struct call *call);
int32_t content_rename(struct call *call);
#endif
