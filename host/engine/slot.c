/* SPDX-License-Identifier: MIT */
/* See slot.h. Accessible bytes are tracked before they become so: a landing in the middle of a
 * growth leaves nothing that slot_release would not wipe. */
#include "engine/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/metrics.h"
#include "engine/module_private.h"

bool slot_open_memory(struct slot *slot, uint64_t size)
{
    if (size <= slot->open_size)
        return true;
    const uint64_t before = slot->open_size;
    slot->open_size = size;
    if (mprotect(slot->memory + before, size - before, PROT_READ | PROT_WRITE) == 0)
        return true;
    slot->open_size = before;
    return false;
}

static bool drop_pages(const struct slot *slot, uint64_t from, uint64_t to)
{
    return from >= to || madvise(slot->memory + from, to - from, MADV_DONTNEED) == 0;
}

/* The pages that executions of this module use anyway are written back (70 ns each); dropping and
 * faulting them in again costs 1,600. All others are dropped, whether touched or not. */
static bool wipe_image(struct slot *slot)
{
    const struct image *image = &slot->module->image;
    if (slot->learn_at == ++slot->runs) {
        image_learn(image, slot->memory, &slot->hot);
        slot->learn_at *= SLOT_LEARN_STEP;
    }
    image_restore(image, slot->memory, &slot->hot);
    uint64_t at = 0;
    bool ok = true;
    for (uint32_t i = 0; i < slot->hot.run_count && ok; i++) {
        const uint64_t begin = (uint64_t)slot->hot.runs[i].first * IMAGE_PAGE_SIZE;
        ok = drop_pages(slot, at, begin);
        at = begin + (uint64_t)slot->hot.runs[i].count * IMAGE_PAGE_SIZE;
    }
    return ok && drop_pages(slot, at, slot->open_size);
}

/* The memory goes back to the image's content; what lies behind it, to no access and no content. */
static bool wipe_memory(struct slot *slot)
{
    const uint64_t image_size = slot->module->image.size;
    if (!wipe_image(slot))
        return false;
    const uint64_t grown = slot->open_size - image_size;
    if (grown > 0 && mprotect(slot->memory + image_size, grown, PROT_NONE) != 0)
        return false;
    slot->open_size = image_size;
    return true;
}

static void slot_free(struct slot *slot)
{
    metric_add(METRIC_SLOTS, -1);
    if (slot->instance) /* Zeroed or half made is fine: it frees what is there. */
        slot->module->entry->release(slot->instance);
    if (slot->memory)
        munmap(slot->memory, SLOT_RESERVATION_SIZE);
    free(slot->instance);
    free(slot->pristine);
    module_release(slot->module);
    free(slot);
}

static bool ensure_image(struct module *module, const struct slot *slot, struct error *err)
{
    pthread_mutex_lock(&module->image_lock);
    const bool ok = module->image.is_made ||
                    image_make(&module->image, slot->memory, slot->memory_info->size, err);
    pthread_mutex_unlock(&module->image_lock);
    return ok;
}

static void instantiate(void *context)
{
    struct slot *slot = context;
    slot->module->entry->instantiate(slot->instance, &slot->guest);
    slot->memory_info = slot->module->entry->memory(slot->instance);
}

/* Instantiation runs generated code, so it gets a stack and a landing as an execution does. */
static bool run_instantiate(struct engine_thread *thread, struct slot *slot, struct error *err)
{
    struct guest *outer = thread->current;
    struct guest *guest = &slot->guest;
    const unsigned depth = outer ? outer->depth + 1 : 0;
    *guest = (struct guest){.thread = thread, .outer = outer, .slot = slot, .depth = depth,
                            .stack = &thread->stacks[depth], .cpu_deadline_ns = INT64_MAX,
                            .wall_deadline_ns = INT64_MAX};
    thread->current = guest;
    thread->instantiating = slot;
    const bool landed = stack_run(guest->stack, instantiate, slot, &guest->landing);
    thread->instantiating = NULL;
    thread->current = outer;
    if (landed || !slot->memory_info)
        return error_set(err, ERROR_INVALID, "the module cannot be instantiated: %s",
                         fault_name((enum fault)guest->fault));
    return true;
}

