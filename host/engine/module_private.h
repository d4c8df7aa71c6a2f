/* SPDX-License-Identifier: MIT */
/* The inside of a module, for the engine's own files. Immutable once open, but for the counters
 * and the image, which is made by whoever instantiates first. */
#ifndef ENGINE_MODULE_PRIVATE_H
#define ENGINE_MODULE_PRIVATE_H
#include <pthread.h>
#include <stdatomic.h>

#include "engine/image.h"
#include "engine/module.h"
#include "wasm-rt/wasm-rt.h"

#define MODULE_DIGEST_SIZE 65

struct module {
    _Atomic unsigned references; /* the opener's and one per slot */
    _Atomic bool is_closed;
    char digest[MODULE_DIGEST_SIZE];
    char *manifest;
    size_t manifest_size;
    uint32_t memory_pages_max;
    char *library_path;
    void *library; /* dlopen of it */
    const struct sluice_module_entry *entry;

    pthread_mutex_t image_lock;
    struct image image; /* made under the lock, unchanged after */
};

void module_retain(struct module *module);
void module_release(struct module *module);
#endif
