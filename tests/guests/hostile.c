/* SPDX-License-Identifier: MIT */
/*
 * A guest that misbehaves in the way its host asks for: the first argument's role is played by the
 * import sluice_flow.input, which writes one byte saying which. Run by tests/unit/test_engine_*.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

#define IMPORT(name) __attribute__((import_module("sluice_flow"), import_name(name)))

IMPORT("input") int32_t flow_input(void *data, uint32_t capacity);
IMPORT("input") int32_t flow_input_raw(uint32_t address, uint32_t size);
IMPORT("attachment") int32_t flow_attachment(void);

typedef int unary_fn(int value);
typedef int64_t wide_fn(int64_t value);

static int twice(int value)
{
    return 2 * value;
}

static int next(int value)
{
    return value + 1;
}

static unary_fn *volatile functions[] = {twice, next};
static volatile int sink;
static volatile int zero;

static __attribute__((noinline)) int recurse_native(int depth)
{
    if (depth == sink)
        return 0;
    const int below = recurse_native(depth + 1); /* no local in memory */
    return below + sink; /* a volatile read behind the call: it cannot become a loop */
}

static __attribute__((noinline)) int recurse_shadow(int depth)
{
    volatile char local[512];
    local[depth & 511] = (char)depth;
    return depth < 0 ? 0 : recurse_shadow(depth + 1) + local[depth & 511];
}

/* The host needs stack, too: an import at every depth. */
static __attribute__((noinline)) int import_at_depth(int depth)
{
    flow_attachment();
    if (depth == sink)
        return 0;
    const int below = import_at_depth(depth + 1);
    return below + sink;
}

static int grow(void)
{
    size_t pages = 0;
    while (__builtin_wasm_memory_grow(0, 1) != (size_t)-1)
        pages++;
    char *volatile more = malloc(8 << 20);
    if (more)
        return 1; /* must be NULL: the ceiling was reached */
    return (int)pages == 0 ? 2 : 0;
}

/* Memory that an execution grew must not be seen by the next one. */
static int look_behind(void)
{
    const size_t before = __builtin_wasm_memory_grow(0, 4);
    volatile char *fresh = (volatile char *)(before << 16);
    int found = 0;
    for (size_t i = 0; i < 4 << 16; i += 64) {
        found |= fresh[i];
        fresh[i] = 'x';
    }
    static volatile char kept;
    found |= kept;
    kept = 'y';
    return found ? 1 : 0;
}

/* Marks all memory that it does not use itself, and looks for the marks of an earlier execution. */
static int mark(void)
{
    extern char __heap_base;
    char here;
    const uint32_t marker = 0x5AFEC0DE;
    const uintptr_t end = __builtin_wasm_memory_size(0) << 16;
    int found = 0;
    for (uintptr_t at = 0; at < end; at += 256) {
        volatile uint32_t *word = (volatile uint32_t *)at;
        if (at > (uintptr_t)&here - 4096 && at < (uintptr_t)&__heap_base)
            continue;
        found |= *word == marker;
        *word = marker;
    }
    return found;
}

static int compute(void)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < 1000; i++)
        hash = (hash ^ (uint8_t)functions[i & 1]((int)i)) * 16777619u;
    return hash == 0 ? 1 : 0;
}

static int misbehave(enum hostile_act act)
{
    switch (act) {
    case ACT_NOTHING: return 0;
    case ACT_COMPUTE: return compute();
    case ACT_STATUS: return 7;
    case ACT_EXIT: exit(9);
    case ACT_SPIN: for (;;) sink++;
    case ACT_SPIN_EMPTY: for (;;) __asm__ volatile("");
    case ACT_RECURSE_NATIVE: sink = -2; return recurse_native(0);
    case ACT_RECURSE_SHADOW: return recurse_shadow(0);
    case ACT_IMPORT_AT_DEPTH: sink = -2; return import_at_depth(0);
    case ACT_GROW: return grow();
    case ACT_LOOK_BEHIND: return look_behind();
    case ACT_MARK: return mark();
    case ACT_LOAD_FAR: return *(volatile int *)0x70000000;
    case ACT_LOAD_EDGE: return *(volatile int *)((__builtin_wasm_memory_size(0) << 16) - 3);
    case ACT_STORE_FAR: *(volatile int *)0x70000000 = 1; return 0;
    case ACT_BULK: memset((void *)(uintptr_t)0xC0000000u, 1, (size_t)sink + 4096); return 0;
    case ACT_CALL_FAR: return ((unary_fn *)(uintptr_t)(sink + 100000))(1);
    case ACT_CALL_NULL: return ((unary_fn *)(uintptr_t)sink)(1);
    case ACT_CALL_MISMATCH: return (int)((wide_fn *)functions[sink & 1])(1);
    case ACT_DIVIDE: return 7 / zero;
    case ACT_DIVIDE_OVERFLOW: return (INT32_MIN + zero) / (zero - 1);
    case ACT_REMAINDER: return 7 % zero;
    case ACT_UNREACHABLE: __builtin_trap();
    case ACT_ABORT: abort();
    case ACT_CONVERT: {
        volatile float nothing = __builtin_nanf("");
        int32_t result;
        __asm__ volatile("local.get %1\n i32.trunc_f32_s\n local.set %0"
                         : "=r"(result)
                         : "r"(nothing));
        return result;
    }
    case ACT_BAD_WRAP: return flow_input_raw(0xFFFFFFF0u, 0x20);
    case ACT_BAD_STRADDLE: return flow_input_raw((__builtin_wasm_memory_size(0) << 16) - 1, 2);
    case ACT_BAD_LENGTH: return flow_input_raw(0, 0x80000000u);
    case ACT_BAD_END: return flow_input_raw(__builtin_wasm_memory_size(0) << 16, 1);
    case ACT_GOOD_END: return flow_input_raw(__builtin_wasm_memory_size(0) << 16, 0);
    case ACT_FLOOD: for (;;) flow_attachment();
    case ACT_CALL_CHILD: return flow_attachment();
    }
    return 3;
}

int main(void)
{
    uint8_t act = ACT_NOTHING;
    flow_input(&act, 1);
    return misbehave(act);
}
