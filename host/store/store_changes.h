/* SPDX-License-Identifier: MIT */
/*
 * Word between the processes of one workspace that activation or schedules have changed: a counter in
 * a small file beside the store that all of them map. Looking costs a load from memory, so a request
 * can afford it; waiting costs nothing until something happens. Thread-safe.
 */
#ifndef STORE_STORE_CHANGES_H
#define STORE_STORE_CHANGES_H
#include <stdint.h>

#include "base/error.h"

struct store;

/* A number that differs from an earlier one if a change was told in between, by any process. */
uint32_t store_changes(const struct store *store);

/* Tells all processes; after the change is durable. */
void store_tell_change(struct store *store);

#define STORE_WAIT_FOREVER INT64_MAX

/*
 * Returns when the number is not `seen` any more, or the system's clock shows until_ms, however it got
 * there: a clock that is set forward ends the wait too. May return early.
 */
void store_wait_change(struct store *store, uint32_t seen, int64_t until_ms);
#endif
