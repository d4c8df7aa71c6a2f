/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a file through filters while they are on their way. Each filter runs in a thread of its own,
 * reads the stream before it and fills a ring that the next one, or the target, empties. The end of what
 * comes out is told only after the filter exited with 0 and its source was seen to be whole, so a target
 * that publishes at the end never publishes half of it. The files' `filters` are lines of filter.h.
 */
#ifndef CAPABILITY_FILTER_STREAM_H
#define CAPABILITY_FILTER_STREAM_H
#include "capability/execution.h"
#include "capability/filter_run.h"

#define FILTER_CHAIN_MAX 8 /* filters on the way of one file */

/* transfer_call.filter for an execution; on NULL, input is still the caller's. */
struct remote_stream *filter_stream_open(struct execution *execution,
                                         const struct remote_file *file,
                                         struct remote_stream *input, struct error *err);

/* The site of filters of an execution of flow (an identifier; borrowed), which tells lines to its activity
 * stream from any thread. */
struct filter_site filter_site_of(struct execution *execution, const char *flow);

/* The row in the activity stream for a run that is over. */
void filter_record(const struct execution *execution, const struct filter *filter,
                   int64_t started_ns, uint64_t bytes_in, uint64_t bytes_out,
                   const struct error *err);
#endif
