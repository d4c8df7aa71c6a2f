/* SPDX-License-Identifier: MIT */
/*
 * What one thread needs to run guests: its stacks, pooled slots, timers and the execution that is
 * running. Internal to the engine. Everything here is touched by its own thread and that thread's
 * signal handlers only, except `hosts` and `cancelled`, which sandbox_cancel uses.
 *
 * The signal handlers act on a guest only while in_guest is set AND the interrupted stack pointer
 * lies on that guest's stack: entering and leaving then need no masking.
 */
#ifndef ENGINE_THREAD_H
#define ENGINE_THREAD_H
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "engine/sandbox.h"
#include "engine/stack.h"

struct slot;

/* One execution; embedded in its slot because the instance keeps the pointer. */
struct guest {
    struct engine_thread *thread;
    struct guest *outer; /* the execution whose import called sandbox_run, or NULL */
    struct slot *slot;
    struct stack *stack;
    unsigned depth;
    void *volatile landing;
    void *host;

    volatile int64_t cpu_deadline_ns; /* thread CPU time; INT64_MAX: none */
    volatile int64_t wall_deadline_ns; /* CLOCK_MONOTONIC; INT64_MAX: none */
    int64_t cpu_start_ns;
    int64_t wall_start_ns;
    int64_t child_cpu_ns; /* spent by executions inside this one */
    volatile sig_atomic_t stop;       /* enum fault that ends it; set once */

    uint32_t memory_pages_max;
    uint64_t import_calls;
    uint64_t import_calls_max;
    const char *import_name;
    volatile sig_atomic_t fault; /* why it landed */
    bool has_exited;
    int exit_status;
    char detail[sizeof((struct sandbox_result *)0)->detail];
};

struct deadline_timer {
    timer_t id;
    bool is_open;
    clockid_t clock;
    volatile int64_t armed_ns; /* when it fires, 0: not armed */
};

struct engine_thread {
    struct guest *volatile current;
    volatile sig_atomic_t in_guest;
    bool is_open;
    pid_t tid;
    struct stack stacks[SANDBOX_DEPTH_MAX];
    struct slot *slots; /* most recently used first */
    struct slot *instantiating;
    unsigned slot_count;
    struct deadline_timer cpu_timer;
    struct deadline_timer wall_timer;
    void *signal_stack; /* our mapping, or NULL where the thread had one */
    stack_t previous_signal_stack;

    _Atomic(void *) hosts[SANDBOX_DEPTH_MAX];     /* of the running executions */
    _Atomic(void *) cancelled[SANDBOX_DEPTH_MAX]; /* equals hosts[i]: i is to stop */
    struct engine_thread *next;                   /* in the list of all threads */
};

/* The calling thread's. Async-signal-safe; never NULL, not open before engine_thread_open. */
struct engine_thread *engine_thread_self(void);

/* Prepares the calling thread (handlers, signal stack, timers); cheap when it is already. */
MUST_USE bool engine_thread_open(struct error *err);

/* Calls fn for each thread that runs guests, none of them ending meanwhile. */
void engine_thread_each(void (*fn)(struct engine_thread *thread, void *context), void *context);

/*
 * The border as host code crosses it. enter: from here no deadline interrupts; traps if an import
 * could not count on STACK_HOST_RESERVE. leave: back to guest code; traps if a stop is due.
 */
void guest_border_enter(struct guest *guest);
void guest_border_leave(struct guest *guest);

/* Ends the guest from its own stack, whether inside or outside of guest code. */
_Noreturn void guest_land(struct guest *guest, enum fault fault);
#endif
