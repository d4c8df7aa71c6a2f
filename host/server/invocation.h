/* SPDX-License-Identifier: MIT */
/*
 * What a serverless event asks for: which flow, with which message or parameters. Pure,
 * thread-safe.
 *
 *   {"flow": ID, "parameters": {...}}     a scheduled flow by name
 *   {"flow": ID, "message": {...}}        another one
 *   a CloudEvent (binary or structured)   its data, which may be one of these again
 *   an event of Amazon EventBridge        its "detail", which may be one of these again
 *   anything else                         the message, or the parameters, as it is
 */
#ifndef SERVER_INVOCATION_H
#define SERVER_INVOCATION_H
#include "base/json.h"
#include "capability/manifest.h"
#include "flow/flow.h"
#include "server/cloud_event.h"

#define INVOCATION_PARAMETERS_MAX 32u

struct invocation {
    char flow[MANIFEST_NAME_SIZE_MAX + 1]; /* "": it names none */
    const void *data; /* borrowed from the body, or from event */
    size_t data_size;
    struct cloud_event event; /* id NULL: it was none */
};

/* fields may be NULL: there are none. ERROR_INVALID, ERROR_UNSUPPORTED. Release it in any case. */
MUST_USE bool invocation_read(struct invocation *out, const char *content_type,
                              cloud_event_field_fn *field, void *context, const void *body,
                              size_t size, struct error *err);
void invocation_release(struct invocation *invocation);

/* The data as a flow takes it. */
struct flow_input {
    const void *body; /* NULL: none */
    size_t body_size;
    struct run_parameter parameters[INVOCATION_PARAMETERS_MAX];
    size_t parameter_count;
    cJSON *parsed; /* what the parameters are borrowed from */
};

/* A scheduled flow takes an object of texts as its parameters, or nothing; any other the data as
 * its message. ERROR_INVALID, ERROR_LIMIT. Release it in any case. */
MUST_USE bool flow_input_read(struct flow_input *out, const struct manifest *manifest,
                              const void *data, size_t size, struct error *err);
void flow_input_release(struct flow_input *input);
#endif
