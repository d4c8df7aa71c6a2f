/* SPDX-License-Identifier: MIT */
/*
 * The border between a guest and the host: the only file that both sides compile.
 *
 * A guest is a WASI command (wasm32, main) that may import `wasi_snapshot_preview1` and the modules
 * below. Every import of ours takes 32-bit words and returns one: 0 or a positive number is a
 * result, a negative one is an enum sluice_status. Text and bytes cross as address + size, never
 * NUL-terminated. What the host holds for the guest (files, listings, responses) crosses as a
 * handle, a number that only the host can turn into the thing and that dies with the execution.
 *
 * An address range outside the guest's memory ends the execution (fault "bad_address"): no right
 * program passes one. Everything else is answered with a status; flow_fault() then tells more.
 */
#ifndef SLUICE_ABI_H
#define SLUICE_ABI_H
#include <stdint.h>

#define SLUICE_ABI_VERSION 1

/* The custom section that carries a module's manifest (functions/<flow>/flow.json). */
#define SLUICE_MANIFEST_SECTION "sluice.manifest"

enum sluice_status {
    SLUICE_OK = 0,
    SLUICE_INVALID = -1,     /* an argument is malformed: control bytes, empty name, unknown word */
    SLUICE_DENIED = -2,      /* the manifest lacks the grant, or the peer refused login or permission */
    SLUICE_NOT_FOUND = -3,   /* no such file, property, parameter, flow */
    SLUICE_EXISTS = -4,      /* the target name is taken; nothing was overwritten */
    SLUICE_LIMIT = -5,       /* a limit was reached: size, count, memory */
    SLUICE_UNAVAILABLE = -6, /* the peer cannot be reached or asks to come back later */
    SLUICE_REFUSED = -7,     /* the peer understood and said no */
    SLUICE_BROKEN = -8,      /* a transfer ended short, or size or digest differ; nothing published */
    SLUICE_UNKNOWN = -9,     /* the effect may have happened: the reply was lost */
    SLUICE_TIMEOUT = -10,    /* a deadline passed */
    SLUICE_CANCELLED = -11,  /* the execution is being stopped */
    SLUICE_BAD_HANDLE = -12, /* not a handle of this execution, of another kind, or closed */
    SLUICE_UNSUPPORTED = -13, /* this connection cannot do that */
    SLUICE_INTERNAL = -14,   /* the host failed; its log says why */
    SLUICE_FILTER = -15,     /* a customisation failed: it trapped, said no or gave what cannot be used */
};

/* What is known of a file at a content server. Written by the host, little endian. */
struct sluice_file_info {
    uint64_t size;      /* bytes */
    int64_t modified_s; /* seconds since 1970, as the server tells it; 0: not told */
    uint32_t flags;     /* SLUICE_FILE_* */
    uint32_t reserved;  /* 0 */
};
_Static_assert(sizeof(struct sluice_file_info) == 24, "both sides agree on the layout");

#define SLUICE_FILE_GROWING 1u   /* size or time changed between two looks: still being written */
#define SLUICE_FILE_UNSAFE 2u    /* the name holds control bytes, a separator or is "." or ".." */
#define SLUICE_FILE_TOO_LARGE 4u /* larger than the workspace's file_size_max */
#define SLUICE_FILE_SIZE_UNKNOWN 8u /* it is still arriving, or nobody tells; size is 0 */

/* States of a file that a flow reports with flow_report_file. */
enum sluice_file_state {
    SLUICE_FILE_FOUND = 0,           /* seen in the listing, will be handled by this run */
    SLUICE_FILE_STARTED = 1,         /* being transferred now */
    SLUICE_FILE_TRANSFERRED = 2,     /* whole at the target and marked at the source */
    SLUICE_FILE_NOT_TRANSFERRED = 3, /* detail says why */
    SLUICE_FILE_POSTPONED = 4,       /* still growing: the next run takes it */
};

/* How the journal treats an import (tests, documentation and replay read this, too). */
enum sluice_effect {
    SLUICE_EFFECT_NONE,    /* answered from the execution itself; the same at every replay */
    SLUICE_EFFECT_SETTING, /* looks at what may be configured otherwise tomorrow: the answer is kept */
    SLUICE_EFFECT_READ,    /* looks at the outside: the answer is kept, may be asked for again */
    SLUICE_EFFECT_CHANGE,  /* changes the outside: intent, effect, result */
};

/*
 * Limits of one call, the same for every import. Longer ones get SLUICE_LIMIT.
 */
#define SLUICE_TEXT_SIZE_MAX 8192u          /* one TEXT argument */
#define SLUICE_BYTES_SIZE_MAX (8u << 20)    /* one BYTES argument */
#define SLUICE_HANDLES_MAX 256u             /* open handles of one execution */

