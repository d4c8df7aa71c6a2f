/* SPDX-License-Identifier: MIT */
/*
 * Flows as a function of a serverless platform: from an event to a flow, a run and an answer. What
 * `sluice fn` and `sluice lambda` share, and the events that `sluice serve` takes. Each call blocks
 * until the run has ended. Thread-safe.
 */
#ifndef SERVER_FUNCTION_H
#define SERVER_FUNCTION_H
#include "flow/flow.h"
#include "server/event_sink.h"
#include "server/http_server.h"
#include "server/invocation.h"

#define FUNCTION_MARGIN_MS 500 /* kept of a platform's deadline for the answer itself */
#define FUNCTION_MAILS_MS 20000 /* for the mails that are due; this and the next less near a deadline */
#define FUNCTION_REST_MS 2000   /* until everything of a call is told and written */
#define FUNCTION_BODY_SIZE_MAX (6u << 20) /* with a file, which is held whole: what platforms let in */

struct function;

struct function_options {
    struct service *service; /* borrowed */
    const char *const *names; /* flows that are offered; none: all */
    size_t name_count;
    const char *trigger;        /* as instances show it: "fn", "lambda", "event" */
    bool is_behind_gateway;     /* callers have been let in: users.json is not asked */
    bool is_alone;              /* nothing else in the process resumes what was left unfinished */
    struct event_sink *sink;    /* for function_rest; borrowed, may be NULL */
    bool (*should_stop)(void *context); /* may be NULL */
    void *context;
};

/* ERROR_NOT_FOUND: no such flow (the nearest is named), ERROR_INVALID: users.json. */
MUST_USE bool function_open(struct function **out, const struct function_options *options,
                            struct error *err);
void function_close(struct function *function); /* NULL is fine */

/* One event; texts are borrowed during the call, NULL where there is none. */
struct function_event {
    const char *method, *path; /* of a request over HTTP, as it was sent; NULL: an invocation */
    const char *authorization, *address, *content_type;
    cloud_event_field_fn *field; /* further header fields; may be NULL */
    void *context;               /* of field */
    const void *body;
    size_t body_size;
    int64_t deadline_ms; /* as in run_request; see function_deadline */
    const char *traceparent, *tracestate; /* as in run_request; NULL: those of a CloudEvent, ... */
    const char *platform_traceparent;     /* ... and where there are none this; or NULL */
    const char *call;       /* the platform's id of this call, or NULL */
    const char *invoked_by; /* who the platform says it is, or NULL */
    bool is_authenticated;  /* by the platform: users.json is not asked */
};

struct function_answer {
    struct http_answer http; /* complete in any case; who wants errors apart looks below */
    bool has_failed;         /* the flow failed, or could not run */
    bool is_late;            /* because the deadline passed */
    char error_type[96];     /* "Flow.not_found", "Sluice.invalid" */
    char error_message[ERROR_MESSAGE_SIZE + 256];
};
void function_answer_init(struct function_answer *answer);
void function_answer_release(struct function_answer *answer);

/*
 * A request over HTTP: OIC's address of a flow, or any address where one flow alone is offered; the
 * body is the message, alone or with a file (multipart), the parameters, or a CloudEvent. Callers must
 * be users with the role invoke, unless the event is authenticated or "callers" of the workspace is
 * "platform".
 */
void function_request(struct function *function, const struct function_event *event,
                      struct function_answer *answer);

/* The one that the event names, or the only one that is offered. */
#define FUNCTION_ANY_FLOW SIZE_MAX

/* An event that the platform, or the caller, has authenticated; see invocation.h. flow: the
 * service's index of a flow, or FUNCTION_ANY_FLOW. */
void function_invoke(struct function *function, size_t flow, const struct function_event *event,
                     struct function_answer *answer);

/* Before an answer behind which the process may be frozen: mails are sent, everything of the call is on
 * the disk, its event and spans are told, and no thread works on. deadline_ms: of the event. False:
 * something is left, and goes on with the next call. */
bool function_rest(struct function *function, int64_t deadline_ms);

/* clock_monotonic_ms() for a deadline that a platform gives as wall-clock time, with the margin
 * taken off. A deadline that has passed is one that passes at once. */
int64_t function_deadline(int64_t wall_ms);
#endif
