/* SPDX-License-Identifier: MIT */
/*
 * Handles: numbers that a guest holds for what the host holds. A handle carries its slot, the
 * slot's generation and the kind, so that a closed, forged or mistaken one is recognised.
 * One table per execution, one thread.
 */
#ifndef CAPABILITY_HANDLE_H
#define CAPABILITY_HANDLE_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/abi.h"

enum handle_kind { HANDLE_FREE, HANDLE_FILE, HANDLE_LISTING, HANDLE_RESPONSE };

typedef void handle_release_fn(void *object);

struct handle_slot {
    enum handle_kind kind;
    uint32_t generation;
    void *object;
    handle_release_fn *release; /* NULL: borrowed */
};

struct handle_table {
    struct handle_slot slots[SLUICE_HANDLES_MAX];
    uint32_t count; /* open handles */
};

/* A positive handle, or 0 when SLUICE_HANDLES_MAX are open (object is then still the caller's). */
int32_t handle_open(struct handle_table *table, enum handle_kind kind, void *object,
                    handle_release_fn *release);

/* The object, or NULL: not open, of another kind, or not a handle at all. */
void *handle_get(const struct handle_table *table, uint32_t handle, enum handle_kind kind);

/* Releases a handle of any kind; false: not open. */
bool handle_close(struct handle_table *table, uint32_t handle);

void handle_close_all(struct handle_table *table);
#endif