/*
 * The imports. X(module, name, effect, count, (kind, parameter, ...))
 * Kinds and the words they occupy:
 *   TEXT    address, size      UTF-8 without NUL
 *   BYTES   address, size      any bytes
 *   OUT     address, capacity  the host writes min(size, capacity) bytes; the call's result is the
 *                              full size, so that a capacity of 0 asks for it
 *   INFO    address            the host writes one struct sluice_file_info
 *   FILE, LISTING, RESPONSE, HANDLE   one word; FILE 0 means none where the text says so
 *   NUMBER  one word
 */
#define SLUICE_IMPORTS(X)                                                                          \
    /* The message that triggered this execution (a request body; empty for a schedule). */        \
    X(flow, input, SLUICE_EFFECT_NONE, 1, (OUT, data))                                             \
    /* A schedule or run parameter, e.g. "extractedFileNamePrefix". NOT_FOUND: not given. */       \
    X(flow, parameter, SLUICE_EFFECT_NONE, 2, (TEXT, name, OUT, value))                            \
    /* About this execution: "instance", "flow", "name", "version", "trigger", "invoked_by",       \
       "started" (RFC 3339), "base_url", "file_size_max", "not_understood": how many entries of    \
       the open listings the host could not read. INVALID: another word. */                                    \
    X(flow, about, SLUICE_EFFECT_SETTING, 2, (TEXT, key, OUT, value))                                 \
    /* A property of a lookup. NOT_FOUND: no such row; DENIED: lookup not in the manifest. */      \
    X(flow, lookup, SLUICE_EFFECT_SETTING, 3, (TEXT, table, TEXT, property, OUT, value))              \
    /* The file that came with the trigger, as a FILE handle. NOT_FOUND: none came. */             \
    X(flow, attachment, SLUICE_EFFECT_SETTING, 0, ())                                                 \
    /* Runs another flow with a JSON body and perhaps a file (0: none); gives a RESPONSE. */       \
    X(flow, call, SLUICE_EFFECT_CHANGE, 4,                                                         \
      (TEXT, connection, TEXT, flow, BYTES, body, FILE, attachment))                               \
    /* The answer to whoever triggered this execution. The last call counts. */                    \
    X(flow, respond, SLUICE_EFFECT_NONE, 3, (NUMBER, status, TEXT, content_type, BYTES, body))     \
    /* The fault that ends this execution; the guest then exits with a status other than 0. */     \
    X(flow, fail, SLUICE_EFFECT_NONE, 3, (TEXT, code, TEXT, title, TEXT, detail))                  \
    /* The record of the newest failed import: JSON {"code","title","detail","connection",         \
       "import","peer_code"}. NOT_FOUND: nothing failed yet. */                                    \
    X(flow, fault, SLUICE_EFFECT_NONE, 1, (OUT, record))                                           \
    /* A value that people search instances by: "file_name", "sync_request_id". */                 \
    X(flow, track, SLUICE_EFFECT_NONE, 2, (TEXT, name, TEXT, value))                               \
    /* How many customisations there are at an extension point of the manifest. */                 \
    X(flow, extensions, SLUICE_EFFECT_SETTING, 1, (TEXT, point))                                   \
    /* Passes a message through the customisations at an extension point of the manifest. Gives a  \
       RESPONSE whose body is what came out, or 0: there are none. FILTER: one of them failed. */  \
    X(flow, extend, SLUICE_EFFECT_SETTING, 2, (TEXT, point, BYTES, message))                       \
    /* The same file as another FILE whose bytes pass through the customisations at an extension   \
       point when it is stored; its size is not known before. 0: there are none. */                \
    X(flow, extend_file, SLUICE_EFFECT_SETTING, 2, (TEXT, point, FILE, file))                      \
    /* What became of one file: enum sluice_file_state. Progress and instance table use it. */     \
    X(flow, report_file, SLUICE_EFFECT_NONE, 3, (TEXT, name, NUMBER, state, TEXT, detail))         \
    /* Files in a folder whose names begin with prefix ("": all); folders and links are left out.  \
       Gives a LISTING, ordered by name. NOT_FOUND: no such folder. */                             \
    X(ftp, list, SLUICE_EFFECT_READ, 3, (TEXT, connection, TEXT, directory, TEXT, prefix))         \
    /* A reference to a file: no byte moves until it is stored somewhere. Gives a FILE. */         \
    X(ftp, open, SLUICE_EFFECT_READ, 3, (TEXT, connection, TEXT, directory, TEXT, name))           \
    /* Carries a file to directory/name: temporary name, size checked, renamed into place.         \
       EXISTS: the name is taken; BROKEN: not whole; in both cases nothing was published. The      \
       result in `receipt` is JSON {"name","size","digest"?}. */                                   \
    X(ftp, store, SLUICE_EFFECT_CHANGE, 5,                                                         \
      (TEXT, connection, TEXT, directory, TEXT, name, FILE, file, OUT, receipt))                   \
    X(ftp, stat, SLUICE_EFFECT_READ, 4, (TEXT, connection, TEXT, directory, TEXT, name, INFO, info)) \
    /* Renames within a folder; EXISTS: the new name is taken. The name used (it may be numbered   \
       by the connection's on_conflict setting) is written to `result`. */                         \
    X(ftp, rename, SLUICE_EFFECT_CHANGE, 5,                                                        \
      (TEXT, connection, TEXT, directory, TEXT, from, TEXT, to, OUT, result))                      \
    /* One request with a small body; path begins with '/'. Gives a RESPONSE whatever the status. */ \
    X(http, request, SLUICE_EFFECT_CHANGE, 5,                                                      \
      (TEXT, connection, TEXT, method, TEXT, path, TEXT, content_type, BYTES, body))               \
    X(http, status, SLUICE_EFFECT_NONE, 1, (RESPONSE, response))                                   \
    X(http, header, SLUICE_EFFECT_NONE, 3, (RESPONSE, response, TEXT, name, OUT, value))           \
    X(http, body, SLUICE_EFFECT_NONE, 2, (RESPONSE, response, OUT, body))                          \
    /* Object Storage over an object_storage connection; the same rules as the ftp ones.           \
       bucket is "<namespace>/<bucket>". */                                                        \
    X(http, object_list, SLUICE_EFFECT_READ, 3, (TEXT, connection, TEXT, bucket, TEXT, prefix))    \
    X(http, object_open, SLUICE_EFFECT_READ, 3, (TEXT, connection, TEXT, bucket, TEXT, name))      \
    X(http, object_store, SLUICE_EFFECT_CHANGE, 5,                                                 \
      (TEXT, connection, TEXT, bucket, TEXT, name, FILE, file, OUT, receipt))                      \
    X(http, object_stat, SLUICE_EFFECT_READ, 4,                                                    \
      (TEXT, connection, TEXT, bucket, TEXT, name, INFO, info))                                    \
    X(http, object_rename, SLUICE_EFFECT_CHANGE, 5,                                                \
      (TEXT, connection, TEXT, bucket, TEXT, from, TEXT, to, OUT, result))                         \
    /* One plain-text mail; `to` is a comma separated list. The body is UTF-8 text that may be     \
       longer than a TEXT: a summary of thousands of files. Success: it is accepted for delivery;  \
       the host sends it when it can, whatever becomes of the execution. LIMIT: the outbox is      \
       full. */                                                                                    \
    X(smtp, send, SLUICE_EFFECT_CHANGE, 5,                                                         \
      (TEXT, connection, TEXT, from, TEXT, to, TEXT, subject, BYTES, body))                        \
    /* The next entry of a listing, in the order of the names: writes its name and info, gives the \
       name's size; NOT_FOUND at the end, LIMIT where there are more than a listing gives (100,000). \
       A name longer than `name` holds is cut: 4,096 bytes always suffice. */                      \
    X(file, next, SLUICE_EFFECT_NONE, 3, (LISTING, listing, OUT, name, INFO, info))                \
    X(file, info, SLUICE_EFFECT_NONE, 2, (FILE, file, INFO, info))                                 \
    X(file, close, SLUICE_EFFECT_NONE, 1, (HANDLE, handle))

