/* SPDX-License-Identifier: MIT */
/*
 * Reading a file through filters: the file itself becomes a stream, the call's filter function makes
 * another stream of it, and that is the source. Whatever the filters do, a source that was cut or has
 * changed meanwhile ends in an error, not in a shorter file.
 */
#ifndef TRANSFER_FILTERED_H
#define TRANSFER_FILTERED_H
#include "transfer/content_server.h"

/* remote_read for a file with filters. The filters begin now: what they read is there already, or its
 * failure is this call's. */
MUST_USE bool filtered_read(struct transfer *transfer, const struct remote_file *file,
                            const struct transfer_call *call, struct source *out,
                            struct error *err);
#endif
