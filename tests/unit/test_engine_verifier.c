/* SPDX-License-Identifier: MIT */
/*
 * The verifier: what it refuses and in which words, every limit at n and n + 1, and that no bytes
 * whatever make it read out of bounds (truncations and bit flips of a real module).
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "engine/import_rules.h"
#include "engine/stack.h"
#include "engine/verifier.h"
#include "test_engine_wasm.h"

#define POLICY_PAGES 16

static const struct import_rule rules[] = {
    {"sluice_flow", "input", "ii:i"}, {"sluice_flow", "wide", "iIfF:"}, {"m", "n", ":"}};
static struct module_policy policy = {.imports = rules,
                                      .import_count = sizeof rules / sizeof rules[0],
                                      .memory_pages_max = POLICY_PAGES};
static struct buf bytes;
static struct buf storage;
static struct error last;

static bool accepts_bytes(const void *data, size_t size)
{
    struct verified_module out;
    last = (struct error){0};
    const bool ok = verifier_check(data, size, &policy, &out, &last);
    verified_module_release(&out);
    return ok;
}

static bool accepts(const struct wasm_module *module)
{
    wasm_build(module, &bytes);
    return !bytes.failed && accepts_bytes(bytes.data, bytes.size);
}

static void check_accepted(int line, const struct wasm_module *module)
{
    const bool ok = accepts(module);
    check_report(ok, __FILE__, line, "is accepted");
    if (!ok)
        fprintf(stderr, "    %s\n", last.message);
}

static void check_refused(int line, const struct wasm_module *module, const char *words)
{
    const bool ok = accepts(module);
    check_report(!ok && strstr(last.message, words), __FILE__, line, words);
    if (ok || !strstr(last.message, words))
        fprintf(stderr, "    got \"%s\"\n", ok ? "accepted" : last.message);
}

#define ACCEPTED(module) check_accepted(__LINE__, module)
#define REFUSED(module, words) check_refused(__LINE__, module, words)

/* The minimal module with one section replaced. */
#define WITH(id, literal) with(id, literal, sizeof(literal) - 1)
static const struct wasm_module *with(unsigned id, const void *section, size_t size)
{
    static struct wasm_module module;
    module = wasm_minimal();
    wasm_put(&module, id, section, size);
    return &module;
}

/* The minimal module with one more type, table, global and data segment and this body. */
#define BODY(literal) with_body(literal, sizeof(literal) - 1)
static const struct wasm_module *with_body(const void *body, size_t size)
{
    static struct wasm_module module;
    module = wasm_minimal();
    WASM_PUT(&module, 4, "\x01\x70\x00\x01");
    WASM_PUT(&module, 6, "\x01\x7f\x01\x41\x00\x0b");
    wasm_put_body(&module, &storage, body, size);
    return &module;
}

static void framing(void)
{
    const struct wasm_module minimal = wasm_minimal();
    ACCEPTED(&minimal);
    for (size_t size = 0; size < bytes.size; size++)
        CHECK(!accepts_bytes(bytes.data, size));
    CHECK(!accepts_bytes("\0asn\1\0\0\0", 8));
    CHECK_CONTAINS(last.message, "not a WebAssembly module");
    CHECK(!accepts_bytes("\0asm\2\0\0\0", 8));
    CHECK_CONTAINS(last.message, "not version 1");
    CHECK(!accepts_bytes("\0asm\1\0\0\0\x05\x01\x00\x01\x00", 13));
    CHECK_CONTAINS(last.message, "without a type section");
    CHECK(!accepts_bytes("\0asm\1\0\0\0\x01\x01\x00\x01\x01\x00", 14));
    CHECK_CONTAINS(last.message, "out of order or comes twice");
    CHECK(!accepts_bytes("\0asm\1\0\0\0\x0d\x01\x00", 11));
    CHECK_CONTAINS(last.message, "section 13 is unknown");
    REFUSED(WITH(8, "\x00"), "a start function is not allowed");
    REFUSED(WITH(3, "\x01\x00\x00"), "longer than its content");
    REFUSED(WITH(3, "\x02\x00"), "do not fit into their section");
    REFUSED(WITH(3, "\x01\x01"), "type 1 does not exist");
    REFUSED(WITH(1, "\x86\x80\x80\x80\x80\x00"), "longer than 32 bits");
    REFUSED(WITH(1, "\x81\x80\x80\x80\x10"), "longer than 32 bits");
    ACCEPTED(WITH(1, "\x81\x80\x80\x80\x00\x60\x00\x00"));
    REFUSED(WITH(10, "\x00"), "0 function bodies for 1 functions");
    struct wasm_module empty = {0};
    REFUSED(&empty, "has no code");
}

