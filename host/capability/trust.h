/* SPDX-License-Identifier: MIT */
/* Whether a tenant's file may be used at all: its signature against the workspace's trusted keys. */
#ifndef CAPABILITY_TRUST_H
#define CAPABILITY_TRUST_H
#include "base/buf.h"
#include "base/error.h"
#include "workspace/workspace.h"

#define TRUST_SIGNER_SIZE 64

/*
 * Judges bytes, the content of the file at path (of a module the signature is looked for inside, then
 * beside it, as engine/signature.h has it; of others beside it). signer gets the name of the key; "": unsigned, which the
 * setting allows. ERROR_DENIED: unsigned and not allowed, signed by an unknown key, or changed since.
 */
MUST_USE bool trust_check(const struct workspace *workspace, const char *path,
                          const struct buf *bytes, char signer[static TRUST_SIGNER_SIZE],
                          struct error *err);
#endif
