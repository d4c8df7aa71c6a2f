/* SPDX-License-Identifier: MIT */
/* See verifier_code.h. One table says what follows each opcode; only what has structure of its own
 * (blocks, branches, calls) is code. */
#include "engine/verifier_code.h"

#include "engine/verifier.h"

enum immediate {
    REFUSED = 0,
    NOTHING,
    BLOCK,
    ELSE,
    END,
    LABEL,
    LABELS,
    FUNCTION,
    INDIRECT,
    LOCAL,
    GLOBAL,
    MEMORY_OPERAND,
    MEMORY_INDEX,
    CONST_I32,
    CONST_I64,
    CONST_F32,
    CONST_F64,
    PREFIX_FC,
};

static const uint8_t immediates[256] = {
    [0x00 ... 0x01] = NOTHING, /* unreachable, nop */
    [0x02 ... 0x04] = BLOCK,   /* block, loop, if */
    [0x05] = ELSE,
    [0x0B] = END,
    [0x0C ... 0x0D] = LABEL, /* br, br_if */
    [0x0E] = LABELS,         /* br_table */
    [0x0F] = NOTHING,        /* return */
    [0x10] = FUNCTION,
    [0x11] = INDIRECT,
    [0x1A ... 0x1B] = NOTHING, /* drop, select */
    [0x20 ... 0x22] = LOCAL,
    [0x23 ... 0x24] = GLOBAL,
    [0x28 ... 0x3E] = MEMORY_OPERAND,
    [0x3F ... 0x40] = MEMORY_INDEX, /* memory.size, memory.grow */
    [0x41] = CONST_I32,
    [0x42] = CONST_I64,
    [0x43] = CONST_F32,
    [0x44] = CONST_F64,
    [0x45 ... 0xC4] = NOTHING, /* comparisons, arithmetic, conversions, sign extension */
    [0xFC] = PREFIX_FC,
};

struct walk {
    struct wasm_reader *body;
    const struct verifier_space *space;
    uint32_t local_count;
    uint32_t depth;                            /* open blocks; 0 is the function itself */
    uint8_t opener[VERIFIER_NESTING_MAX + 1]; /* opcode that opened each; ELSE's once seen */
};

static const char *feature_of(uint8_t opcode)
{
    switch (opcode) {
    case 0x06 ... 0x0A:
    case 0x18 ... 0x19:
    case 0x1F:
        return "exception handling";
    case 0x12 ... 0x13:
        return "tail calls";
    case 0x14 ... 0x15:
        return "typed function references";
    case 0x1C:
    case 0x25 ... 0x26:
    case 0xD0 ... 0xD6:
        return "reference types";
    case 0xFB:
        return "garbage collection";
    case 0xFD:
        return "SIMD";
    case 0xFE:
        return "threads";
    default:
        return NULL;
    }
}

static void refuse_opcode(struct wasm_reader *body, uint8_t opcode)
{
    const char *feature = feature_of(opcode);
    if (feature)
        wasm_reader_fail(body, "opcode 0x%02x needs %s, which is not allowed", opcode, feature);
    else
        wasm_reader_fail(body, "unknown opcode 0x%02x", opcode);
}

uint8_t verifier_value_type(struct wasm_reader *reader)
{
    const uint8_t type = wasm_reader_u8(reader);
    if (type >= 0x7C && type <= 0x7F)
        return type;
    if (type == 0x7B)
        wasm_reader_fail(reader, "the type v128 needs SIMD, which is not allowed");
    else
        wasm_reader_fail(reader, "value type 0x%02x is not one of i32, i64, f32, f64", type);
    return 0;
}

static void check_index(struct wasm_reader *body, uint32_t index, uint32_t count, const char *what)
{
    if (index >= count)
        wasm_reader_fail(body, "%s %u does not exist", what, index);
}

static void open_block(struct walk *walk, uint8_t opcode)
{
    struct wasm_reader *body = walk->body;
    if (wasm_reader_left(body) > 0 && *body->at == 0x40)
        wasm_reader_skip(body, 1); /* no result */
    else
        verifier_value_type(body); /* Type indices (multi-value blocks) are refused here, too. */
    if (walk->depth >= VERIFIER_NESTING_MAX)
        wasm_reader_fail(body, "blocks nest deeper than %u", VERIFIER_NESTING_MAX);
    if (!body->failed)
        walk->opener[++walk->depth] = opcode;
}

static void read_labels(struct walk *walk)
{
    const uint32_t count = wasm_reader_count(walk->body, VERIFIER_BRANCHES_MAX, "branch targets");
    for (uint32_t i = 0; i <= count && !walk->body->failed; i++) /* The default comes last. */
        check_index(walk->body, wasm_reader_u32(walk->body), walk->depth + 1, "label");
}

