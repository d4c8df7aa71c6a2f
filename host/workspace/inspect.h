/* SPDX-License-Identifier: MIT */
/*
 * What a loaded workspace lacks before it can run, without touching the network: secrets, key and
 * certificate files, lookup properties; and settings that are legal but risky.
 */
#ifndef WORKSPACE_INSPECT_H
#define WORKSPACE_INSPECT_H
#include "workspace/workspace.h"

enum finding_level {
    FINDING_OK,      /* looked at and fine */
    FINDING_NOTE,    /* worth knowing */
    FINDING_WARNING, /* works, but somebody should have meant it */
    FINDING_ERROR,   /* a run that needs it will fail */
};

struct finding {
    enum finding_level level;
    const char *subject; /* "connection 'X'", "lookup 'Y'" */
    const char *text;    /* what is so */
    const char *remedy;  /* what to do; "" where nothing is to be done */
};

/* Texts are borrowed during the call. */
typedef void finding_fn(void *context, const struct finding *finding);

/* At least one finding for each connection and lookup. */
void workspace_inspect(const struct workspace *workspace, finding_fn *fn, void *context);
#endif
