/* SPDX-License-Identifier: MIT */
/* See trap.h. Handlers run on the thread's alternate stack and end by rewriting the interrupted
 * context, so the signal mask is restored by the kernel and nothing is jumped out of. */
#include "engine/trap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/deadline.h"
#include "engine/slot.h"

#define PAGE_SIZE_HOST 4096u

#ifdef STACK_ASAN
/* AddressSanitizer leaves the fault signals to us, and keeps frames on stacks that it knows. */
const char *__asan_default_options(void);
__attribute__((used)) const char *__asan_default_options(void)
{
    return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:allow_user_segv_handler=1:"
           "detect_stack_use_after_return=0";
}
#endif

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE};
#define FAULT_SIGNALS (sizeof fault_signals / sizeof fault_signals[0])

static struct sigaction previous_actions[NSIG];
static pthread_once_t install_once = PTHREAD_ONCE_INIT;
static int install_errno;

/* With --stack-first the shadow stack grows down from its size towards address 0 and, as a 32-bit
 * number, on to 4 GiB: accesses around there (a static offset may lead past it) are its overflow. A
 * wild pointer of such a value is called the same; nothing tells the two apart. */
#define SHADOW_STACK_TOP (UINT64_C(1) << 32)
#define SHADOW_STACK_BELOW (UINT64_C(16) << 20)
#define SHADOW_STACK_ABOVE (UINT64_C(1) << 20)

static enum fault classify_address(const struct guest *guest, uintptr_t address)
{
    if (stack_guard_contains(guest->stack, address))
        return FAULT_STACK_EXHAUSTED;
    const uintptr_t memory = (uintptr_t)slot_memory(guest->slot);
    const uint64_t offset = (uint64_t)(address - memory);
    if (offset >= SLOT_RESERVATION_SIZE)
        return FAULT_NONE; /* not the guest's */
    if (offset >= SHADOW_STACK_TOP - SHADOW_STACK_BELOW &&
        offset < SHADOW_STACK_TOP + SHADOW_STACK_ABOVE)
        return FAULT_STACK_EXHAUSTED;
    return FAULT_MEMORY_OUT_OF_BOUNDS;
}

static enum fault classify(const struct guest *guest, int number, const siginfo_t *info)
{
    if (info->si_code <= 0)
        return FAULT_NONE; /* sent by somebody, not caused by an instruction */
    const enum fault fault = classify_address(guest, (uintptr_t)info->si_addr);
    switch (number) {
    case SIGFPE:
        return FAULT_DIVIDE_BY_ZERO; /* si_addr is the instruction; only guest code runs here. */
    case SIGBUS:
        return fault == FAULT_MEMORY_OUT_OF_BOUNDS ? FAULT_INTERNAL : fault; /* no page to be had */
    default:
        return fault;
    }
}

/* A fault of the host: whoever handled it before does, or the default action follows when the
 * instruction runs again. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    const struct sigaction *previous = &previous_actions[number];
    if ((previous->sa_flags & SA_SIGINFO) && previous->sa_sigaction) {
        previous->sa_sigaction(number, info, context);
        return;
    }
    if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(number);
        return;
    }
    signal(number, SIG_DFL);
    if (info->si_code <= 0)
        raise(number);
}

static bool runs_guest_code(const struct engine_thread *thread, const void *context)
{
    return thread->in_guest && thread->current &&
           stack_contains(thread->current->stack, stack_pointer_of(context));
}

static void land(struct engine_thread *thread, enum fault fault, void *context)
{
    struct guest *guest = thread->current;
    thread->in_guest = 0;
    guest->fault = (sig_atomic_t)fault;
    stack_land_from_signal(guest->stack, guest->landing, context);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    struct engine_thread *thread = engine_thread_self();
    enum fault fault = FAULT_NONE;
    if (runs_guest_code(thread, context))
        fault = classify(thread->current, number, info);
    if (fault != FAULT_NONE)
        land(thread, fault, context);
    else
        pass_on(number, info, context);
    errno = saved_errno;
}

/* A timer's own signal clears its armed mark; then whatever is due is done, and the rest armed. */
static void on_deadline(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    const int saved_errno = errno;
    struct engine_thread *thread = engine_thread_self();
    if (thread->cpu_timer.armed_ns && deadline_cpu_ns() >= thread->cpu_timer.armed_ns)
        thread->cpu_timer.armed_ns = 0;
    if (thread->wall_timer.armed_ns && deadline_wall_ns() >= thread->wall_timer.armed_ns)
        thread->wall_timer.armed_ns = 0;
    const enum fault fault = deadline_due(thread);
    if (fault == FAULT_NONE) {
        if (thread->is_open)
            deadline_arm(thread);
    } else {
        thread->current->stop = (sig_atomic_t)fault;
        if (runs_guest_code(thread, context))
            land(thread, fault, context);
    }
    errno = saved_errno;
}

static void install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, deadline_signal());
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = on_fault;
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        if (sigaction(fault_signals[i], &action, &previous_actions[fault_signals[i]]) != 0)
            install_errno = errno;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    action.sa_sigaction = on_deadline;
    if (sigaction(deadline_signal(), &action, NULL) != 0)
        install_errno = errno;
}

bool trap_install(struct error *err)
{
    pthread_once(&install_once, install);
    if (install_errno)
        return error_errno(err, ERROR_INTERNAL, install_errno, "cannot install signal handlers");
    return true;
}

bool trap_unblock(struct error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, deadline_signal());
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        sigaddset(&signals, fault_signals[i]);
    const int number = pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    return number == 0 || error_errno(err, ERROR_INTERNAL, number, "cannot unblock signals");
}

bool trap_stack_open(struct engine_thread *thread, struct error *err)
{
    stack_t *previous = &thread->previous_signal_stack;
    if (sigaltstack(NULL, previous) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot read the signal stack");
    if (!(previous->ss_flags & SS_DISABLE) && previous->ss_size >= TRAP_STACK_SIZE)
        return true;
    char *mapping = mmap(NULL, TRAP_STACK_SIZE + PAGE_SIZE_HOST, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot map a signal stack");
    const stack_t stack = {.ss_sp = mapping + PAGE_SIZE_HOST, .ss_size = TRAP_STACK_SIZE};
    if (mprotect(mapping, PAGE_SIZE_HOST, PROT_NONE) != 0 || sigaltstack(&stack, NULL) != 0) {
        const int number = errno;
        munmap(mapping, TRAP_STACK_SIZE + PAGE_SIZE_HOST);
        return error_errno(err, ERROR_INTERNAL, number, "cannot set a signal stack");
    }
    thread->signal_stack = mapping;
    return true;
}

void trap_stack_close(struct engine_thread *thread)
{
    if (!thread->signal_stack)
        return;
    sigaltstack(&thread->previous_signal_stack, NULL);
    munmap(thread->signal_stack, TRAP_STACK_SIZE + PAGE_SIZE_HOST);
    thread->signal_stack = NULL;
}
