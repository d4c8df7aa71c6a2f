/* SPDX-License-Identifier: MIT */
/* See image.h. */
#include "engine/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEARN_PAGES_MAX 4096u /* pages of an image that learning looks at: 16 MiB */
#define RUN_GAP_MAX 4u /* pages */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)

static bool write_blocks(int fd, const uint8_t *memory, uint64_t size)
{
    static const uint8_t zeros[IMAGE_PAGE_SIZE];
    for (uint64_t at = 0; at < size; at += IMAGE_PAGE_SIZE)
        if (memcmp(memory + at, zeros, IMAGE_PAGE_SIZE) != 0 &&
            pwrite(fd, memory + at, IMAGE_PAGE_SIZE, (off_t)at) != IMAGE_PAGE_SIZE)
            return false;
    return true;
}

static bool fill(struct image *image, const uint8_t *memory, struct error *err)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (ftruncate(image->fd, (off_t)image->size) != 0 ||
        !write_blocks(image->fd, memory, image->size) ||
        fcntl(image->fd, F_ADD_SEALS, seals) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot write a memory image");
    if (image->size == 0)
        return true;
    /* A sealed memfd can be mapped for reading only as private; nothing is ever written to it. */
    void *view = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, image->fd, 0);
    if (view == MAP_FAILED)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot map a memory image");
    image->view = view;
    return true;
}

bool image_make(struct image *image, const uint8_t *memory, uint64_t size, struct error *err)
{
    *image = (struct image){.size = size};
    image->fd = memfd_create("sluice-module", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (image->fd < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot create a memory image");
    image->is_made = true;
    if (fill(image, memory, err))
        return true;
    image_release(image);
    return false;
}

void image_release(struct image *image)
{
    if (!image->is_made)
        return;
    if (image->view)
        munmap((void *)(uintptr_t)image->view, image->size);
    close(image->fd);
    *image = (struct image){0};
}

bool image_map(const struct image *image, uint8_t *memory, struct error *err)
{
    if (image->size > 0 &&
        mmap(memory, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             image->fd, 0) == MAP_FAILED)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot map a memory image");
    return true;
}

void image_restore(const struct image *image, uint8_t *memory, const struct image_hot *hot)
{
    for (uint32_t i = 0; i < hot->run_count; i++) {
        const uint64_t at = (uint64_t)hot->runs[i].first * IMAGE_PAGE_SIZE;
        memcpy(memory + at, image->view + at, (size_t)hot->runs[i].count * IMAGE_PAGE_SIZE);
    }
}

/* Reads which pages are present, one word each. Returns how many words there are. */
static uint32_t read_pagemap(const uint8_t *memory, uint64_t size, uint64_t *words)
{
    uint64_t pages = size / IMAGE_PAGE_SIZE;
    if (pages > LEARN_PAGES_MAX)
        pages = LEARN_PAGES_MAX;
    const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const size_t wanted = (size_t)pages * sizeof *words;
    const off_t at = (off_t)((uintptr_t)memory / IMAGE_PAGE_SIZE * sizeof *words);
    const ssize_t got = pread(fd, words, wanted, at);
    close(fd);
    return got > 0 ? (uint32_t)((size_t)got / sizeof *words) : 0;
}

/* Neighbours with a small gap become one run: copying a page is cheaper than one more madvise. */
static bool add_page(struct image_hot *hot, uint32_t *budget, uint32_t page)
{
    struct image_run *last = hot->run_count > 0 ? &hot->runs[hot->run_count - 1] : NULL;
    const uint32_t gap = last ? page - (last->first + last->count) : 0;
    const bool joins = last && gap <= RUN_GAP_MAX;
    const uint32_t cost = joins ? gap + 1 : 1;
    if (cost > *budget || (!joins && hot->run_count == IMAGE_RUNS_MAX))
        return false;
    *budget -= cost;
    if (joins)
        last->count += cost;
    else
        hot->runs[hot->run_count++] = (struct image_run){page, 1};
    return true;
}

void image_learn(const struct image *image, const uint8_t *memory, struct image_hot *hot)
{
    hot->run_count = 0;
    if (sysconf(_SC_PAGESIZE) != IMAGE_PAGE_SIZE)
        return; /* Larger pages: all are dropped after each execution, which is right as well. */
    uint64_t *words = malloc(LEARN_PAGES_MAX * sizeof *words);
    if (!words)
        return;
    const uint32_t pages = read_pagemap(memory, image->size, words);
    uint32_t budget = IMAGE_HOT_PAGES_MAX;
    for (uint32_t page = 0; page < pages; page++)
        if ((words[page] & PAGEMAP_PRESENT) && !add_page(hot, &budget, page))
            break;
    free(words);
}
