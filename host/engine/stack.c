/* SPDX-License-Identifier: MIT */
/*
 * See stack.h. The switch is a call on another stack: callee-saved registers go to the host's
 * stack, whose pointer is the landing. Returning and landing end in the same instructions.
 * The sanitizers are told of each switch.
 */
#include "engine/stack.h"

#include <errno.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef STACK_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef STACK_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define STACK_SIZE ((size_t)STACK_GUARD_SIZE + STACK_HOST_RESERVE + STACK_GUEST_SIZE)

#define STACK_KEEP_SIZE ((size_t)64 << 10) /* of a stack's top stays when it is trimmed */

/* Calls fn(context) with the stack pointer at top; 0 when it returned, 1 when it landed. */
int sluice_stack_enter(void *top, stack_fn *fn, void *context, void *volatile *landing);
_Noreturn void sluice_stack_land(void *landing);

#if defined(__x86_64__)
/* rbx, saved like the rest, keeps the host's stack pointer while fn runs. */
__asm__(".text\n"
        ".globl sluice_stack_enter\n"
        ".hidden sluice_stack_enter\n"
        ".type sluice_stack_enter,@function\n"
        "sluice_stack_enter:\n"
        ".cfi_startproc\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
        "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, %rbx\n"
        "    .cfi_def_cfa rbx, 56\n"
        "    .cfi_offset rbp, -16\n    .cfi_offset rbx, -24\n    .cfi_offset r12, -32\n"
        "    .cfi_offset r13, -40\n    .cfi_offset r14, -48\n    .cfi_offset r15, -56\n"
        "    movq %rsp, (%rcx)\n"
        "    movq %rdi, %rsp\n"
        "    movq %rdx, %rdi\n"
        "    callq *%rsi\n"
        "    movq %rbx, %rsp\n"
        "    xorl %eax, %eax\n"
        "1:  popq %r15\n    popq %r14\n    popq %r13\n"
        "    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    retq\n"
        ".cfi_endproc\n"
        ".size sluice_stack_enter, .-sluice_stack_enter\n"
        ".globl sluice_stack_land\n"
        ".hidden sluice_stack_land\n"
        ".type sluice_stack_land,@function\n"
        "sluice_stack_land:\n"
        "    movq %rdi, %rsp\n"
        "    cld\n"
        "    movl $1, %eax\n"
        "    jmp 1b\n"
        ".size sluice_stack_land, .-sluice_stack_land\n");

uintptr_t stack_pointer_of(const void *ucontext)
{
    return (uintptr_t)((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RSP];
}

static void set_landing(ucontext_t *ucontext, void *landing)
{
    ucontext->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)sluice_stack_land;
    ucontext->uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)landing;
    ucontext->uc_mcontext.gregs[REG_RDI] = (greg_t)(uintptr_t)landing;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl sluice_stack_enter\n"
        ".hidden sluice_stack_enter\n"
        ".type sluice_stack_enter,%function\n"
        "sluice_stack_enter:\n"
        "    stp x29, x30, [sp, #-160]!\n"
        "    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n    stp x25, x26, [sp, #64]\n"
        "    stp x27, x28, [sp, #80]\n    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x19, sp\n"
        "    str x19, [x3]\n"
        "    mov sp, x0\n"
        "    mov x0, x2\n"
        "    blr x1\n"
        "    mov sp, x19\n"
        "    mov w0, #0\n"
        "1:  ldp d14, d15, [sp, #144]\n"
        "    ldp d12, d13, [sp, #128]\n    ldp d10, d11, [sp, #112]\n"
        "    ldp d8, d9, [sp, #96]\n    ldp x27, x28, [sp, #80]\n"
        "    ldp x25, x26, [sp, #64]\n    ldp x23, x24, [sp, #48]\n"
        "    ldp x21, x22, [sp, #32]\n    ldp x19, x20, [sp, #16]\n"
        "    ldp x29, x30, [sp], #160\n"
        "    ret\n"
        ".size sluice_stack_enter, .-sluice_stack_enter\n"
        ".globl sluice_stack_land\n"
        ".hidden sluice_stack_land\n"
        ".type sluice_stack_land,%function\n"
        "sluice_stack_land:\n"
        "    mov sp, x0\n"
        "    mov w0, #1\n"
        "    b 1b\n"
        ".size sluice_stack_land, .-sluice_stack_land\n");

