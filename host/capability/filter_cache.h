/* SPDX-License-Identifier: MIT */
/*
 * The customisations that a process has opened, by the SHA-256 of their files. Each is copied to
 * modules/<digest> in the state folder, so that an instance which goes on later, or is replayed, finds
 * the very ones that it began with. What was opened stays open until the cache is freed. Thread-safe.
 */
#ifndef CAPABILITY_FILTER_CACHE_H
#define CAPABILITY_FILTER_CACHE_H
#include "capability/filter.h"
#include "workspace/workspace.h"

/* The module that applies mappings, in the folder of the compiled flows. */
#define FILTER_MAPPING_MODULE "mapping.wasm"
#define FILTER_MAPPING_SIZE_MAX (1u << 20) /* bytes of a mapping.json */

struct filter_cache;

/* workspace is borrowed. NULL: no memory. */
struct filter_cache *filter_cache_new(const struct workspace *workspace);
void filter_cache_free(struct filter_cache *cache); /* NULL is fine; no set may be in use */

/* Fills the rest of filter, whose name is set, from the file at path: a program by its ending ".wasm", else
 * a mapping. Its signature is checked before anything else (signature.h): one by a key in the workspace's
 * trusted_keys must be there, unless the setting allows unsigned ones; one that is there must fit. False:
 * filter->problem says why it cannot be used (signature, the verifier's refusal, no such file). */
bool filter_cache_add(struct filter_cache *cache, const char *path, struct filter *filter);

/* Says that an instance is about to begin with filter, which was added: its copy stays for as long as that
 * needs it (kept_file.h). False: the copy is gone, add it again. */
bool filter_cache_use(const struct filter_cache *cache, const struct filter *filter);

/* The same from the copy of the file with that digest, which was checked before it was kept. */
bool filter_cache_find(struct filter_cache *cache, const char *digest, struct filter *filter);
#endif
