/* SPDX-License-Identifier: MIT */
/*
 * A service of three scheduled modules ("A", "B", and "A" in a newer version of its line) over a real
 * workspace and store, whose clock, whose scheduler's wait and whose runs belong to the test.
 */
#ifndef TESTS_FAKE_SCHEDULED_H
#define TESTS_FAKE_SCHEDULED_H
#include "flow/scheduler.h"
#include "temporary.h"

#define FLOW_A 0
#define FLOW_A_NEW 1
#define FLOW_B 2

extern const struct actor fake_actor;

/* "2026-11-24T02:30:00Z" as milliseconds. */
int64_t fake_instant(const char *text);

/* Sets the clock without any scheduler noticing yet. */
void fake_set_clock(const char *text);

/* One process of the workspace. */
struct host {
    struct service *service;
    struct scheduler *scheduler;
};

/* Opens temporary's workspace with that schedules.json, no scheduler yet. */
void host_open(struct host *host, struct temporary *temporary, const char *schedules);
void host_close(struct host *host); /* the scheduler, too; runs must be let go */
void host_start(struct host *host, size_t workers);
void host_stop(struct host *host, int64_t wait_ms); /* for what runs, before it is asked to stop */
void fake_write_schedules(struct temporary *temporary, const char *schedules);

/* Time passes until then: every scheduler wakes when it wants to, and what it starts ends at once
 * (unless runs are held). */
void fake_pass(struct host *hosts, size_t count, const char *until);
/* The clock shows that from now on. */
void fake_jump(struct host *hosts, size_t count, const char *to);
/* Until every scheduler waits, and nothing runs (unless runs are held). */
void fake_settle(struct host *hosts, size_t count);

/* Runs begin and go on until they are let go. */
void fake_hold_runs(void);
void fake_release_runs(void);
/* What runs end with; ERROR_EXISTS: as if another process ran the flow. */
extern int fake_exit_status;
extern enum error_kind fake_refusal;

/* Whether connections pass their test: B needs SOURCE, which there is, and TARGET, which there is not. */
extern bool fake_peers_answer;

/* The runs since the last call, in order: "A 24T02:30:00 prefix=C1-; ", by the clock when they began. */
const char *fake_runs(void);
/* What the store says of due times, oldest first: "A 24T02:30:00 completed; ". */
const char *fake_record(struct host *host);
/* The newest reason. */
const char *fake_reason(struct host *host);
#endif
