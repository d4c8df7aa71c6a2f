/* SPDX-License-Identifier: MIT */
/*
 * Word between the processes of one workspace that activation or schedules have changed: a counter in
 * a small file beside the store that all of them map. Looking costs a load from memory, so a request
 * can afford it; waiting costs nothing until something happens. Thread-safe but for the watch, which
 * belongs to one thread.
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

struct store_watch;

MUST_USE bool store_watch_open(struct store_watch **out, struct store *store, struct error *err);
void store_watch_close(struct store_watch *watch); /* NULL is fine */

#define STORE_WATCH_FOREVER INT64_MAX

/*
 * Returns when the number is not `seen` any more, when the system's clock shows until_ms, or when that
 * clock is set, forward or back; looked_ms is what it showed when until_ms was reckoned. May return early.
 */
void store_watch_wait(struct store_watch *watch, uint32_t seen, int64_t looked_ms, int64_t until_ms);
#endif
