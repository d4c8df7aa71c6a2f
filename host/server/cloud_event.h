/* SPDX-License-Identifier: MIT */
/*
 * CloudEvents 1.0 over HTTP (cloudevents/spec: spec.md, bindings/http-protocol-binding.md,
 * formats/json-format.md): binary and structured JSON mode read, binary mode written. Pure,
 * thread-safe.
 */
#ifndef SERVER_CLOUD_EVENT_H
#define SERVER_CLOUD_EVENT_H
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#define CLOUD_EVENT_ATTRIBUTE_SIZE_MAX 2048u /* bytes of one attribute */
#define CLOUD_EVENT_STRUCTURED "application/cloudevents+json"

struct cloud_event {
    char *id, *source, *type;  /* never NULL once read */
    char *subject, *time;      /* NULL: none */
    char *data_content_type;   /* NULL: none given */
    char *traceparent, *tracestate; /* cloudevents/spec: extensions/distributed-tracing.md; NULL: none */
    const void *data;          /* the event's data; borrowed from the body or from decoded */
    size_t data_size;
    char *decoded;             /* data that the body holds in another form; NULL: none */
};

/* Value of a header field, or NULL; name in lower case. */
typedef const char *cloud_event_field_fn(void *context, const char *name);

/* What a message is, by its content type and fields. Other formats and batches are structured, too.
 */
bool cloud_event_is_structured(const char *content_type);
bool cloud_event_is_binary(cloud_event_field_fn *field, void *context);

/*
 * Binary mode: attributes from the fields, the body is the data. Structured mode: attributes and
 * data from the JSON body. ERROR_INVALID names the attribute and what was expected;
 * ERROR_UNSUPPORTED: a batch, or another format than JSON. body is borrowed until release, which
 * must be called.
 */
MUST_USE bool cloud_event_read(struct cloud_event *out, const char *content_type,
                               cloud_event_field_fn *field, void *context, const void *body,
                               size_t size, struct error *err);
void cloud_event_release(struct cloud_event *event);

/* Appends value as a header field's: UTF-8, with what a field may not hold percent-encoded. */
void cloud_event_append_value(struct buf *out, const char *value);
#endif
