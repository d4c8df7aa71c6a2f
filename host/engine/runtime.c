/* SPDX-License-Identifier: MIT */
/*
 * The functions that generated code calls (contract: wasm-rt/wasm-rt.h). They are exported from the
 * executable by name. Memory lives in the slot that is being instantiated or run on this thread;
 * nothing here may fail by aborting, so what cannot be had becomes a trap.
 */
#include "wasm-rt/wasm-rt.h"

#include <stdlib.h>

#include "engine/slot.h"
#include "engine/verifier.h"

static enum fault fault_of(wasm_rt_trap_t trap)
{
    switch (trap) {
    case WASM_RT_TRAP_OOB: return FAULT_MEMORY_OUT_OF_BOUNDS;
    case WASM_RT_TRAP_INT_OVERFLOW: return FAULT_INTEGER_OVERFLOW;
    case WASM_RT_TRAP_DIV_BY_ZERO: return FAULT_DIVIDE_BY_ZERO;
    case WASM_RT_TRAP_INVALID_CONVERSION: return FAULT_INVALID_CONVERSION;
    case WASM_RT_TRAP_UNREACHABLE: return FAULT_UNREACHABLE;
    case WASM_RT_TRAP_CALL_INDIRECT: return FAULT_INDIRECT_CALL_MISMATCH;
    case WASM_RT_TRAP_EXHAUSTION: return FAULT_STACK_EXHAUSTED;
    default: return FAULT_INTERNAL;
    }
}

void wasm_rt_trap(wasm_rt_trap_t trap)
{
    guest_land(engine_thread_self()->current, fault_of(trap));
}

bool wasm_rt_is_initialized(void)
{
    return true;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t initial_pages, uint64_t max_pages,
                             bool is64, uint32_t page_size)
{
    struct slot *slot = engine_thread_self()->instantiating;
    const uint64_t size = initial_pages * SLOT_PAGE_SIZE;
    if (!slot || is64 || page_size != SLOT_PAGE_SIZE || initial_pages > max_pages ||
        max_pages > VERIFIER_MEMORY_PAGES_MAX || !slot_open_memory(slot, size))
        guest_land(engine_thread_self()->current, FAULT_INTERNAL);
    *memory = (wasm_rt_memory_t){.data = slot->memory,
                                 .data_end = slot->memory + size,
                                 .page_size = page_size,
                                 .pages = initial_pages,
                                 .max_pages = max_pages,
                                 .size = size};
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t pages)
{
    struct guest *guest = engine_thread_self()->current;
    const uint64_t before = memory->pages;
    uint64_t limit = memory->max_pages;
    if (limit > guest->memory_pages_max)
        limit = guest->memory_pages_max;
    if (before > limit || pages > limit - before)
        return (uint64_t)-1;
    if (pages == 0)
        return before;
    guest_border_enter(guest);
    const uint64_t size = (before + pages) * SLOT_PAGE_SIZE;
    const bool is_open = slot_open_memory(guest->slot, size);
    if (is_open) {
        memory->pages = before + pages;
        memory->size = size;
        memory->data_end = memory->data + size;
    }
    guest_border_leave(guest);
    return is_open ? before : (uint64_t)-1;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory)
{
    *memory = (wasm_rt_memory_t){0}; /* The reservation is the slot's. */
}

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements,
                                    uint32_t max_elements)
{
    wasm_rt_funcref_t *data = calloc((size_t)elements + 1, sizeof *data);
    if (!data)
        guest_land(engine_thread_self()->current, FAULT_INTERNAL);
    *table = (wasm_rt_funcref_table_t){.data = data, .max_size = max_elements, .size = elements};
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table)
{
    free(table->data);
    *table = (wasm_rt_funcref_table_t){0};
}