static void types(void)
{
    REFUSED(WITH(1, "\x01\x5f\x00"), "not a plain function type");
    REFUSED(WITH(1, "\x01\x60\x01\x7b\x00"), "SIMD");
    REFUSED(WITH(1, "\x01\x60\x01\x6f\x00"), "not one of i32, i64, f32, f64");
    REFUSED(WITH(1, "\x01\x60\x00\x02\x7f\x7f"), "2 results, at most 1");
}

static const struct wasm_module *with_import(const char *type, size_t type_size, const char *import,
                                             size_t import_size)
{
    static struct wasm_module module;
    module = wasm_minimal();
    wasm_put(&module, 1, type, type_size);
    wasm_put(&module, 2, import, import_size);
    WASM_PUT(&module, 7, "\x02\x06memory\x02\x00\x06_start\x00\x01");
    return &module;
}

#define IMPORT(type, import)                                                                       \
    with_import("\x02\x60\x00\x00" type, sizeof("\x02\x60\x00\x00" type) - 1, "\x01" import,       \
                sizeof("\x01" import) - 1)

static void imports(void)
{
    ACCEPTED(IMPORT("\x60\x02\x7f\x7f\x01\x7f", "\x0bsluice_flow\x05input\x00\x01"));
    ACCEPTED(IMPORT("\x60\x04\x7f\x7e\x7d\x7c\x00", "\x0bsluice_flow\x04wide\x00\x01"));
    REFUSED(IMPORT("\x60\x00\x00", "\x0bsluice_flow\x06launch\x00\x01"),
            "import sluice_flow.launch is not allowed");
    REFUSED(IMPORT("\x60\x00\x00", "\x05other\x05input\x00\x01"), "import other.input is not");
    REFUSED(IMPORT("\x60\x01\x7f\x01\x7f", "\x0bsluice_flow\x05input\x00\x01"),
            "has the signature i:i, it must be ii:i");
    REFUSED(IMPORT("\x60\x00\x00", "\x01m\x01n\x02\x00\x01"), "import m.n is not a function");
    REFUSED(IMPORT("\x60\x00\x00", "\x01m\x01n\x00\x02"), "type 2 does not exist");
    REFUSED(IMPORT("\x60\x00\x00", "\x01m\x03n*/\x00\x01"), "holds byte 0x2a");
    REFUSED(IMPORT("\x60\x00\x00", "\x02m\n\x01n\x00\x01"), "holds byte 0x0a");
    REFUSED(IMPORT("\x60\x00\x00", "\x00\x01n\x00\x01"), "has 0 bytes");
}

static void memories_and_tables(void)
{
    ACCEPTED(WITH(5, "\x01\x00\x10"));
    REFUSED(WITH(5, "\x01\x00\x11"), "begins with 17 pages of 64 KiB, at most 16");
    REFUSED(WITH(5, "\x01\x03\x01\x02"), "needs threads");
    REFUSED(WITH(5, "\x01\x04\x01"), "needs memory64");
    REFUSED(WITH(5, "\x01\x08\x01\x00"), "custom page size");
    REFUSED(WITH(5, "\x01\x10\x01"), "unknown flags");
    REFUSED(WITH(5, "\x02\x00\x01\x00\x01"), "exactly one memory");
    REFUSED(WITH(5, "\x00"), "exactly one memory");
    REFUSED(WITH(5, "\x01\x01\x02\x01"), "maximum is below its minimum");
    ACCEPTED(WITH(4, "\x01\x70\x00\x80\x80\x01"));
    REFUSED(WITH(4, "\x01\x70\x00\x81\x80\x01"), "a table of 16385 elements, at most 16384");
    REFUSED(WITH(4, "\x01\x6f\x00\x01"), "anything but functions");
    REFUSED(WITH(4, "\x02\x70\x00\x01\x70\x00\x01"), "2 tables, at most 1");
}