static bool slot_fill(struct engine_thread *thread, struct slot *slot, struct error *err)
{
    const uint32_t size = slot->module->entry->instance_size;
    slot->instance = calloc(1, size);
    slot->pristine = malloc(size);
    if (!slot->instance || !slot->pristine)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    void *memory = mmap(NULL, SLOT_RESERVATION_SIZE, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return error_errno(err, ERROR_LIMIT, errno,
                           "cannot reserve 8 GiB of address space for a sandbox");
    slot->memory = memory;
    if (!run_instantiate(thread, slot, err) || !ensure_image(slot->module, slot, err) ||
        !image_map(&slot->module->image, slot->memory, err))
        return false;
    memcpy(slot->pristine, slot->instance, size);
    return true;
}

static struct slot *slot_new(struct engine_thread *thread, struct module *module, struct error *err)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    metric_add(METRIC_SLOTS, 1);
    slot->module = module;
    slot->learn_at = 1;
    module_retain(module);
    if (slot_fill(thread, slot, err))
        return slot;
    slot_free(slot);
    return NULL;
}

typedef bool slot_test_fn(const struct slot *slot);

static bool is_idle(const struct slot *slot)
{
    return !slot->is_busy;
}

static bool is_idle_and_closed(const struct slot *slot)
{
    return !slot->is_busy && atomic_load(&slot->module->is_closed);
}

static void drop_if(struct engine_thread *thread, slot_test_fn *test)
{
    struct slot **link = &thread->slots;
    while (*link) {
        struct slot *slot = *link;
        if (!test(slot)) {
            link = &slot->next;
            continue;
        }
        *link = slot->next;
        thread->slot_count--;
        slot_free(slot);
    }
}

void slot_drop_closed(struct engine_thread *thread)
{
    drop_if(thread, is_idle_and_closed);
}

void slot_drop_all(struct engine_thread *thread)
{
    drop_if(thread, is_idle);
}

static void drop_least_recent(struct engine_thread *thread)
{
    struct slot **oldest = NULL;
    for (struct slot **link = &thread->slots; *link; link = &(*link)->next)
        if (!(*link)->is_busy)
            oldest = link;
    if (!oldest)
        return;
    struct slot *slot = *oldest;
    *oldest = slot->next;
    thread->slot_count--;
    slot_free(slot);
}

static struct slot *take_idle(struct engine_thread *thread, const struct module *module)
{
    for (struct slot **link = &thread->slots; *link; link = &(*link)->next) {
        struct slot *slot = *link;
        if (slot->module != module || slot->is_busy)
            continue;
        *link = slot->next;
        slot->next = thread->slots;
        thread->slots = slot;
        return slot;
    }
    return NULL;
}

bool slot_acquire(struct engine_thread *thread, struct module *module, struct slot **out,
                  struct error *err)
{
    struct slot *slot = take_idle(thread, module);
    if (!slot) {
        slot_drop_closed(thread);
        if (thread->slot_count >= SLOT_COUNT_MAX)
            drop_least_recent(thread);
        slot = slot_new(thread, module, err);
        if (!slot)
            return false;
        slot->next = thread->slots;
        thread->slots = slot;
        thread->slot_count++;
    }
    slot->is_busy = true;
    metric_add(METRIC_SLOTS_BUSY, 1);
    *out = slot;
    return true;
}

void slot_release(struct engine_thread *thread, struct slot *slot)
{
    slot->is_busy = false;
    metric_add(METRIC_SLOTS_BUSY, -1);
    memcpy(slot->instance, slot->pristine, slot->module->entry->instance_size);
    if (wipe_memory(slot))
        return;
    for (struct slot **link = &thread->slots; *link; link = &(*link)->next) {
        if (*link == slot) { /* A slot that cannot be wiped is never used again. */
            *link = slot->next;
            thread->slot_count--;
            slot_free(slot);
            return;
        }
    }
}
