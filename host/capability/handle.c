/* SPDX-License-Identifier: MIT */
/* A handle is generation (21 bits) · kind (2 bits) · slot (8 bits): always positive, never 0. */
#include "capability/handle.h"

#include <stddef.h>

#define SLOT_BITS 8u
#define KIND_BITS 2u
#define GENERATION_MAX 0x1FFFFFu

_Static_assert(SLUICE_HANDLES_MAX <= 1u << SLOT_BITS, "a slot number fits its bits");

static uint32_t encode(uint32_t slot, const struct handle_slot *at)
{
    return at->generation << (SLOT_BITS + KIND_BITS) | (uint32_t)at->kind << SLOT_BITS | slot;
}

static struct handle_slot *find(const struct handle_table *table, uint32_t handle)
{
    uint32_t slot = handle & ((1u << SLOT_BITS) - 1);
    const struct handle_slot *at = &table->slots[slot];
    if (at->kind == HANDLE_FREE || encode(slot, at) != handle)
        return NULL;
    return (struct handle_slot *)at;
}

int32_t handle_open(struct handle_table *table, enum handle_kind kind, void *object,
                    handle_release_fn *release)
{
    for (uint32_t i = 0; i < SLUICE_HANDLES_MAX; i++) {
        struct handle_slot *slot = &table->slots[i];
        if (slot->kind != HANDLE_FREE)
            continue;
        slot->generation = slot->generation >= GENERATION_MAX ? 1 : slot->generation + 1;
        slot->kind = kind;
        slot->object = object;
        slot->release = release;
        table->count++;
        return (int32_t)encode(i, slot);
    }
    return 0;
}

void *handle_get(const struct handle_table *table, uint32_t handle, enum handle_kind kind)
{
    const struct handle_slot *slot = find(table, handle);
    return slot && slot->kind == kind ? slot->object : NULL;
}

static void release_slot(struct handle_table *table, struct handle_slot *slot)
{
    void *object = slot->object;
    handle_release_fn *release = slot->release;
    slot->kind = HANDLE_FREE;
    slot->object = NULL;
    slot->release = NULL;
    table->count--;
    if (release)
        release(object);
}

bool handle_close(struct handle_table *table, uint32_t handle)
{
    struct handle_slot *slot = find(table, handle);
    if (!slot)
        return false;
    release_slot(table, slot);
    return true;
}

void handle_close_all(struct handle_table *table)
{
    for (uint32_t i = 0; i < SLUICE_HANDLES_MAX && table->count > 0; i++)
        if (table->slots[i].kind != HANDLE_FREE)
            release_slot(table, &table->slots[i]);
}
