/* SPDX-License-Identifier: MIT */
/*
 * The schedules of a workspace as they hold now, in every process that has it open. schedules.json says
 * what they are; a schedule that was changed through the API or by command is kept in the store and
 * hides the file's entry until it is reset. The store also remembers whether each is started.
 *
 * An entry of schedules.json is started unless somebody stopped it; one that is defined through the API
 * is stopped until somebody starts it, as in OIC. Whoever runs the scheduler (scheduler.h) acts on it.
 * Schedules belong to a flow's identifier, not to one version. Thread-safe.
 */
#ifndef FLOW_TIMETABLE_H
#define FLOW_TIMETABLE_H
#include "flow/flow.h"
#include "flow/recurrence.h"

enum schedule_state { SCHEDULE_STARTED, SCHEDULE_STOPPED, SCHEDULE_PAUSED };
const char *schedule_state_name(enum schedule_state state); /* "started", "stopped", "paused" */

#define TIMETABLE_ACTOR_SIZE 128

/* One schedule: a copy that belongs to the caller. */
struct timetable_entry {
    size_t flow;                /* index: the newest active version, else the newest */
    struct schedule definition; /* .flow is the identifier */
    struct recurrence *recurrence;
    char warning[RECURRENCE_WARNING_SIZE]; /* what OIC would not take, or "" */
    bool is_override, in_file; /* from the store; schedules.json has one, too */
    enum schedule_state state;
    char actor[TIMETABLE_ACTOR_SIZE]; /* who changed it last; "": nobody */
    int64_t changed_ms;
    int64_t since_ms; /* what was due up to then is dealt with; 0: no scheduler has seen it yet */
};
void timetable_entry_release(struct timetable_entry *entry); /* zeroed is fine */

/* The schedule of the index-th flow. ERROR_NOT_FOUND: it has none; ERROR_INVALID: it is not usable. */
MUST_USE bool timetable_get(const struct service *service, size_t flow, struct timetable_entry *out,
                            struct error *err);

/* What schedules.json says of the flow, whether that is hidden or not; *found: whether it says anything. The
 * caller releases out (workspace/schedules.h). */
MUST_USE bool timetable_file_entry(const struct service *service, size_t flow, struct schedule *out,
                                   bool *found, struct error *err);

/* Whether every entry of schedules.json can be used: known flow, rule, zone, parameters. Errors name file
 * and line. */
MUST_USE bool timetable_check(const struct service *service, struct error *err);

/* All of them, by identifier; false from fn stops the walk. fn may move an entry out and leave zeros; else
 * it is released behind it.
 * A name or rule that cannot be used fails the whole: ERROR_NOT_FOUND, ERROR_INVALID, with the place. */
typedef bool timetable_fn(void *context, struct timetable_entry *entry);
MUST_USE bool timetable_list(const struct service *service, timetable_fn *fn, void *context,
                             struct error *err);

/* When it is due next after after_ms, whatever its state. ERROR_NOT_FOUND: never again. */
MUST_USE bool timetable_next(const struct timetable_entry *entry, int64_t after_ms, int64_t *due_ms,
                             struct error *err);

/* As timetable_set would judge it. */
MUST_USE bool timetable_check_definition(const struct service *service, size_t flow,
                                         const struct schedule *definition,
                                         char warning[static RECURRENCE_WARNING_SIZE],
                                         struct error *err);

enum schedule_move { MOVE_START, MOVE_STOP, MOVE_PAUSE, MOVE_RESUME };

/*
 * stop and pause let a run that goes on finish. What was due while a schedule was stopped or paused is
 * not made up for. ERROR_NOT_FOUND: no schedule; ERROR_EXISTS: it is so already, or cannot be paused or
 * resumed from the state that it has; ERROR_REFUSED: the flow is not active (start, resume).
 */
MUST_USE bool timetable_move(struct service *service, size_t flow, enum schedule_move move,
                             const struct actor *actor, struct error *err);

/*
 * Defines the schedule of a flow, instead of schedules.json; definition NULL: as schedules.json says
 * again. .flow is ignored. It keeps its state; one that did not exist is stopped. warning: as in the entry.
 * ERROR_INVALID: rule, zone, start, end, or parameters that the flow does not have or take; ERROR_UNSUPPORTED:
 * the flow is not started by a schedule; ERROR_NOT_FOUND: nothing to reset to.
 */
MUST_USE bool timetable_set(struct service *service, size_t flow, const struct schedule *definition,
                            const struct actor *actor,
                            char warning[static RECURRENCE_WARNING_SIZE], struct error *err);

/* schedules.json again; on error what was read before stays in force. Tell the scheduler with
 * scheduler_reload. */
MUST_USE bool timetable_reload(struct service *service, struct error *err);

/* ---- for service.c ---- */
struct timetable *timetable_new(const struct schedule_list *first); /* borrowed; NULL: out of memory */
void timetable_free(struct timetable *timetable);                   /* NULL is fine */
#endif
