/* SPDX-License-Identifier: MIT */
/*
 * Walks one function body opcode by opcode: every opcode must be of the allowed set, every index
 * in range, every block closed. Works in constant memory without recursion. Pure, thread-safe.
 */
#ifndef ENGINE_VERIFIER_CODE_H
#define ENGINE_VERIFIER_CODE_H
#include "engine/wasm_reader.h"

/* What a body may refer to. */
struct verifier_space {
    uint32_t type_count;
    uint32_t function_count; /* imported ones included */
    uint32_t global_count;
    uint32_t data_count;     /* of the data count section; 0 without one */
    bool has_memory;
    bool has_table;
};

/* body holds exactly one body behind its size; param_count counts the function's parameters. */
bool verifier_walk_body(struct wasm_reader *body, const struct verifier_space *space,
                        uint32_t param_count);

/* One of the four number types; fails naming the feature that another one belongs to. */
uint8_t verifier_value_type(struct wasm_reader *reader);
#endif
