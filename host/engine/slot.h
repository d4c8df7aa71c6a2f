/* SPDX-License-Identifier: MIT */
/*
 * Slots: address space that one instance of one module lives in, kept by the thread that made it.
 * A slot's memory is a copy-on-write view of the module's image (its memory right after
 * instantiation); taking a slot costs nothing, giving it back a copy of the pages that are always
 * used and an madvise for what lies between and behind them.
 *
 * Reservation, low to high: the instance's memory | no access up to 8 GiB, so that any 32-bit
 * address plus any 32-bit offset stays inside | guard. Belongs to one thread.
 */
#ifndef ENGINE_SLOT_H
#define ENGINE_SLOT_H
#include "engine/image.h"
#include "engine/thread.h"
#include "wasm-rt/wasm-rt.h"

#define SLOT_PAGE_SIZE 65536u
#define SLOT_GUARD_SIZE (UINT64_C(1) << 20)
#define SLOT_RESERVATION_SIZE ((UINT64_C(8) << 30) + SLOT_GUARD_SIZE)

/* Idle and busy slots of one thread; the least recently used idle one makes room. 16 slots are
 * 128 GiB of address space: with 47 bits a thousand threads can have theirs. */
#define SLOT_COUNT_MAX 16u

/* Hot pages stay resident with each slot; they are learned after the first run and again after 16,
 * 256, ... */
#define SLOT_LEARN_STEP 16u

struct slot {
    struct slot *next; /* more recently used ones come first */
    struct module *module; /* holds a reference */
    bool is_busy;
    uint8_t *memory;
    uint64_t open_size;  /* bytes that are accessible now */
    struct image_hot hot; /* pages that are written back, not dropped */
    uint64_t runs;
    uint64_t learn_at;   /* the run after which hot pages are looked for again */
    void *instance;
    void *pristine; /* the instance struct as it was after instantiation */
    wasm_rt_memory_t *memory_info;
    struct guest guest;
};

/* A slot of module ready to run. ERROR_LIMIT, ERROR_INTERNAL; ERROR_INVALID: the module traps
 * while it is instantiated (a data segment outside its memory). */
MUST_USE bool slot_acquire(struct engine_thread *thread, struct module *module, struct slot **out,
                           struct error *err);

/* Wipes the slot and keeps it for the next execution. */
void slot_release(struct engine_thread *thread, struct slot *slot);

/* Frees idle slots: of closed modules only, or all. */
void slot_drop_closed(struct engine_thread *thread);
void slot_drop_all(struct engine_thread *thread);

static inline uint8_t *slot_memory(const struct slot *slot)
{
    return slot->memory;
}

/* Makes the first `size` bytes of the memory accessible (size is a multiple of SLOT_PAGE_SIZE). */
bool slot_open_memory(struct slot *slot, uint64_t size);
#endif
