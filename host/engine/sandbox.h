/* SPDX-License-Identifier: MIT */
/*
 * A sandbox: one execution of a module's main() with memory of its own, and the border that
 * imports stand on. sandbox_run may be called from any thread and, inside an import, again for
 * another module (a child flow): landings nest.
 */
#ifndef ENGINE_SANDBOX_H
#define ENGINE_SANDBOX_H
#include <stddef.h>
#include <stdint.h>

#include "engine/module.h"

enum fault {
    FAULT_NONE = 0,
    FAULT_MEMORY_OUT_OF_BOUNDS,
    FAULT_STACK_EXHAUSTED, /* native stack or shadow stack */
    FAULT_UNREACHABLE,     /* abort(), failed assertion, __builtin_trap */
    FAULT_TABLE_OUT_OF_BOUNDS, /* compiled code reports the next one for both */
    FAULT_INDIRECT_CALL_MISMATCH,
    FAULT_INTEGER_OVERFLOW,
    FAULT_DIVIDE_BY_ZERO,
    FAULT_INVALID_CONVERSION,
    FAULT_CPU_DEADLINE,
    FAULT_WALL_DEADLINE,
    FAULT_BAD_ADDRESS,  /* an import was given a range outside the guest's memory */
    FAULT_IMPORT_LIMIT, /* more import calls than import_calls_max */
    FAULT_CANCELLED,
    FAULT_SUSPENDED, /* the host cannot go on with it now; it is resumed later */
    FAULT_DIVERGED,  /* asked for something else than its journal tells */
    FAULT_JOURNAL_LIMIT, /* its journal holds no more */
    FAULT_NO_SLOT, /* no sandbox memory could be had; nothing ran */
    FAULT_INTERNAL,
};

/* "memory_out_of_bounds", ... : the name shown in instances. Never NULL. */
const char *fault_name(enum fault fault);

/* One sentence for a person: what happened and what to do about it. Never NULL. */
const char *fault_text(enum fault fault);

#define SANDBOX_DEPTH_MAX 16 /* flows that call flows, nested as deep as OIC lets them */

struct sandbox_limits {
    uint32_t memory_pages_max;  /* ceiling on growth, at most the module policy's; 0: policy's */
    int64_t cpu_ms;             /* CPU time of guest and imports, child flows apart; 0: none */
    int64_t wall_deadline_ms;   /* clock_monotonic_ms() value; 0: none */
    uint64_t import_calls_max;  /* 0: none */
};

struct sandbox_result {
    enum fault fault;
    int exit_status; /* of proc_exit or main, when fault is FAULT_NONE */
    int64_t cpu_us;
    uint32_t memory_pages_peak;
    uint64_t import_calls;
    char detail[160]; /* e.g. which import got the bad address; "" where the name says it all */
};

struct guest; /* the running sandbox as imports see it */

/*
 * Runs main() of module to its end; host is what guest_host gives to imports. Limits of an
 * execution that this one runs inside stay in force; CPU time spent here is charged here only.
 * Executions nest SANDBOX_DEPTH_MAX deep (FAULT_NO_SLOT below that); an import may use 1 MiB of
 * stack. A thread that runs guests must not block SIGSEGV, SIGBUS, SIGFPE or SIGRTMIN+5 afterwards.
 */
void sandbox_run(struct module *module, const struct sandbox_limits *limits, void *host,
                 struct sandbox_result *result);

/* Releases the calling thread's pooled sandboxes, stacks and timers. Call before a thread ends. */
void sandbox_thread_release(void);

/* Asks the execution whose host pointer this is to stop; from any thread. */
void sandbox_cancel(void *host);

/*
 * For imports. Every import begins with guest_enter_host and ends with guest_leave_host: between
 * the two the thread is host code, no deadline interrupts it, and a fault is the host's own crash.
 * guest_leave_host traps if a deadline passed, the execution was cancelled, or too many calls were
 * made. A trap jumps over host frames: between enter and leave nothing may be held that is not
 * tied to something the caller of sandbox_run releases.
 */
void guest_enter_host(struct guest *guest, const char *import_name);
void guest_leave_host(struct guest *guest);
void *guest_host(const struct guest *guest);

/* The bytes [address, address + size) of the guest, or a trap FAULT_BAD_ADDRESS. The pointer is
 * valid until the guest runs again. size 0 gives a pointer that must not be read. */
void *guest_range(struct guest *guest, uint32_t address, uint32_t size);

/* Ends the execution; does not return. */
_Noreturn void guest_trap(struct guest *guest, enum fault fault, const char *detail);
_Noreturn void guest_exit(struct guest *guest, int status);

/* For imports that move bytes: what the host's own code burns for them, TLS above all, is not the guest's
 * CPU time. Between the two calls the guest has no CPU deadline, nor has an execution inside it one but its
 * own; what was left goes on behind them. */
int64_t guest_pause_cpu(struct guest *guest);
void guest_resume_cpu(struct guest *guest, int64_t left_ns); /* of guest_pause_cpu */

/* Milliseconds until the wall deadline (at least 0), or -1 for none: bounds a blocking import. */
int64_t guest_time_left_ms(const struct guest *guest);

/* True once the execution should stop; a blocking import looks at it now and then. */
bool guest_should_stop(const struct guest *guest);
#endif
