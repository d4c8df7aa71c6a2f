/* SPDX-License-Identifier: MIT */
/*
 * The memory of a module right after instantiation, sealed in a memfd: what every slot starts from
 * and returns to. Immutable once made; shared by all threads.
 */
#ifndef ENGINE_IMAGE_H
#define ENGINE_IMAGE_H
#include <stdint.h>

#include "base/error.h"

#define IMAGE_PAGE_SIZE 4096u /* the unit of restoring; the machine's page is a multiple */

struct image {
    bool is_made;
    int fd;
    uint64_t size;       /* bytes, a multiple of 64 KiB; 0 is possible */
    const uint8_t *view; /* the same bytes, read-only */
};

/* Copies size bytes of memory; blocks of zeros stay holes. */
MUST_USE bool image_make(struct image *image, const uint8_t *memory, uint64_t size,
                         struct error *err);
void image_release(struct image *image); /* one that was never made is fine */

/* Puts a copy-on-write view of the image at memory, replacing what is mapped there. */
MUST_USE bool image_map(const struct image *image, uint8_t *memory, struct error *err);

/* Pages that executions use anyway; ascending, apart from each other. */
#define IMAGE_RUNS_MAX 4u
#define IMAGE_HOT_PAGES_MAX 32u

struct image_run {
    uint32_t first; /* page */
    uint32_t count;
};

struct image_hot {
    uint32_t run_count;
    struct image_run runs[IMAGE_RUNS_MAX];
};

/* Copies the hot pages back to memory. */
void image_restore(const struct image *image, uint8_t *memory, const struct image_hot *hot);

/* Finds which pages the mapping at memory has by now; none where that cannot be learned. */
void image_learn(const struct image *image, const uint8_t *memory, struct image_hot *hot);
#endif
