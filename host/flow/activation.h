/* SPDX-License-Identifier: MIT */
/*
 * Whether a version of a flow is active, and how much of its executions is recorded (tracing).
 *
 * A flow that is not active does not run: not over HTTP, not by its schedule, not by hand, not as the
 * child of another flow. Who decides, for one line of versions (identifier, first two numbers):
 *   - the record that activate or deactivate wrote for the version; else
 *   - the newest decision about another version of the line: a deactivation holds for versions that
 *     come later, an activation of a version that is there rules out the others; else
 *   - "activation" of sluice.json: "automatic" (the newest version of the line is active, so that a new
 *     workspace works as it is; `sluice check` is the gate) or "explicit" (none, as after an import into
 *     Oracle Integration).
 *
 * Decisions are kept in the store, hold for all processes of the workspace, and are seen by a running
 * server with its next request. Changes and refusals are in the audit trail. Thread-safe.
 */
#ifndef FLOW_ACTIVATION_H
#define FLOW_ACTIVATION_H
#include "flow/flow.h"

#define ACTIVATION_ACTOR_SIZE 128

struct activation {
    bool is_active; /* OIC: ACTIVATED, else CONFIGURED */
    enum tracing tracing;
    bool is_decided;                   /* by a person; else the workspace's settings did */
    char actor[ACTIVATION_ACTOR_SIZE]; /* of that decision; "" if there is none */
    int64_t at_ms;                     /* 0 if there is none */
};

/* "ACTIVATED" or "CONFIGURED", OIC's words. */
const char *activation_status_name(bool is_active);

/* ERROR_INVALID names the legal words and the nearest. Case does not count. */
MUST_USE bool tracing_parse(const char *text, enum tracing *out, struct error *err);

/* How things stand with the index-th flow. */
MUST_USE bool activation_get(const struct service *service, size_t index, struct activation *out,
                             struct error *err);

/* One connection that keeps a flow from being activated; why names it and says what to do. */
typedef void activation_problem_fn(void *context, const char *connection, const struct error *why);

/*
 * Whether every connection of the manifest's grants is there, enabled, and passes connection_test, which
 * talks to the peers (seconds). fn (may be NULL) gets each one that does not. ERROR_REFUSED: how many,
 * and the first reason.
 */
MUST_USE bool activation_check(const struct service *service, size_t index,
                               activation_problem_fn *fn, void *context, struct error *err);

/*
 * activation_check, then the flow is active and other versions of its line are not. tracing NULL: as it
 * was. ERROR_EXISTS: a decision says that it is active already; ERROR_REFUSED as activation_check says.
 */
MUST_USE bool activation_activate(struct service *service, size_t index, const enum tracing *tracing,
                                  const struct actor *actor, activation_problem_fn *fn,
                                  void *context, struct error *err);

/* What runs is finished; nothing new begins. ERROR_EXISTS: it is not active; ERROR_REFUSED: a schedule
 * is started that starts it (stop that first, as in OIC). */
MUST_USE bool activation_deactivate(struct service *service, size_t index, const struct actor *actor,
                                    struct error *err);

/* The level of executions of that flow that begin now. A module that was kept for what goes on has the
 * level of its version, and the default one when that version is not installed any more. */
enum tracing activation_tracing(const struct service *service, const struct manifest *manifest);

/* For executions that begin from now on, whether the flow is active or not. */
MUST_USE bool activation_set_tracing(struct service *service, size_t index, enum tracing tracing,
                                     const struct actor *actor, struct error *err);

/* Fails with ERROR_REFUSED, naming the flow and the command, unless the index-th flow is active. */
MUST_USE bool activation_require(const struct service *service, size_t index, struct error *err);

/* The flow that name means to whoever wants to run it: as service_find, but without a version the newest
 * active one. ERROR_NOT_FOUND; ERROR_REFUSED: it is not active (*index tells which). */
MUST_USE bool activation_find(const struct service *service, const char *name, size_t *index,
                              struct error *err);

/* ---- for service.c ---- */
struct activation_table;
/* NULL: out of memory. */
struct activation_table *activation_table_new(size_t flows_max);
void activation_table_free(struct activation_table *table); /* NULL is fine */
#endif
