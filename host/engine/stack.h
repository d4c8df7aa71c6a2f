/* SPDX-License-Identifier: MIT */
/*
 * Native stacks that guests run on, and the switch to and from them. A guest's recursion then ends
 * in a guard of its own instead of the thread's, and a landing is one restored stack pointer: no
 * setjmp, no signal mask, no libc in between. Belongs to one thread.
 *
 * Layout, low to high: guard (no access) | reserve for host code in imports | guest part.
 */
#ifndef ENGINE_STACK_H
#define ENGINE_STACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define STACK_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define STACK_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_ASAN 1
#elif __has_feature(thread_sanitizer)
#define STACK_TSAN 1
#endif
#endif

/* Wider than the largest frame a verified function can have (10,000 locals and temporaries). */
#define STACK_GUARD_SIZE (1u << 20)
/* What an import may count on below the guest's frames: enough for resolvers and TLS libraries,
 * which ask for some hundred KiB. Pages are only made when touched. */
#define STACK_HOST_RESERVE (1u << 20)
#define STACK_GUEST_SIZE (1u << 20)

struct stack {
    char *mapping;    /* lowest address of the guard */
    const void *host_bottom; /* of the stack it was entered from; for AddressSanitizer only */
    size_t host_size;
    void *fiber; /* what runs on it, to ThreadSanitizer; NULL: not yet */
};

typedef void stack_fn(void *context);

MUST_USE bool stack_open(struct stack *stack, struct error *err);
void stack_close(struct stack *stack); /* a zeroed one is fine */

/* Gives back the pages that a deep recursion touched. Not while something runs on the stack. */
void stack_trim(struct stack *stack);

/* Runs fn(context) on stack. *landing is set before fn begins. Returns false when fn returned and
 * true when somebody landed. */
bool stack_run(struct stack *stack, stack_fn *fn, void *context, void *volatile *landing);

/* Abandons what runs on stack: stack_run returns true. Only from code running on it. */
_Noreturn void stack_land(struct stack *stack, void *landing);

/* For signal handlers: makes the interrupted code, which runs on stack, land when the handler
 * returns. ucontext is the handler's third argument. */
void stack_land_from_signal(struct stack *stack, void *landing, void *ucontext);

/* The stack pointer that a signal interrupted. */
uintptr_t stack_pointer_of(const void *ucontext);

/* Bytes of the guest's part below address, or 0; and where an address belongs. */
static inline bool stack_has_reserve(const struct stack *stack, const void *address)
{
    return (uintptr_t)address >=
           (uintptr_t)stack->mapping + STACK_GUARD_SIZE + STACK_HOST_RESERVE;
}

static inline bool stack_contains(const struct stack *stack, uintptr_t address)
{
    return address - (uintptr_t)stack->mapping <
           (uintptr_t)STACK_GUARD_SIZE + STACK_HOST_RESERVE + STACK_GUEST_SIZE;
}

static inline bool stack_guard_contains(const struct stack *stack, uintptr_t address)
{
    return address - (uintptr_t)stack->mapping < STACK_GUARD_SIZE;
}
#endif
