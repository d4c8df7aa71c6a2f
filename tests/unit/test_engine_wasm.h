/* SPDX-License-Identifier: MIT */
/* Builds WebAssembly modules byte by byte for tests of the verifier. Buffers fail sticky. */
#ifndef UNIT_TEST_ENGINE_WASM_H
#define UNIT_TEST_ENGINE_WASM_H
#include <stdint.h>

#include "base/buf.h"

#define WASM_SECTIONS 13

/* Section contents by id; a NULL one is left out. */
struct wasm_module {
    const char *bytes[WASM_SECTIONS];
    size_t sizes[WASM_SECTIONS];
};

/* The smallest module that is accepted: a memory of one page, an empty _start, both exported. */
struct wasm_module wasm_minimal(void);

/* Replaces a section; bytes is a string literal or live buffer. */
void wasm_put(struct wasm_module *module, unsigned id, const void *bytes, size_t size);
#define WASM_PUT(module, id, literal) wasm_put(module, id, literal, sizeof(literal) - 1)

/* The module in the order of the specification. */
void wasm_build(const struct wasm_module *module, struct buf *out);

void wasm_append_leb(struct buf *out, uint32_t value);
void wasm_append_section(struct buf *out, unsigned id, const void *bytes, size_t size);
/* times copies of a literal */
void wasm_append_many(struct buf *out, const char *bytes, size_t size, uint32_t times);

/* A code section with one body: no locals, then these bytes (without the final end). */
void wasm_put_body(struct wasm_module *module, struct buf *storage, const void *bytes, size_t size);
#endif
