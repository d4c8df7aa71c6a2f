/* SPDX-License-Identifier: MIT */
/* The files of a workspace that say who may call, for noticing that one has changed. */
#ifndef SERVER_CALLER_FILES_H
#define SERVER_CALLER_FILES_H
#include "base/file_watch.h"

/* Adds users.json, oauth.json and the JWK Set that it names. */
MUST_USE bool caller_files_watch(struct file_watch *watch, const char *folder, struct error *err);
#endif
