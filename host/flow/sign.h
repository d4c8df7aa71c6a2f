/* SPDX-License-Identifier: MIT */
/* Signing modules and mappings and checking them, for people; what a signature is: engine/signature.h. */
#ifndef FLOW_SIGN_H
#define FLOW_SIGN_H
#include "base/error.h"
#include "workspace/workspace.h"

#define SIGN_NAME_SIZE 66

/* Signs the file with the key at key_path: a module (.wasm) gets its section, in place of an earlier one;
 * beside another file its signature is written. id gets the key's. */
MUST_USE bool sign_file(const char *key_path, const char *path, char id[static SIGN_NAME_SIZE],
                        struct error *err);

/* Makes <name>.key and <name>.pem, which goes into a workspace's trusted_keys. ERROR_EXISTS. */
MUST_USE bool sign_new_key(const char *name, char id[static SIGN_NAME_SIZE], struct error *err);

/* Whether the file could run as a customisation: signed by a trusted key (or unsigned, where the setting
 * allows that: signer is "" then), and accepted by the verifier. */
MUST_USE bool sign_verify(const struct workspace *workspace, const char *path,
                          char signer[static SIGN_NAME_SIZE], struct error *err);
#endif