static void read_memory_operand(struct walk *walk)
{
    if (!walk->space->has_memory)
        wasm_reader_fail(walk->body, "a memory access in a module without memory");
    if (wasm_reader_u32(walk->body) > 3)
        wasm_reader_fail(walk->body, "alignment above 8, or a memory index");
    wasm_reader_u32(walk->body);
}

static void read_memory_index(struct walk *walk)
{
    if (!walk->space->has_memory)
        wasm_reader_fail(walk->body, "a memory operation in a module without memory");
    if (wasm_reader_u8(walk->body) != 0)
        wasm_reader_fail(walk->body, "a memory index other than 0 needs multi-memory");
}

/* The 0xFC group: saturating conversions and bulk memory; table operations are refused. */
static void read_prefixed(struct walk *walk)
{
    struct wasm_reader *body = walk->body;
    const uint32_t opcode = wasm_reader_u32(body);
    switch (opcode) {
    case 0 ... 7:
        return;
    case 8: /* memory.init */
        check_index(body, wasm_reader_u32(body), walk->space->data_count, "data segment");
        read_memory_index(walk);
        return;
    case 9: /* data.drop */
        check_index(body, wasm_reader_u32(body), walk->space->data_count, "data segment");
        return;
    case 10: /* memory.copy */
        read_memory_index(walk);
        read_memory_index(walk);
        return;
    case 11: /* memory.fill */
        read_memory_index(walk);
        return;
    case 12 ... 17:
        wasm_reader_fail(body, "opcode 0xfc %u changes a table, which is not allowed", opcode);
        return;
    default:
        wasm_reader_fail(body, "unknown opcode 0xfc %u", opcode);
    }
}

static void read_indirect(struct walk *walk)
{
    check_index(walk->body, wasm_reader_u32(walk->body), walk->space->type_count, "type");
    if (wasm_reader_u32(walk->body) != 0 || !walk->space->has_table)
        wasm_reader_fail(walk->body, "call_indirect through a table that does not exist");
}

static void see_else(struct walk *walk)
{
    if (walk->depth == 0 || walk->opener[walk->depth] != 0x04)
        wasm_reader_fail(walk->body, "else without if");
    else
        walk->opener[walk->depth] = 0x05;
}

/* One opcode with what follows it. Returns true when the function's own end was read. */
static bool step(struct walk *walk)
{
    struct wasm_reader *body = walk->body;
    const struct verifier_space *space = walk->space;
    const uint8_t opcode = wasm_reader_u8(body);
    if (body->failed)
        return false;
    switch ((enum immediate)immediates[opcode]) {
    case REFUSED: refuse_opcode(body, opcode); break;
    case NOTHING: break;
    case BLOCK: open_block(walk, opcode); break;
    case ELSE: see_else(walk); break;
    case END:
        if (walk->depth == 0)
            return true;
        walk->depth--;
        break;
    case LABEL: check_index(body, wasm_reader_u32(body), walk->depth + 1, "label"); break;
    case LABELS: read_labels(walk); break;
    case FUNCTION:
        check_index(body, wasm_reader_u32(body), space->function_count, "function");
        break;
    case INDIRECT: read_indirect(walk); break;
    case LOCAL: check_index(body, wasm_reader_u32(body), walk->local_count, "local"); break;
    case GLOBAL: check_index(body, wasm_reader_u32(body), space->global_count, "global"); break;
    case MEMORY_OPERAND: read_memory_operand(walk); break;
    case MEMORY_INDEX: read_memory_index(walk); break;
    case CONST_I32: wasm_reader_s32(body); break;
    case CONST_I64: wasm_reader_s64(body); break;
    case CONST_F32: wasm_reader_skip(body, 4); break;
    case CONST_F64: wasm_reader_skip(body, 8); break;
    case PREFIX_FC: read_prefixed(walk); break;
    }
    return false;
}

static uint32_t read_locals(struct wasm_reader *body, uint32_t param_count)
{
    uint32_t total = param_count;
    const uint32_t groups = wasm_reader_count(body, VERIFIER_LOCALS_MAX, "groups of locals");
    for (uint32_t i = 0; i < groups && !body->failed; i++) {
        const uint32_t count = wasm_reader_u32(body);
        if (count > VERIFIER_LOCALS_MAX - total)
            wasm_reader_fail(body, "a function has more than %u locals", VERIFIER_LOCALS_MAX);
        else
            total += count;
        verifier_value_type(body);
    }
    return total;
}

bool verifier_walk_body(struct wasm_reader *body, const struct verifier_space *space,
                        uint32_t param_count)
{
    struct walk walk = {.body = body, .space = space};
    walk.local_count = read_locals(body, param_count);
    bool ended = false;
    while (!body->failed && !ended)
        ended = step(&walk);
    if (!body->failed && wasm_reader_left(body) != 0)
        wasm_reader_fail(body, "bytes behind the end of a function");
    return !body->failed;
}
