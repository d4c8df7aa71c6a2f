/* SPDX-License-Identifier: MIT */
/*
 * One import call. The table in abi.h is turned into descriptors (imports.c) and entry points
 * (entries.c); import_call is the single place where arguments are checked, the grant is checked,
 * the handler runs and the result is recorded. A handler sees checked arguments only.
 *
 * To add an import: 1. a row in SLUICE_IMPORTS (abi.h); 2. its handler
 * `int32_t capability_<module>_<name>(struct call *)` in host/capability/<module>.c; 3. a friendly
 * call in shared/; 4. a guest in tests/guests and a row in tests/unit/test_capability_imports.c.
 */
#ifndef CAPABILITY_CALL_H
#define CAPABILITY_CALL_H
#include <stdint.h>

#include "capability/execution.h"
#include "engine/module.h"
#include "sluice/abi.h"

enum parameter_kind {
    PARAMETER_TEXT,
    PARAMETER_BYTES,
    PARAMETER_OUT,
    PARAMETER_INFO,
    PARAMETER_FILE,
    PARAMETER_LISTING,
    PARAMETER_RESPONSE,
    PARAMETER_HANDLE,
    PARAMETER_NUMBER,
};

#define PARAMETERS_MAX 5
#define WORDS_MAX (2 * PARAMETERS_MAX)

struct parameter {
    enum parameter_kind kind;
    const char *name;
};

struct call;
typedef int32_t import_fn(struct call *call);

struct import {
    const char *capability, *name;
    const char *full_name; /* "ftp.store" */
    enum sluice_effect effect;
    unsigned parameter_count;
    struct parameter parameters[PARAMETERS_MAX];
    import_fn *handler;
};

enum import_id {
#define IMPORT_ID(module, name, effect, count, list) IMPORT_##module##_##name,
    SLUICE_IMPORTS(IMPORT_ID)
#undef IMPORT_ID
        IMPORT_COUNT
};

extern const struct import imports[IMPORT_COUNT];

struct argument {
    const char *text; /* TEXT: a copy with NUL; BYTES: the guest's bytes */
    uint32_t size;    /* TEXT, BYTES: bytes; OUT: capacity */
    uint32_t number;  /* NUMBER and handles */
    void *out;        /* OUT, INFO: guest memory, checked; NULL for FILE 0 */
    void *object;     /* FILE, LISTING, RESPONSE: what the handle stands for */
};

struct call {
    struct execution *execution;
    const struct import *import;
    struct argument args[PARAMETERS_MAX];
    const struct connection *connection; /* of the parameter named "connection"; else NULL */
    struct transfer_call transfer;       /* deadline, stop and progress of this call */
    const char *subject;                 /* what the activity row is about; a handler may set it */
    const char *note;                    /* detail of a successful call; scratch or static */
    uint64_t bytes;                      /* moved or received; for the activity row */
    enum handle_kind opened;             /* of the handle that the call gave; set by call_open_handle */
    bool is_from_journal;                /* answered by the past: nothing was done */
    bool is_in_doubt;                    /* an earlier attempt announced it and left no result */
    bool is_settled;                     /* what became of that is known, so that a failure is one */
    const void *doubt;                   /* what it announced */
    size_t doubt_size;
    unsigned attempt, attempts;          /* this one, from 1; how many there may be; see retry.h */
    int64_t pause_ms, latest_ms;         /* before the next one; when it must have begun, or 0 */
    bool is_answered;                    /* its failure is an answer that asks to come back */
    struct transfer_step *step; /* the newest that was announced, if has_step; see settle.h */
    bool has_step;
    int status;                          /* HTTP status of the answer, or 0 */
    struct error error;
};

/* Runs an import for a guest; words are its raw arguments. May trap (bad address, deadline). */
uint32_t import_call(struct guest *guest, enum import_id id, const uint32_t words[]);

/* Turns call->error into the status that the guest sees. For handlers: `return call_failed(call)`. */
int32_t call_failed(const struct call *call);

/* For handlers without memory: as call_failed. Where there is a journal, the execution stops for it and goes on
 * later (FAULT_SUSPENDED), as after every error of error_out_of_memory; the guest is not told. */
int32_t call_out_of_memory(struct call *call);

/* Writes at most capacity bytes to the OUT argument and returns the full size. */
int32_t call_put(const struct argument *out, const void *bytes, size_t size);
int32_t call_put_text(const struct argument *out, const char *text);

/* Ties object to a handle of the execution; on a full table or without memory releases it and fails with LIMIT. */
int32_t call_open_handle(struct call *call, enum handle_kind kind, void *object,
                         handle_release_fn *release);
#endif