static void globals_and_exports(void)
{
    ACCEPTED(WITH(6, "\x01\x7e\x01\x42\x7f\x0b"));
    REFUSED(WITH(6, "\x01\x7f\x01\x42\x00\x0b"), "not a constant of its type");
    REFUSED(WITH(6, "\x01\x7f\x01\x23\x00\x0b"), "not a constant of its type");
    REFUSED(WITH(6, "\x01\x7f\x01\x41\x00\x41\x00\x6a\x0b"), "more than one constant");
    REFUSED(WITH(6, "\x01\x7f\x02\x41\x00\x0b"), "neither constant nor variable");
    REFUSED(WITH(7, "\x01\x06_start\x00\x00"), "export its memory");
    REFUSED(WITH(7, "\x01\x06memory\x02\x00"), "does not export the function \"_start\"");
    REFUSED(WITH(7, "\x02\x06memory\x02\x00\x06_start\x02\x00"), "the function \"_start\"");
    REFUSED(WITH(7, "\x02\x06memory\x02\x00\x06_start\x00\x01"), "something that does not exist");
    REFUSED(WITH(7, "\x02\x06memory\x02\x00\x06memory\x02\x00"),
            "two exports with the name memory");
    REFUSED(WITH(7, "\x01\x03*/x\x00\x00"), "holds byte 0x2a");
    struct wasm_module module = *WITH(1, "\x01\x60\x00\x01\x7f");
    REFUSED(&module, "the function \"_start\"");
}

static void segments(void)
{
    struct wasm_module module = *WITH(4, "\x01\x70\x00\x01");
    WASM_PUT(&module, 9, "\x01\x00\x41\x00\x0b\x01\x00");
    ACCEPTED(&module);
    WASM_PUT(&module, 9, "\x01\x00\x41\x00\x0b\x01\x01");
    REFUSED(&module, "names a function that does not exist");
    WASM_PUT(&module, 9, "\x01\x01\x00\x01\x00");
    REFUSED(&module, "not a plain one of table 0");
    ACCEPTED(WITH(11, "\x01\x00\x41\x00\x0b\x02hi"));
    ACCEPTED(WITH(11, "\x01\x01\x02hi"));
    REFUSED(WITH(11, "\x01\x02\x01\x41\x00\x0b\x02hi"), "another memory");
    REFUSED(WITH(11, "\x01\x00\x41\x00\x0b\x03hi"), "ends too early");
    module = *WITH(11, "\x01\x01\x02hi");
    WASM_PUT(&module, 12, "\x02");
    REFUSED(&module, "1 data segments where 2 were announced");
    WASM_PUT(&module, 12, "\x01");
    wasm_put_body(&module, &storage, "\x41\0\x41\0\x41\0\xfc\x08\0\0\xfc\x09\0", 13);
    ACCEPTED(&module);
    wasm_put_body(&module, &storage, "\xfc\x09\x01", 3);
    REFUSED(&module, "data segment 1 does not exist");
}

static void features(void)
{
    ACCEPTED(BODY("\x41\x7f\xc0\x1a\x43\0\0\0\0\xfc\x00\x1a"));
    ACCEPTED(BODY("\x41\0\x41\0\x41\0\xfc\x0b\0"));
    REFUSED(BODY("\xfd\x0c"), "SIMD");
    REFUSED(BODY("\xfe\x00\0\0"), "threads");
    REFUSED(BODY("\x06\x40\x0b"), "exception handling");
    REFUSED(BODY("\x08\x00"), "exception handling");
    REFUSED(BODY("\x12\x00"), "tail calls");
    REFUSED(BODY("\x13\x00\x00"), "tail calls");
    REFUSED(BODY("\x14\x00"), "typed function references");
    REFUSED(BODY("\xfb\x00\x00"), "garbage collection");
    REFUSED(BODY("\xd0\x70\x1a"), "reference types");
    REFUSED(BODY("\x41\0\x25\0\x1a"), "reference types");
    REFUSED(BODY("\x1c\x01\x7f"), "reference types");
    REFUSED(BODY("\xfc\x0c\0\0"), "changes a table");
    REFUSED(BODY("\xfc\x0f\0"), "changes a table");
    REFUSED(BODY("\xfc\x12"), "unknown opcode 0xfc 18");
    REFUSED(BODY("\x27"), "unknown opcode 0x27");
    REFUSED(BODY("\xff"), "unknown opcode 0xff");
    REFUSED(BODY("\x02\x00\x0b"), "value type 0x00"); /* a type index: multi-value */
    REFUSED(BODY("\x3f\x01\x1a"), "multi-memory");
    REFUSED(BODY("\x41\0\x28\x42\0\0\x1a"), "memory index");
}

