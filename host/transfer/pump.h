/* SPDX-License-Identifier: MIT */
/*
 * Bytes from one source to one or several sinks in constant memory. The source runs in a thread of
 * its own and fills a ring; the caller's thread performs the sink's request(s) and empties it.
 * Sources that fit into the ring are read first, without a thread. All calls from one thread.
 *
 *     struct source source;
 *     server->read(transfer, file, call, &source, err)
 *     pump = pump_open(&source, call, err);           takes the source over
 *     pump_send(pump, sink, size, digest, err)        once (STOR, PUT), or once per part
 *     pump_finish(pump, err)                          the source ended, whole, unchanged
 *     publish; pump_close(pump)
 */
#ifndef TRANSFER_PUMP_H
#define TRANSFER_PUMP_H
#include <stdbool.h>
#include <stdint.h>

#include "transfer/pool.h"

#define PUMP_RING_SIZE (1u << 20)
#define PUMP_DIGEST_SIZE 16 /* MD5 */

/* Where bytes come from: a request that is prepared but not performed, an open local file, or a
 * stream that arrives by itself and is read as it is needed. */
struct source {
    struct transfer *transfer;
    struct handle *handle; /* owned; the pump sets WRITEFUNCTION and performs it; else NULL */
    int fd;                /* owned; -1 unless local */
    struct remote_stream *stream; /* owned if it can be closed, else borrowed; or NULL */
    uint64_t size; /* bytes it has to deliver: fewer or more is ERROR_BROKEN. A stream's may be
                      REMOTE_SIZE_UNKNOWN: what comes until its end, at most the call's file_size_max */
    /* Asked before bytes count: true, they are none of the file, and were taken (the body of a refusal,
     * which check then explains); *goes_on false ends the request. NULL: all bytes are the file's. */
    bool (*divert)(struct source *source, const void *bytes, size_t size, bool *goes_on);
    /* After the request ended with code: turns a failure into err, looks whether the file is still
     * what was opened. NULL: handle_fail. Runs in the source's thread; may perform on handle. */
    bool (*check)(struct source *source, CURLcode code, struct error *err);
    const struct remote_file *file; /* borrowed: what was opened */
    void *context;                  /* of divert and check; owned, given to release once handle is gone */
    void (*release)(void *context);
};
void source_release(
    struct source *source); /* a zeroed source with fd -1, or a taken one, is fine */

struct pump;

/* Starts the source and takes over what it owns, also on failure (NULL). call may be NULL. */
struct pump *pump_open(struct source *source, const struct transfer_call *call, struct error *err);

/*
 * Performs the sink's request, its body being the next size bytes of the stream, or, with
 * REMOTE_SIZE_UNKNOWN, all that come (only for protocols that need no size before). The sink is
 * prepared by the caller (URL, UPLOAD=1, headers); the pump sets READFUNCTION and INFILESIZE.
 * *code is libcurl's verdict. True: the source gave all size bytes to libcurl or libcurl ended the
 * request by itself (then *code or the peer's reply says why: the caller converts it). False: the
 * source failed, the call is over; err is set. digest (may be NULL): MD5 of the bytes taken.
 */
MUST_USE bool pump_send(struct pump *pump, struct handle *sink, uint64_t size, CURLcode *code,
                        unsigned char digest[PUMP_DIGEST_SIZE], struct error *err);

/* For bodies that are built by libcurl (MIME parts): a curl_read_callback whose argument is the
 * pump. It gives the stream's next bytes, 0 at the end, CURL_READFUNC_ABORT when the source failed
 * (pump_finish then tells). */
size_t pump_read(char *buffer, size_t size, size_t count, void *pump);

/* Bytes that sinks have taken so far. */
uint64_t pump_taken(const struct pump *pump);

/* Waits for the source's end. False: it was short, long, failed or has changed meanwhile. */
MUST_USE bool pump_finish(struct pump *pump, struct error *err);

/* Ends the source if it still runs, releases it. NULL is fine. */
void pump_close(struct pump *pump);
#endif