/*
 * Walking a parameter list: SLUICE_EACH(M, count, (kind, name, ...)) gives M##kind(name), ...
 * A user defines M##TEXT(name), M##BYTES(name), ... for all kinds.
 */
#define SLUICE_EACH(M, count, list) SLUICE_EACH_CALL(SLUICE_EACH_##count, M, SLUICE_EACH_OPEN list)
#define SLUICE_EACH_OPEN(...) __VA_ARGS__
#define SLUICE_EACH_CALL(macro, ...) macro(__VA_ARGS__)
#define SLUICE_EACH_0(M, ...)
#define SLUICE_EACH_1(M, k1, n1) M##k1(n1)
#define SLUICE_EACH_2(M, k1, n1, k2, n2) M##k1(n1), M##k2(n2)
#define SLUICE_EACH_3(M, k1, n1, k2, n2, k3, n3) M##k1(n1), M##k2(n2), M##k3(n3)
#define SLUICE_EACH_4(M, k1, n1, k2, n2, k3, n3, k4, n4)                                           \
    M##k1(n1), M##k2(n2), M##k3(n3), M##k4(n4)
#define SLUICE_EACH_5(M, k1, n1, k2, n2, k3, n3, k4, n4, k5, n5)                                   \
    M##k1(n1), M##k2(n2), M##k3(n3), M##k4(n4), M##k5(n5)
#endif