static void bodies(void)
{
    ACCEPTED(BODY("\x02\x40\x03\x40\x0c\x02\x0b\x0b\x41\0\x04\x40\x05\x0b"));
    REFUSED(BODY("\x0c\x01"), "label 1 does not exist");
    REFUSED(BODY("\x41\0\x0e\x01\x00\x01"), "label 1 does not exist");
    REFUSED(BODY("\x10\x01"), "function 1 does not exist");
    REFUSED(BODY("\x41\0\x11\x01\x00"), "type 1 does not exist");
    REFUSED(BODY("\x41\0\x11\x00\x01"), "a table that does not exist");
    REFUSED(BODY("\x20\x00\x1a"), "local 0 does not exist");
    REFUSED(BODY("\x23\x01\x1a"), "global 1 does not exist");
    REFUSED(BODY("\x02\x40\x05\x0b"), "else without if");
    REFUSED(BODY("\x41\0\x04\x40\x05\x05\x0b"), "else without if");
    REFUSED(BODY("\x05"), "else without if");
    REFUSED(BODY("\x0b\x01"), "bytes behind the end of a function");
    REFUSED(BODY("\x02\x40"), "the module ends too early"); /* one end short */
    REFUSED(BODY("\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02\x1a"), "longer than 64 bits");
    ACCEPTED(BODY("\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f\x1a"));
    ACCEPTED(BODY("\x41\x80\x80\x80\x80\x78\x1a"));
    REFUSED(BODY("\x41\x80\x80\x80\x80\x08\x1a"), "longer than 32 bits");
    struct wasm_module module = wasm_minimal();
    wasm_put_body(&module, &storage, "\x41\0\x11\0\0", 5);
    REFUSED(&module, "a table that does not exist");
}

/* Limits. Each builder makes a module with `count` of the thing; it must pass at max only. */

static struct wasm_module limited;
static struct buf section;

static void many(unsigned id, uint32_t count, const char *item, size_t size)
{
    limited = wasm_minimal();
    buf_clear(&section);
    wasm_append_leb(&section, count);
    wasm_append_many(&section, item, size, count);
    wasm_put(&limited, id, section.data, section.size);
}

static void many_types(uint32_t count) { many(1, count, "\x60\x00\x00", 3); }
static void many_globals(uint32_t count) { many(6, count, "\x7f\x01\x41\x00\x0b", 5); }
static void many_data(uint32_t count) { many(11, count, "\x01\x00", 2); }

static void many_elements(uint32_t count)
{
    many(9, count, "\x00\x41\x00\x0b\x00", 5);
    WASM_PUT(&limited, 4, "\x01\x70\x00\x01");
}

static void many_params(uint32_t count)
{
    many(1, 2, "", 0);
    buf_append(&section, "\x60\x00\x00\x60", 4);
    wasm_append_leb(&section, count);
    wasm_append_many(&section, "\x7c", 1, count);
    buf_append_char(&section, 0);
    wasm_put(&limited, 1, section.data, section.size);
}

static void many_functions(uint32_t count)
{
    many(3, count, "\x00", 1);
    buf_clear(&storage);
    wasm_append_leb(&storage, count);
    wasm_append_many(&storage, "\x02\x00\x0b", 3, count);
    wasm_put(&limited, 10, storage.data, storage.size);
}

static void many_imports(uint32_t count)
{
    many(2, count, "\x01m\x01n\x00\x00", 6);
    buf_clear(&storage);
    buf_append(&storage, "\x02\x06memory\x02\x00\x06_start\x00", 18);
    wasm_append_leb(&storage, count);
    wasm_put(&limited, 7, storage.data, storage.size);
}

static void many_exports(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    wasm_append_leb(&section, count);
    buf_append(&section, "\x06memory\x02\x00\x06_start\x00\x00", 18);
    for (uint32_t i = 2; i < count; i++) {
        const char name[] = {2, (char)('a' + i / 26), (char)('a' + i % 26), 0, 0};
        buf_append(&section, name, sizeof name);
    }
    wasm_put(&limited, 7, section.data, section.size);
}

static void long_name(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, "\x03\x06memory\x02\x00\x06_start\x00\x00", 19);
    wasm_append_leb(&section, count);
    wasm_append_many(&section, "x", 1, count);
    buf_append(&section, "\0\0", 2);
    wasm_put(&limited, 7, section.data, section.size);
}

