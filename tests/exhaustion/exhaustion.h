/* SPDX-License-Identifier: MIT */
/*
 * Failing calls on demand. Linked into the unit tests of the sanitized build, these files stand before the
 * C library for the whole process, SQLite, libcurl, libmicrohttpd and OpenSSL included, and let one call,
 * or every call from one on, fail as if the machine had run out. Without EXHAUST in the environment nothing
 * is counted and nothing fails.
 *
 *   EXHAUST=memory:once:17:FROM-TO         the 17th call for memory fails
 *   EXHAUST=descriptors:onwards:3:FROM-TO  every call for a descriptor from the 3rd on fails
 *   EXHAUST=all:count:0:FROM-TO            nothing fails; which calls there are is reported
 *   EXHAUST_REPORT=FILE                    where the lines of the report go
 *
 * FROM and TO are where in the program the sanitizer's own code lies, hexadecimal: what it needs for itself
 * does not fail.
 *
 * Lines of the report: "call KIND N PLACE" for the first call of each kind from each place, "failed KIND N" and
 * the stack for the first call that was failed, "open N" at exit, the descriptors that are open then. A
 * place is the way to the call: the PLACE_OWN innermost frames in the program, and within a library the
 * PLACE_INNER innermost ones, since what matters is which error of the library the host has to take. It is
 * written as words MODULE+OFFSET; the program's own are +OFFSET.
 *
 * A call that the test itself makes is never failed, nor one within a library that could not bear it
 * (spared_names): the first frame in the program decides. If call N may not fail, the next does that may.
 */
#ifndef EXHAUSTION_H
#define EXHAUSTION_H
#include <stdbool.h>

enum exhaustion_kind {
    EXHAUSTION_NONE,
    EXHAUSTION_MEMORY,
    EXHAUSTION_DESCRIPTORS,
    EXHAUSTION_THREADS,
    EXHAUSTION_ALL, /* only to count */
};

/* Counts a call made from caller; true: it is to fail, and errno is set as for its kind. Thread-safe. */
bool exhaustion_hits(enum exhaustion_kind kind, const void *caller);

/* Between these, calls of this thread are not counted: they are parts of one that was. */
void exhaustion_enter(void);
void exhaustion_leave(void);

#define EXHAUSTED(kind) exhaustion_hits((kind), __builtin_return_address(0))
#endif
