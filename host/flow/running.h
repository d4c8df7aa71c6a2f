/* SPDX-License-Identifier: MIT */
/* The executions that go on in this process, so that one of them can be asked to stop. Thread-safe. */
#ifndef FLOW_RUNNING_H
#define FLOW_RUNNING_H
#include <pthread.h>
#include <stdbool.h>

#include "capability/execution.h"

struct running_entry { /* lives in its execution's frame */
    struct running_entry *next, **link;
    struct execution *execution;
};

struct running {
    pthread_mutex_t mutex;
    struct running_entry *first;
};

void running_init(struct running *running);
void running_release(struct running *running); /* nothing may be going on */

/* From running_add to running_remove execution may be asked to stop. */
void running_add(struct running *running, struct running_entry *entry, struct execution *execution);
void running_remove(struct running *running, struct running_entry *entry);

/* Asks that execution, and with it what it called, to stop; it does at its next import or at once when
 * it computes. False: it does not go on here. */
bool running_stop(struct running *running, const char *instance);
#endif
