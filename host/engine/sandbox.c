/* SPDX-License-Identifier: MIT */
/*
 * See sandbox.h. The order in which fields are set matters to the signal handlers (trap.c): an
 * execution becomes `current` complete, and in_guest is set on the guest's own stack only.
 */
#include "engine/sandbox.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/deadline.h"
#include "engine/module_private.h"
#include "engine/slot.h"

#define NS_PER_MS INT64_C(1000000)
#define CPU_ESTIMATE_NS (100 * INT64_C(1000))
#define MS_MAX (INT64_MAX / NS_PER_MS / 4) /* any longer deadline is none */

static void copy_text(char *out, size_t size, const char *text)
{
    const size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

/* The border. */

static void guest_return(struct guest *guest)
{
    struct engine_thread *thread = guest->thread;
    atomic_signal_fence(memory_order_seq_cst);
    thread->in_guest = 1;
    atomic_signal_fence(memory_order_seq_cst);
    if (guest->stop)
        guest_land(guest, (enum fault)guest->stop);
}

void guest_border_enter(struct guest *guest)
{
    /* Still guest code: an overflow in this frame is the guest's. */
    if (!stack_has_reserve(guest->stack, __builtin_frame_address(0)))
        guest_land(guest, FAULT_STACK_EXHAUSTED);
    atomic_signal_fence(memory_order_seq_cst);
    guest->thread->in_guest = 0;
    atomic_signal_fence(memory_order_seq_cst);
}

void guest_border_leave(struct guest *guest)
{
    guest_return(guest);
}

void guest_land(struct guest *guest, enum fault fault)
{
    struct engine_thread *thread = guest->thread;
    /* With little stack left this stays guest code up to the landing, so that running out of it
     * on the way is the guest's fault and not the host's. */
    if (stack_has_reserve(guest->stack, __builtin_frame_address(0)))
        thread->in_guest = 0;
    guest->fault = (sig_atomic_t)fault;
    stack_land(guest->stack, guest->landing);
}

void guest_enter_host(struct guest *guest, const char *import_name)
{
    guest_border_enter(guest);
    guest->import_name = import_name;
    guest->import_calls++;
    if (guest->import_calls_max && guest->import_calls > guest->import_calls_max)
        guest_trap(guest, FAULT_IMPORT_LIMIT, import_name);
}

void guest_leave_host(struct guest *guest)
{
    if (!guest->stop && deadline_cancelled(guest->thread, guest->depth))
        guest->stop = FAULT_CANCELLED;
    guest_return(guest);
}

void *guest_host(const struct guest *guest)
{
    return guest->host;
}

void *guest_range(struct guest *guest, uint32_t address, uint32_t size)
{
    const wasm_rt_memory_t *memory = guest->slot->memory_info;
    if (size <= memory->size && address <= memory->size - size)
        return memory->data + address;
    char detail[sizeof guest->detail];
    snprintf(detail, sizeof detail, "%s was given %u bytes at address %u; the memory has %llu",
             guest->import_name ? guest->import_name : "an import", size, address,
             (unsigned long long)memory->size);
    guest_trap(guest, FAULT_BAD_ADDRESS, detail);
}

void guest_trap(struct guest *guest, enum fault fault, const char *detail)
{
    copy_text(guest->detail, sizeof guest->detail, detail ? detail : "");
    guest_land(guest, fault);
}

void guest_exit(struct guest *guest, int status)
{
    guest->has_exited = true;
    guest->exit_status = status;
    guest_land(guest, FAULT_NONE);
}

int64_t guest_pause_cpu(struct guest *guest)
{
    const int64_t deadline_ns = guest->cpu_deadline_ns;
    if (deadline_ns == INT64_MAX)
        return INT64_MAX;
    guest->cpu_deadline_ns = INT64_MAX;
    return deadline_ns - deadline_cpu_ns();
}

void guest_resume_cpu(struct guest *guest, int64_t left_ns)
{
    if (left_ns == INT64_MAX)
        return;
    guest->cpu_deadline_ns = deadline_cpu_ns() + left_ns;
    deadline_arm(guest->thread);
}

int64_t guest_time_left_ms(const struct guest *guest)
{
    if (guest->wall_deadline_ns == INT64_MAX)
        return -1;
    const int64_t left_ns = guest->wall_deadline_ns - deadline_wall_ns();
    return left_ns > 0 ? (left_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
}

bool guest_should_stop(const struct guest *guest)
{
    return guest->stop != FAULT_NONE || deadline_cancelled(guest->thread, guest->depth) ||
           guest_time_left_ms(guest) == 0;
}

/* One execution. */

static void guest_main(void *context)
{
    struct guest *guest = context;
    const struct slot *slot = guest->slot;
    guest_return(guest);
    slot->module->entry->start(slot->instance);
    guest->thread->in_guest = 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Deadlines of an execution: its own, but never later than those of the one it runs inside. */
static void set_deadlines(struct guest *guest, const struct sandbox_limits *limits, int64_t cpu_ns)
{
    guest->cpu_deadline_ns = INT64_MAX;
    guest->wall_deadline_ns = INT64_MAX;
    if (limits->cpu_ms > 0 && limits->cpu_ms < MS_MAX)
        guest->cpu_deadline_ns = cpu_ns + limits->cpu_ms * NS_PER_MS;
    if (limits->wall_deadline_ms > 0) {
        const int64_t left_ms = limits->wall_deadline_ms - clock_monotonic_ms();
        if (left_ms < MS_MAX)
            guest->wall_deadline_ns = deadline_wall_ns() + (left_ms > 0 ? left_ms * NS_PER_MS : 0);
    }
    const struct guest *outer = guest->outer;
    if (!outer)
        return;
    guest->cpu_deadline_ns = earlier(guest->cpu_deadline_ns, outer->cpu_deadline_ns);
    guest->wall_deadline_ns = earlier(guest->wall_deadline_ns, outer->wall_deadline_ns);
}

static void guest_prepare(struct guest *guest, struct engine_thread *thread, struct slot *slot,
                          const struct sandbox_limits *limits, void *host)
{
    struct guest *outer = thread->current;
    guest->thread = thread;
    guest->outer = outer;
    guest->slot = slot;
    guest->depth = outer ? outer->depth + 1 : 0;
    guest->stack = &thread->stacks[guest->depth];
    guest->host = host;
    guest->stop = FAULT_NONE;
    guest->fault = FAULT_NONE;
    guest->has_exited = false;
    guest->exit_status = 0;
    guest->detail[0] = '\0';
    guest->import_name = NULL;
    guest->import_calls = 0;
    guest->import_calls_max = limits->import_calls_max;
    guest->child_cpu_ns = 0;
    guest->memory_pages_max = slot->module->memory_pages_max;
    if (limits->memory_pages_max && limits->memory_pages_max < guest->memory_pages_max)
        guest->memory_pages_max = limits->memory_pages_max;
    guest->cpu_start_ns = deadline_cpu_ns();
    guest->wall_start_ns = deadline_wall_ns();
    set_deadlines(guest, limits, guest->cpu_start_ns);
}

static void guest_begin(struct guest *guest)
{
    struct engine_thread *thread = guest->thread;
    atomic_store_explicit(&thread->cancelled[guest->depth], NULL, memory_order_relaxed);
    atomic_store_explicit(&thread->hosts[guest->depth], guest->host, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    thread->current = guest;
    atomic_signal_fence(memory_order_seq_cst);
    deadline_arm(thread);
    if (guest->wall_deadline_ns != INT64_MAX && guest_time_left_ms(guest) == 0)
        guest->stop = FAULT_WALL_DEADLINE;
}

/* The thread's CPU clock is a system call of half a microsecond, so what was short is taken for
 * all CPU time: more than it can have been, by CPU_ESTIMATE_NS at most. */
static int64_t spent_cpu_ns(const struct guest *guest)
{
    const int64_t elapsed_ns = deadline_wall_ns() - guest->wall_start_ns;
    return elapsed_ns <= CPU_ESTIMATE_NS ? elapsed_ns : deadline_cpu_ns() - guest->cpu_start_ns;
}

/* The outer execution gets back the CPU time spent here: it was charged once, to this one. */
static void guest_end(struct guest *guest, struct sandbox_result *result)
{
    struct engine_thread *thread = guest->thread;
    const int64_t spent_ns = spent_cpu_ns(guest);
    struct guest *outer = guest->outer;
    if (outer) {
        outer->child_cpu_ns += spent_ns;
        if (outer->cpu_deadline_ns != INT64_MAX)
            outer->cpu_deadline_ns += spent_ns;
    }
    atomic_store_explicit(&thread->hosts[guest->depth], NULL, memory_order_release);
    thread->current = outer;
    atomic_signal_fence(memory_order_seq_cst);
    if (outer)
        deadline_arm(thread);
    const int64_t own_ns = spent_ns - guest->child_cpu_ns;
    result->cpu_us = own_ns > 0 ? own_ns / 1000 : 0;
}

static void fill_result(const struct guest *guest, struct sandbox_result *result)
{
    result->fault = (enum fault)guest->fault;
    if (result->fault == FAULT_NONE)
        result->exit_status = guest->exit_status;
    result->memory_pages_peak = (uint32_t)guest->slot->memory_info->pages;
    result->import_calls = guest->import_calls;
    copy_text(result->detail, sizeof result->detail, guest->detail);
}

static bool prepare_thread(struct engine_thread *thread, struct error *err)
{
    if (!engine_thread_open(err))
        return false;
    const unsigned depth = thread->current ? thread->current->depth + 1 : 0;
    if (depth >= SANDBOX_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "executions nest deeper than %d", SANDBOX_DEPTH_MAX);
    return thread->stacks[depth].mapping || stack_open(&thread->stacks[depth], err);
}

void sandbox_run(struct module *module, const struct sandbox_limits *limits, void *host,
                 struct sandbox_result *result)
{
    struct engine_thread *thread = engine_thread_self();
    struct slot *slot;
    struct error err;
    *result = (struct sandbox_result){0};
    if (!prepare_thread(thread, &err) || !slot_acquire(thread, module, &slot, &err)) {
        result->fault = FAULT_NO_SLOT;
        copy_text(result->detail, sizeof result->detail, err.message);
        return;
    }
    struct guest *guest = &slot->guest;
    guest_prepare(guest, thread, slot, limits, host);
    guest_begin(guest);
    (void)stack_run(guest->stack, guest_main, guest, &guest->landing);
    thread->in_guest = 0;
    guest_end(guest, result);
    fill_result(guest, result);
    if (result->fault == FAULT_STACK_EXHAUSTED)
        stack_trim(guest->stack);
    slot_release(thread, slot);
}

static void cancel_in_thread(struct engine_thread *thread, void *host)
{
    bool found = false;
    for (unsigned i = 0; i < SANDBOX_DEPTH_MAX; i++) {
        if (atomic_load_explicit(&thread->hosts[i], memory_order_acquire) == host) {
            atomic_store_explicit(&thread->cancelled[i], host, memory_order_release);
            found = true;
        }
    }
    if (found)
        deadline_poke(thread);
}

void sandbox_cancel(void *host)
{
    if (host)
        engine_thread_each(cancel_in_thread, host);
}