uintptr_t stack_pointer_of(const void *ucontext)
{
    return (uintptr_t)((const ucontext_t *)ucontext)->uc_mcontext.sp;
}

static void set_landing(ucontext_t *ucontext, void *landing)
{
    ucontext->uc_mcontext.pc = (uintptr_t)sluice_stack_land;
    ucontext->uc_mcontext.sp = (uintptr_t)landing;
    ucontext->uc_mcontext.regs[0] = (uintptr_t)landing;
}
#else
#error "the stack switch is written for x86-64 and AArch64 only"
#endif

struct entry {
    struct stack *stack;
    stack_fn *fn;
    void *context;
};

#ifdef STACK_ASAN
static char *stack_bottom(const struct stack *stack)
{
    return stack->mapping + STACK_GUARD_SIZE;
}

static void begin_leave(struct stack *stack)
{
    __sanitizer_start_switch_fiber(NULL, stack->host_bottom, stack->host_size);
}
#else
static void begin_leave(struct stack *stack)
{
    (void)stack;
}
#endif

/* ThreadSanitizer keeps a list of the callers on a stack of its own, a fiber. That of abandoned code
 * would grow with each landing, so it goes with it. */
#ifdef STACK_TSAN
static void fiber_close(struct stack *stack)
{
    if (stack->fiber)
        __tsan_destroy_fiber(stack->fiber);
    stack->fiber = NULL;
}

static int enter(struct stack *stack, stack_fn *fn, void *context, void *volatile *landing)
{
    void *const host = __tsan_get_current_fiber();
    if (!stack->fiber)
        stack->fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(stack->fiber, 0);
    const int landed = sluice_stack_enter(stack->mapping + STACK_SIZE, fn, context, landing);
    __tsan_switch_to_fiber(host, 0);
    if (landed)
        fiber_close(stack);
    return landed;
}
#else
static void fiber_close(struct stack *stack)
{
    (void)stack;
}

static int enter(struct stack *stack, stack_fn *fn, void *context, void *volatile *landing)
{
    return sluice_stack_enter(stack->mapping + STACK_SIZE, fn, context, landing);
}
#endif

static void run_entry(void *context)
{
    const struct entry *entry = context;
#ifdef STACK_ASAN
    __sanitizer_finish_switch_fiber(NULL, &entry->stack->host_bottom, &entry->stack->host_size);
#endif
    entry->fn(entry->context);
    begin_leave(entry->stack);
}

bool stack_open(struct stack *stack, struct error *err)
{
    *stack = (struct stack){0};
    char *mapping = mmap(NULL, STACK_SIZE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot reserve a guest stack");
    if (mprotect(mapping + STACK_GUARD_SIZE, STACK_SIZE - STACK_GUARD_SIZE,
                 PROT_READ | PROT_WRITE) != 0) {
        const int number = errno;
        munmap(mapping, STACK_SIZE);
        return error_errno(err, ERROR_INTERNAL, number, "cannot open a guest stack");
    }
    stack->mapping = mapping;
    return true;
}

void stack_close(struct stack *stack)
{
    fiber_close(stack);
    if (stack->mapping)
        munmap(stack->mapping, STACK_SIZE);
    *stack = (struct stack){0};
}

void stack_trim(struct stack *stack)
{
    madvise(stack->mapping + STACK_GUARD_SIZE, STACK_SIZE - STACK_GUARD_SIZE - STACK_KEEP_SIZE,
            MADV_DONTNEED);
}

bool stack_run(struct stack *stack, stack_fn *fn, void *context, void *volatile *landing)
{
    struct entry entry = {stack, fn, context};
#ifdef STACK_ASAN
    void *fake_stack = NULL;
    __sanitizer_start_switch_fiber(&fake_stack, stack_bottom(stack), STACK_SIZE - STACK_GUARD_SIZE);
#endif
    const int landed = enter(stack, run_entry, &entry, landing);
#ifdef STACK_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
    if (landed) /* Abandoned host frames leave red zones behind. */
        __asan_unpoison_memory_region(stack_bottom(stack), STACK_SIZE - STACK_GUARD_SIZE);
#endif
    return landed != 0;
}

void stack_land(struct stack *stack, void *landing)
{
    begin_leave(stack);
    sluice_stack_land(landing);
}

void stack_land_from_signal(struct stack *stack, void *landing, void *ucontext)
{
    begin_leave(stack);
    set_landing(ucontext, landing);
}
