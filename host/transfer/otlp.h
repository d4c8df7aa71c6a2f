/* SPDX-License-Identifier: MIT */
/*
 * Spans for an OpenTelemetry collector: OTLP over HTTP with JSON bodies (OTLP specification 1.x,
 * opentelemetry/proto/trace/v1). A span is written down by the thread that made it and goes into a
 * bounded queue; one thread sends what is there in batches. Nobody ever waits for the collector: where
 * the queue is full, spans are dropped and counted (metric sluice_trace_spans). Thread-safe.
 *
 * A batch is sent again after 429, 502, 503, 504 and after a transport that failed, when Retry-After
 * says or else after a pause that doubles from OTLP_RETRY_FIRST_MS to OTLP_RETRY_MAX_MS and varies by
 * half. A batch older than OTLP_RETRY_FOR_MS is given up; any other refusal drops it at once.
 */
#ifndef TRANSFER_OTLP_H
#define TRANSFER_OTLP_H
#include "transfer/transfer.h"
#include "workspace/telemetry.h"

#define OTLP_BATCH_COUNT 512           /* spans of one request */
#define OTLP_BATCH_SIZE_MAX (2u << 20) /* bytes of one */
#define OTLP_QUEUE_SIZE_MAX (16u << 20) /* bytes of all spans that wait; "queue_max" bounds their number */
#define OTLP_PAUSE_MS 1000             /* how old a span gets before it is sent */
#define OTLP_RETRY_FIRST_MS 500
#define OTLP_RETRY_MAX_MS 30000
#define OTLP_RETRY_FOR_MS 300000
#define OTLP_TEXT_SIZE_MAX 1024        /* of an attribute; longer ones are cut between characters */

enum otlp_kind { OTLP_INTERNAL = 1, OTLP_SERVER = 2, OTLP_CLIENT = 3 }; /* of Span.SpanKind */

struct otlp_attribute {
    const char *key;
    const char *text; /* NULL: number is the value */
    int64_t number;
};

struct otlp_span {
    const char *trace, *span;   /* ids in lower-case hexadecimal */
    const char *parent, *state; /* parent span and tracestate; NULL or "": none */
    const char *name;
    enum otlp_kind kind;
    int64_t start_ns, end_ns; /* wall clock */
    bool has_failed;
    const char *message; /* of a failure; may be NULL */
    const struct otlp_attribute *attributes; /* those whose text is "" are left out */
    size_t attribute_count;
};

struct otlp;

/* settings has an endpoint; it and transfer are borrowed. An endpoint without a path gets /v1/traces. */
MUST_USE bool otlp_open(struct otlp **out, struct transfer *transfer,
                        const struct trace_settings *settings, struct error *err);

/* Sends what waits, each batch once, for at most wait_ms, then drops the rest. NULL is fine. */
void otlp_close(struct otlp *otlp, int64_t wait_ms);

/* Sends what waits without pausing first, and waits for that, at most wait_ms. False: something is left,
 * and is sent later. NULL is fine. */
bool otlp_flush(struct otlp *otlp, int64_t wait_ms);

/* Texts are borrowed during the call. */
void otlp_send(struct otlp *otlp, const struct otlp_span *span);

/* Appends the span as JSON (protobuf's mapping: ids in hexadecimal, 64-bit numbers as text). */
void otlp_append_span(struct buf *out, const struct otlp_span *span);
#endif