static void body_of(uint32_t count, const char *head, size_t size, const char *before, char behind)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, head, size);
    for (uint32_t i = 0; i < count; i++)
        buf_append_text(&section, before);
    for (uint32_t i = 0; i < count && behind; i++)
        buf_append_char(&section, behind);
    wasm_put_body(&limited, &storage, section.data, section.size);
}

static void deep_nesting(uint32_t count) { body_of(count, "", 0, "\x02\x40", 0x0B); }
static void large_body(uint32_t count) { body_of(count - 2, "", 0, "\x01", 0); }

static void many_branches(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, "\x41\x00\x0e", 3);
    wasm_append_leb(&section, count);
    wasm_append_many(&section, "\x00", 1, count + 1);
    wasm_put_body(&limited, &storage, section.data, section.size);
}

static void many_locals(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, "\x02", 1); /* two groups */
    wasm_append_leb(&section, count - 1);
    buf_append(&section, "\x7e\x01\x7f\x0b", 4);
    buf_clear(&storage);
    wasm_append_leb(&storage, 1);
    wasm_append_leb(&storage, (uint32_t)section.size);
    buf_append(&storage, section.data, section.size);
    wasm_put(&limited, 10, storage.data, storage.size);
}

static void large_manifest(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, "\x0fsluice.manifest", 16);
    wasm_append_many(&section, " ", 1, count);
    wasm_put(&limited, 0, section.data, section.size);
}

static void large_table(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, "\x01\x70\x00", 3);
    wasm_append_leb(&section, count);
    wasm_put(&limited, 4, section.data, section.size);
}

static void large_segment(uint32_t count)
{
    many(9, 1, "\x00\x41\x00\x0b", 4);
    wasm_append_leb(&section, count);
    wasm_append_many(&section, "\x00", 1, count);
    wasm_put(&limited, 9, section.data, section.size);
    WASM_PUT(&limited, 4, "\x01\x70\x00\x01");
}

static void large_memory(uint32_t count)
{
    limited = wasm_minimal();
    buf_clear(&section);
    buf_append(&section, "\x01\x00", 2);
    wasm_append_leb(&section, count);
    wasm_put(&limited, 5, section.data, section.size);
}

/* Where the policy allows more than the engine maps, and where it allows less. */
static void memory_at_n_and_one_more(void)
{
    static const uint32_t allowed[] = {VERIFIER_MEMORY_PAGES_MAX + 1, POLICY_PAGES};
    for (size_t i = 0; i < 2; i++) {
        const uint32_t max = i == 0 ? VERIFIER_MEMORY_PAGES_MAX : POLICY_PAGES;
        policy.memory_pages_max = allowed[i];
        large_memory(max);
        ACCEPTED(&limited);
        large_memory(max + 1);
        REFUSED(&limited, i == 0 ? "begins with 16385 pages of 64 KiB, at most 16384 are allowed"
                                 : "begins with 17 pages of 64 KiB, at most 16 are allowed");
    }
    policy.memory_pages_max = POLICY_PAGES;
}

