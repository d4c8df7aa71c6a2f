/* SPDX-License-Identifier: MIT */
/* See test_engine_wasm.h. */
#include "test_engine_wasm.h"

static const unsigned section_order[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11, 0};

struct wasm_module wasm_minimal(void)
{
    struct wasm_module module = {0};
    WASM_PUT(&module, 1, "\x01\x60\x00\x00");
    WASM_PUT(&module, 3, "\x01\x00");
    WASM_PUT(&module, 5, "\x01\x00\x01");
    WASM_PUT(&module, 7, "\x02\x06memory\x02\x00\x06_start\x00\x00");
    WASM_PUT(&module, 10, "\x01\x02\x00\x0b");
    return module;
}

void wasm_put(struct wasm_module *module, unsigned id, const void *bytes, size_t size)
{
    module->bytes[id] = bytes;
    module->sizes[id] = size;
}

void wasm_append_leb(struct buf *out, uint32_t value)
{
    do {
        const uint8_t byte = value & 0x7F;
        value >>= 7;
        buf_append_char(out, (char)(value ? byte | 0x80 : byte));
    } while (value);
}

void wasm_append_section(struct buf *out, unsigned id, const void *bytes, size_t size)
{
    buf_append_char(out, (char)id);
    wasm_append_leb(out, (uint32_t)size);
    buf_append(out, bytes, size);
}

void wasm_append_many(struct buf *out, const char *bytes, size_t size, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        buf_append(out, bytes, size);
}

void wasm_build(const struct wasm_module *module, struct buf *out)
{
    buf_clear(out);
    buf_append(out, "\0asm\1\0\0\0", 8);
    for (size_t i = 0; i < sizeof section_order / sizeof section_order[0]; i++) {
        const unsigned id = section_order[i];
        if (module->bytes[id])
            wasm_append_section(out, id, module->bytes[id], module->sizes[id]);
    }
}

void wasm_put_body(struct wasm_module *module, struct buf *storage, const void *bytes, size_t size)
{
    buf_clear(storage);
    wasm_append_leb(storage, 1);
    wasm_append_leb(storage, (uint32_t)size + 2);
    buf_append_char(storage, 0);
    buf_append(storage, bytes, size);
    buf_append_char(storage, 0x0B);
    wasm_put(module, 10, storage->data, storage->size);
}
