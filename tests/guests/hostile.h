/* SPDX-License-Identifier: MIT */
/* What the guest hostile.c can be asked to do; compiled by it and by the tests that run it. */
#ifndef GUESTS_HOSTILE_H
#define GUESTS_HOSTILE_H
enum hostile_act {
    ACT_NOTHING,
    ACT_COMPUTE,
    ACT_STATUS, /* main returns 7 */
    ACT_EXIT,   /* exit(9) in the middle */
    ACT_SPIN,
    ACT_SPIN_EMPTY,
    ACT_RECURSE_NATIVE,
    ACT_RECURSE_SHADOW,
    ACT_IMPORT_AT_DEPTH, /* an import at every depth until the stack ends */
    ACT_GROW,            /* 0: ceiling met and malloc NULL */
    ACT_LOOK_BEHIND,     /* 0: nothing of an earlier execution seen */
    ACT_MARK,            /* the same for all memory that there is from the start */
    ACT_LOAD_FAR,
    ACT_LOAD_EDGE, /* the last byte read is the first one outside */
    ACT_STORE_FAR,
    ACT_BULK,
    ACT_CALL_FAR,
    ACT_CALL_NULL,
    ACT_CALL_MISMATCH,
    ACT_DIVIDE,
    ACT_DIVIDE_OVERFLOW,
    ACT_REMAINDER,
    ACT_UNREACHABLE,
    ACT_ABORT,
    ACT_CONVERT,
    ACT_BAD_WRAP,
    ACT_BAD_STRADDLE,
    ACT_BAD_LENGTH,
    ACT_BAD_END,
    ACT_GOOD_END, /* 0 bytes at the end are fine */
    ACT_FLOOD,    /* imports without end */
    ACT_CALL_CHILD,
};
#endif
