/* SPDX-License-Identifier: MIT */
/*
 * A cursor over bytes of a WebAssembly binary. Failure is sticky: after the first one every read
 * gives 0 and moves nothing, `reason` says what was wrong, and one test at the end of a loop that
 * also stops on `failed` suffices. Never reads outside [start, end). Pure, thread-safe.
 */
#ifndef ENGINE_WASM_READER_H
#define ENGINE_WASM_READER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WASM_REASON_SIZE 256

struct wasm_reader {
    const uint8_t *start; /* of the whole file, for offsets in messages */
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
    char reason[WASM_REASON_SIZE];
};

struct wasm_name {
    const char *bytes; /* not NUL-terminated; into the module */
    uint32_t size;
};

void wasm_reader_init(struct wasm_reader *reader, const void *bytes, size_t size);

/* Reader over the next size bytes, which reader itself skips. */
void wasm_reader_cut(struct wasm_reader *reader, uint32_t size, struct wasm_reader *part);

/* Records the first failure as "<text> at offset <n>". Returns false. */
bool wasm_reader_fail(struct wasm_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

size_t wasm_reader_left(const struct wasm_reader *reader);
uint8_t wasm_reader_u8(struct wasm_reader *reader);

/* LEB128 as the core specification 5.2.2 has it: at most ceil(N/7) bytes, no stray bits. */
uint32_t wasm_reader_u32(struct wasm_reader *reader);
int32_t wasm_reader_s32(struct wasm_reader *reader);
int64_t wasm_reader_s64(struct wasm_reader *reader);

void wasm_reader_skip(struct wasm_reader *reader, size_t size);
struct wasm_name wasm_reader_name(struct wasm_reader *reader);

/* A vector's element count: fails above count_max, or if more elements than bytes are claimed. */
uint32_t wasm_reader_count(struct wasm_reader *reader, uint32_t count_max, const char *what);
#endif
