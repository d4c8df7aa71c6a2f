/* SPDX-License-Identifier: MIT */
/*
 * What the two customer sync transfer flows share: the steps of the guide's chapter 2 for any kind
 * of source. A flow's main calls them in order; each step leaves in the struct what the next needs.
 *
 * Rules: a file is marked at the source (renamed with the SENT- prefix) last; names that carry that
 * prefix are never picked up; files still being written wait for the next run; names that could not
 * be used safely are reported and left alone; after the first error no new file is started.
 */
#ifndef SLUICE_CUSTOMER_SYNC_H
#define SLUICE_CUSTOMER_SYNC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/fault.h"
#include "sluice/text.h"

/* Files one run takes; what is beyond waits for the next run and is reported. */
#define CUSTOMER_SYNC_FILES_MAX 20000u

#define CUSTOMER_SYNC_FTP_CHILD "OUTL-BA-OUAL_DACS_FTP_TRANSFER"
#define CUSTOMER_SYNC_OS_CHILD "OUTL-BA-CCS_DACS_OS_TRANSFER"

/* A kind of content server that files come from. */
struct sync_source {
    const char *connection;
    size_t name_size_max; /* of a name there, in bytes */
    bool grows;           /* files show before they are complete */
    /* Appends the folder or bucket of the extract files; false sets fault. */
    bool (*locate)(struct text *place, struct fault *fault);
    /* As ftp_list, ftp_open and ftp_rename. */
    int32_t (*list)(const char *connection, const char *place, const char *prefix);
    int32_t (*open)(const char *connection, const char *place, const char *name);
    int32_t (*rename)(const char *connection, const char *place, const char *from, const char *to,
                      struct text *name_used);
};

enum sync_target { SYNC_TARGET_FTP, SYNC_TARGET_OBJECT_STORAGE };

enum sync_outcome {
    SYNC_WAITING,
    SYNC_TRANSFERRED,
    SYNC_UNMARKED, /* whole at the target, but the source could not be renamed */
    SYNC_NOT_TRANSFERRED,
    SYNC_POSTPONED,
    SYNC_OUTCOME_COUNT,
};

struct sync_file {
    char *name;
    char *reason; /* NULL or why it was not transferred, not marked or postponed */
    uint64_t size;
    int64_t modified_s; /* 0: not told */
    uint32_t flags; /* SLUICE_FILE_* */
    enum sync_outcome outcome;
};

/* One run. All zero but source before customer_sync_prepare. Members are for reading. */
struct customer_sync {
    const struct sync_source *source;
    enum sync_target target;
    struct text prefix;             /* of the files to pick up */
    struct text tag;                /* prefix of files that were transferred: "SENT-" */
    struct text place;              /* folder or bucket at the source */
    struct text directory;          /* target folder, for SYNC_TARGET_FTP */
    struct text name_space, bucket; /* target, for SYNC_TARGET_OBJECT_STORAGE */
    struct sync_file *files;        /* ordered by name */
    size_t file_count, file_capacity, file_next;
    size_t left_count; /* files beyond CUSTOMER_SYNC_FILES_MAX */
    bool has_more;     /* than left_count: the listing was not given to its end */
    size_t unread_count; /* entries of the listing that could not be understood: perhaps files */
    int32_t listing;
    struct fault fault;  /* the first error; while set, no new file is started */
    struct text notices; /* what went wrong with notices, one sentence each */
};

/* Step 1: reads the parameter and every property that the run needs. false: fault is set. */
bool customer_sync_prepare(struct customer_sync *sync);

/* Step 2: lists the files that begin with the prefix. false: fault is set. */
bool customer_sync_list(struct customer_sync *sync);

/* The next file to transfer; NULL at the end or after an error. Files that this run must not take
 * are given their outcome on the way. */
struct sync_file *customer_sync_next(struct customer_sync *sync);

/* Step 3a: a reference to the file's bytes for the next call; 0: not to be had, outcome is set. */
int32_t customer_sync_open(struct customer_sync *sync, struct sync_file *file);

/* Steps 3b and 3c: the child flow carries the file to the target. Closes handle. false: outcome and
 * fault are set. */
bool customer_sync_send_ftp(struct customer_sync *sync, struct sync_file *file, int32_t handle);
bool customer_sync_send_os(struct customer_sync *sync, struct sync_file *file, int32_t handle);

/* Step 3b and 3c, last: renames the source. Sets the outcome, and fault if that fails. */
void customer_sync_mark(struct customer_sync *sync, struct sync_file *file);

/* The three ends of a run; each gives main's exit status (flow.h). Nothing to transfer: the "no
 * file found" mail. Failed before the first file: the error mail. Else steps 4 and 5: the error
 * mail if there is a fault and the "process complete" mail. */
int customer_sync_end_without_file(struct customer_sync *sync);
int customer_sync_end_failed(struct customer_sync *sync);
int customer_sync_end(struct customer_sync *sync);

/* Gives every file that no step has touched its outcome; customer_sync_end does this first. */
void customer_sync_settle_rest(struct customer_sync *sync);
#endif
