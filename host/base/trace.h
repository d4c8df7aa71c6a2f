/* SPDX-License-Identifier: MIT */
/*
 * Where a piece of work belongs in a distributed trace: the header fields traceparent and tracestate of
 * W3C Trace Context, level 1. Pure functions, thread-safe.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H
#include <stdbool.h>
#include <stdint.h>

#define TRACE_ID_SIZE 33        /* 32 hexadecimal digits and NUL */
#define TRACE_SPAN_SIZE 17      /* 16 and NUL */
#define TRACE_PARENT_SIZE 56    /* "00-" id "-" span "-" flags, and NUL */
#define TRACE_STATE_SIZE 513    /* what is passed on of tracestate, and NUL */
#define TRACE_STATE_MEMBERS_MAX 32
#define TRACE_STATE_MEMBER_LONG 128 /* bytes; longer members are the first to be left out */

struct trace {
    char id[TRACE_ID_SIZE];     /* of the whole trace: lower case, not all 0 */
    char span[TRACE_SPAN_SIZE]; /* of the piece of work; the same */
    bool is_sampled;
};

/*
 * The value of a traceparent header into out, where span then is the caller's. Versions 00 to fe, of
 * later ones the members known here. False, and out all zero: not exactly the form that level 1
 * demands, so a new trace begins.
 */
bool trace_parse(const char *traceparent, struct trace *out);

/* The value of a traceparent header. Returns text. */
const char *trace_format(const struct trace *trace, char text[static TRACE_PARENT_SIZE]);

/*
 * What is passed on of a tracestate header (several are joined by ',' before). False, and "": it breaks
 * the rules (a key or value of another form, a key twice, more than TRACE_STATE_MEMBERS_MAX members),
 * so that nothing of it is. Where it is too long whole members are left out: those longer than
 * TRACE_STATE_MEMBER_LONG first, then the last ones.
 */
bool trace_state_take(const char *tracestate, char out[static TRACE_STATE_SIZE]);

/* Fills an id of size - 1 hexadecimal digits, not all 0, from that many random bits. */
void trace_make_id(const uint64_t random[static 2], char *id, int size);

/* Another span of the same trace: number makes it differ from its siblings (0 is the span itself). */
void trace_child_span(const char *span, uint64_t number, char child[static TRACE_SPAN_SIZE]);
#endif