static void every_limit_at_n_and_one_more(void)
{
    static const struct {
        void (*build)(uint32_t count);
        uint32_t max;
        const char *words;
    } limits[] = {
        {many_types, VERIFIER_TYPES_MAX, "1001 types, at most 1000"},
        {many_params, VERIFIER_PARAMS_MAX, "65 parameters, at most 64"},
        {many_imports, VERIFIER_IMPORTS_MAX, "129 imports, at most 128"},
        {many_functions, VERIFIER_FUNCTIONS_MAX, "20001 functions, at most 20000"},
        {many_globals, VERIFIER_GLOBALS_MAX, "1001 globals, at most 1000"},
        {many_exports, VERIFIER_EXPORTS_MAX, "65 exports, at most 64"},
        {long_name, VERIFIER_NAME_SIZE_MAX, "has 129 bytes"},
        {many_elements, VERIFIER_ELEMENTS_MAX, "1001 element segments, at most 1000"},
        {large_table, VERIFIER_TABLE_MAX, "a table of 16385 elements, at most 16384"},
        {large_segment, VERIFIER_TABLE_MAX, "16385 elements of a segment, at most 16384"},
        {many_data, VERIFIER_DATA_MAX, "10001 data segments, at most 10000"},
        {large_body, VERIFIER_BODY_SIZE_MAX, "has 65537 bytes, at most 65536"},
        {many_locals, VERIFIER_LOCALS_MAX, "more than 10000 locals"},
        {deep_nesting, VERIFIER_NESTING_MAX, "nest deeper than 1024"},
        {many_branches, VERIFIER_BRANCHES_MAX, "4097 branch targets, at most 4096"},
        {large_manifest, VERIFIER_MANIFEST_SIZE_MAX, "a manifest of 65537 bytes"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        limits[i].build(limits[i].max);
        ACCEPTED(&limited);
        limits[i].build(limits[i].max + 1);
        REFUSED(&limited, limits[i].words);
    }
}

static void module_size(void)
{
    char *large = calloc(1, VERIFIER_MODULE_SIZE_MAX + 1);
    CHECK(!accepts_bytes(large, VERIFIER_MODULE_SIZE_MAX));
    CHECK_EQ_TEXT(error_kind_name(last.kind), "invalid");
    CHECK(!accepts_bytes(large, VERIFIER_MODULE_SIZE_MAX + 1));
    CHECK_EQ_TEXT(error_kind_name(last.kind), "limit");
    free(large);
}

static void clean_copy(void)
{
    struct wasm_module module = *WITH(0, "\x0fsluice.manifest{\"id\":1}");
    wasm_build(&module, &bytes);
    wasm_append_section(&bytes, 0, "\x04name\x01\x02\x03", 8);
    struct verified_module out;
    CHECK_OK(verifier_check(bytes.data, bytes.size, &policy, &out, &last), &last);
    CHECK_EQ_TEXT(out.manifest, "{\"id\":1}");
    CHECK_EQ_INT(out.manifest_size, 8);
    CHECK_EQ_INT(out.import_module_count, 0);
    CHECK_EQ_INT(out.memory_pages_min, 1);
    module = *WITH(5, "\x01\x01\x01\x80\x80\x01"); /* the maximum that it is given */
    wasm_build(&module, &bytes);
    CHECK_EQ_INT(out.clean.size, bytes.size);
    CHECK(out.clean.size == bytes.size && memcmp(out.clean.data, bytes.data, bytes.size) == 0);
    verified_module_release(&out);
    module = *WITH(0, "\x0fsluice.manifest{}");
    wasm_build(&module, &bytes);
    wasm_append_section(&bytes, 0, "\x0fsluice.manifest{}", 18);
    CHECK(!accepts_bytes(bytes.data, bytes.size));
    CHECK_CONTAINS(last.message, "two manifests");
}

/* Exact copies on the heap, so that AddressSanitizer sees the first byte read beyond. */
static bool accepts_exact(const char *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    const bool ok = accepts_bytes(copy, size);
    free(copy);
    return ok;
}

/* Bits from one that is flipped to the next. What it finds here only AddressSanitizer sees. */
#ifdef STACK_ASAN
#define FLIP_STEP 1u
#else
#define FLIP_STEP 9u
#endif

static void damaged_modules(void)
{
    struct buf whole;
    policy.imports = import_rules_flow(&policy.import_count);
    buf_init(&whole, VERIFIER_MODULE_SIZE_MAX);
    CHECK_OK(file_read(TEST_GUEST_FOLDER "/hostile.wasm", &whole, &last), &last);
    CHECK(accepts_exact(whole.data, whole.size));
    int accepted = 0, flipped = 0;
    for (size_t size = 0; size < whole.size; size++)
        accepted += accepts_exact(whole.data, size);
    CHECK(accepted <= 1); /* without its last section, the data, a module is whole again */
    for (size_t i = 0; i < whole.size * 8; i += FLIP_STEP, flipped++) {
        whole.data[i / 8] = (char)(whole.data[i / 8] ^ 1 << i % 8);
        accepted += accepts_exact(whole.data, whole.size);
        whole.data[i / 8] = (char)(whole.data[i / 8] ^ 1 << i % 8);
    }
    printf("       %d of %d modules with one bit flipped are accepted\n", accepted, flipped);
    CHECK(accepted > 0 && accepted < flipped);
    buf_release(&whole);
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(framing), TEST(types), TEST(imports), TEST(memories_and_tables),
        TEST(globals_and_exports), TEST(segments), TEST(features), TEST(bodies),
        TEST(every_limit_at_n_and_one_more), TEST(memory_at_n_and_one_more), TEST(module_size), TEST(clean_copy),
        TEST(damaged_modules)};
    buf_init(&bytes, 16 << 20);
    buf_init(&storage, 16 << 20);
    buf_init(&section, 16 << 20);
    const int status = check_run(tests, sizeof tests / sizeof tests[0]);
    buf_release(&bytes);
    buf_release(&storage);
    buf_release(&section);
    return status;
}
