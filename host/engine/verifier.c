/* SPDX-License-Identifier: MIT */
/* See verifier.h. One function per section; bodies are walked by verifier_code.c. */
#include "engine/verifier.h"

#include <stdlib.h>
#include <string.h>

#include "engine/verifier_code.h"
#include "sluice/abi.h"

enum section {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
};

enum external { EXTERNAL_FUNCTION, EXTERNAL_TABLE, EXTERNAL_MEMORY, EXTERNAL_GLOBAL };

struct function_type {
    const uint8_t *params; /* value types, into the module */
    uint32_t param_count;
    uint8_t result; /* value type, or 0 for none */
};

struct verify {
    struct wasm_reader file;
    const struct module_policy *policy;
    struct verified_module *out;
    struct verifier_space space;
    struct function_type *types;
    uint32_t *functions; /* type of each defined function */
    uint32_t import_count;
    uint32_t defined_count;
    uint32_t data_seen;
    uint32_t sections_seen; /* bit per section id */
    struct wasm_name import_modules[VERIFIER_IMPORTS_MAX];
    struct wasm_name exports[VERIFIER_EXPORTS_MAX];
    bool has_start_export;
    bool has_memory_export;
};

static bool name_is(struct wasm_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.bytes, text, name.size) == 0;
}

static bool same_name(struct wasm_name a, struct wasm_name b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

/* Only names that can do no harm inside C: the translator writes them into its output. */
static struct wasm_name read_plain_name(struct wasm_reader *reader, const char *what)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const struct wasm_name name = wasm_reader_name(reader);
    if (!reader->failed && (name.size == 0 || name.size > VERIFIER_NAME_SIZE_MAX))
        wasm_reader_fail(reader, "the name of an %s has %u bytes, 1 to %u are allowed", what,
                         name.size, VERIFIER_NAME_SIZE_MAX);
    for (uint32_t i = 0; i < name.size && !reader->failed; i++)
        if (!memchr(allowed, name.bytes[i], sizeof allowed - 1))
            wasm_reader_fail(reader, "the name of an %s holds byte 0x%02x; only letters, digits, "
                                     "'_', '.' and '-' are allowed",
                             what, (unsigned)(uint8_t)name.bytes[i]);
    return name;
}

static void read_types(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_TYPES_MAX, "types");
    verify->types = calloc(count + 1, sizeof *verify->types);
    if (!verify->types)
        wasm_reader_fail(section, "out of memory");
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        struct function_type *type = &verify->types[i];
        if (wasm_reader_u8(section) != 0x60)
            wasm_reader_fail(section, "a type that is not a plain function type");
        type->param_count = wasm_reader_count(section, VERIFIER_PARAMS_MAX, "parameters");
        type->params = section->at;
        for (uint32_t j = 0; j < type->param_count && !section->failed; j++)
            verifier_value_type(section);
        if (wasm_reader_count(section, 1, "results") == 1)
            type->result = verifier_value_type(section);
    }
    verify->space.type_count = count;
}

static char type_letter(uint8_t type)
{
    switch (type) {
    case 0x7F: return 'i';
    case 0x7E: return 'I';
    case 0x7D: return 'f';
    case 0x7C: return 'F';
    default: return '?';
    }
}

#define SIGNATURE_SIZE (VERIFIER_PARAMS_MAX + 3)

static void format_signature(const struct function_type *type, char text[static SIGNATURE_SIZE])
{
    for (uint32_t i = 0; i < type->param_count; i++)
        *text++ = type_letter(type->params[i]);
    *text++ = ':';
    if (type->result)
        *text++ = type_letter(type->result);
    *text = '\0';
}

static const struct import_rule *find_rule(const struct module_policy *policy,
                                           struct wasm_name module, struct wasm_name name)
{
    for (size_t i = 0; i < policy->import_count; i++)
        if (name_is(module, policy->imports[i].module) && name_is(name, policy->imports[i].name))
            return &policy->imports[i];
    return NULL;
}

static void note_import_module(struct verify *verify, struct wasm_name module)
{
    uint32_t *count = &verify->out->import_module_count;
    for (uint32_t i = 0; i < *count; i++)
        if (same_name(verify->import_modules[i], module))
            return;
    verify->import_modules[(*count)++] = module;
}

static void read_import(struct verify *verify, struct wasm_reader *section)
{
    const struct wasm_name module = read_plain_name(section, "import module");
    const struct wasm_name name = read_plain_name(section, "import");
    const uint8_t kind = wasm_reader_u8(section);
    if (!section->failed && kind != EXTERNAL_FUNCTION)
        wasm_reader_fail(section, "import %.*s.%.*s is not a function; tables, memories and "
                                  "globals cannot be imported",
                         (int)module.size, module.bytes, (int)name.size, name.bytes);
    const uint32_t type = wasm_reader_u32(section);
    if (!section->failed && type >= verify->space.type_count)
        wasm_reader_fail(section, "type %u does not exist", type);
    if (section->failed)
        return;
    const struct import_rule *rule = find_rule(verify->policy, module, name);
    char signature[SIGNATURE_SIZE];
    format_signature(&verify->types[type], signature);
    if (!rule)
        wasm_reader_fail(section, "import %.*s.%.*s is not allowed for this kind of module",
                         (int)module.size, module.bytes, (int)name.size, name.bytes);
    else if (strcmp(rule->signature, signature) != 0)
        wasm_reader_fail(section, "import %.*s.%.*s has the signature %s, it must be %s",
                         (int)module.size, module.bytes, (int)name.size, name.bytes, signature,
                         rule->signature);
    else
        note_import_module(verify, module);
}

static void read_imports(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_IMPORTS_MAX, "imports");
    for (uint32_t i = 0; i < count && !section->failed; i++)
        read_import(verify, section);
    verify->import_count = count;
}

static void read_functions(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_FUNCTIONS_MAX, "functions");
    verify->functions = calloc(count + 1, sizeof *verify->functions);
    if (!verify->functions)
        wasm_reader_fail(section, "out of memory");
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        verify->functions[i] = wasm_reader_u32(section);
        if (verify->functions[i] >= verify->space.type_count)
            wasm_reader_fail(section, "type %u does not exist", verify->functions[i]);
    }
    verify->defined_count = count;
    verify->space.function_count = verify->import_count + count;
}

/* Flags, minimum and maximum of a table or memory; max is UINT32_MAX where none is given. */
static uint32_t read_limits(struct wasm_reader *section, const char *what, uint32_t *max)
{
    const uint8_t flags = wasm_reader_u8(section);
    if (flags & 0x02)
        wasm_reader_fail(section, "a shared %s needs threads, which is not allowed", what);
    else if (flags & 0x04)
        wasm_reader_fail(section, "a 64-bit %s needs memory64, which is not allowed", what);
    else if (flags & 0x08)
        wasm_reader_fail(section, "a %s with custom page size is not allowed", what);
    else if (flags > 1)
        wasm_reader_fail(section, "a %s with unknown flags 0x%02x", what, flags);
    const uint32_t min = wasm_reader_u32(section);
    *max = flags & 1 ? wasm_reader_u32(section) : UINT32_MAX;
    if (!section->failed && *max < min)
        wasm_reader_fail(section, "a %s whose maximum is below its minimum", what);
    return min;
}

static void read_tables(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, 1, "tables");
    if (count == 0)
        return;
    if (wasm_reader_u8(section) != 0x70)
        wasm_reader_fail(section, "a table of anything but functions is not allowed");
    uint32_t max;
    const uint32_t min = read_limits(section, "table", &max);
    if (min > VERIFIER_TABLE_MAX)
        wasm_reader_fail(section, "a table of %u elements, at most %u are allowed", min,
                         VERIFIER_TABLE_MAX);
    verify->space.has_table = true;
}

static void append_leb(struct buf *out, uint32_t value)
{
    do {
        const uint8_t byte = value & 0x7F;
        value >>= 7;
        buf_append_char(out, (char)(value ? byte | 0x80 : byte));
    } while (value);
}

/* The memory section is written anew so that it always has a maximum. */
static void read_memories(struct verify *verify, struct wasm_reader *section)
{
    if (wasm_reader_count(section, 2, "memories") != 1) {
        wasm_reader_fail(section, "a module must have exactly one memory");
        return;
    }
    uint32_t max;
    const uint32_t min = read_limits(section, "memory", &max);
    const uint32_t allowed = verify->policy->memory_pages_max < VERIFIER_MEMORY_PAGES_MAX
                                 ? verify->policy->memory_pages_max
                                 : VERIFIER_MEMORY_PAGES_MAX;
    if (min > allowed)
        wasm_reader_fail(section,
                         "the memory begins with %u pages of 64 KiB, at most %u are allowed", min,
                         allowed);
    if (max > VERIFIER_MEMORY_PAGES_MAX)
        max = VERIFIER_MEMORY_PAGES_MAX;
    verify->space.has_memory = true;
    verify->out->memory_pages_min = min;

    struct buf content = {0};
    buf_init(&content, 16);
    buf_append(&content, "\x01\x01", 2); /* one memory; with a maximum */
    append_leb(&content, min);
    append_leb(&content, max);
    buf_append_char(&verify->out->clean, SECTION_MEMORY);
    append_leb(&verify->out->clean, (uint32_t)content.size);
    buf_append(&verify->out->clean, content.data, content.size);
    if (content.failed)
        verify->out->clean.failed = true;
    buf_release(&content);
}

/* A constant of the wanted type and end; nothing else can be an initial value here. */
static void read_constant(struct wasm_reader *section, uint8_t type)
{
    static const uint8_t opcodes[] = {[0x7F - 0x7C] = 0x41, [0x7E - 0x7C] = 0x42,
                                      [0x7D - 0x7C] = 0x43, [0x7C - 0x7C] = 0x44};
    if (section->failed)
        return;
    const uint8_t opcode = wasm_reader_u8(section);
    if (opcode != opcodes[type - 0x7C])
        wasm_reader_fail(section, "an initial value that is not a constant of its type");
    switch (type) {
    case 0x7F: wasm_reader_s32(section); break;
    case 0x7E: wasm_reader_s64(section); break;
    default: wasm_reader_skip(section, type == 0x7D ? 4 : 8); break;
    }
    if (wasm_reader_u8(section) != 0x0B)
        wasm_reader_fail(section, "an initial value that is more than one constant");
}

static void read_globals(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_GLOBALS_MAX, "globals");
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        const uint8_t type = verifier_value_type(section);
        if (wasm_reader_u8(section) > 1)
            wasm_reader_fail(section, "a global that is neither constant nor variable");
        read_constant(section, type);
    }
    verify->space.global_count = count;
}

static void check_export(struct verify *verify, struct wasm_reader *section, struct wasm_name name,
                         uint8_t kind, uint32_t index)
{
    const struct verifier_space *space = &verify->space;
    const uint32_t counts[] = {space->function_count,
                               space->has_table, space->has_memory, space->global_count};
    if (kind > EXTERNAL_GLOBAL || index >= counts[kind]) {
        wasm_reader_fail(section, "export %.*s of something that does not exist", (int)name.size,
                         name.bytes);
        return;
    }
    if (name_is(name, "memory"))
        verify->has_memory_export = kind == EXTERNAL_MEMORY;
    if (!name_is(name, "_start"))
        return;
    if (kind == EXTERNAL_FUNCTION && index >= verify->import_count) {
        const uint32_t type = verify->functions[index - verify->import_count];
        verify->has_start_export =
            verify->types[type].param_count == 0 && verify->types[type].result == 0;
    }
}

static void read_exports(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_EXPORTS_MAX, "exports");
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        const struct wasm_name name = read_plain_name(section, "export");
        const uint8_t kind = wasm_reader_u8(section);
        const uint32_t index = wasm_reader_u32(section);
        for (uint32_t j = 0; j < i && !section->failed; j++)
            if (same_name(verify->exports[j], name))
                wasm_reader_fail(section, "two exports with the name %.*s", (int)name.size,
                                 name.bytes);
        if (section->failed)
            return;
        verify->exports[i] = name;
        check_export(verify, section, name, kind, index);
    }
}

static void read_elements(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_ELEMENTS_MAX, "element segments");
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        if (wasm_reader_u32(section) != 0 || !verify->space.has_table)
            wasm_reader_fail(section, "an element segment that is not a plain one of table 0");
        read_constant(section, 0x7F);
        const uint32_t functions =
            wasm_reader_count(section, VERIFIER_TABLE_MAX, "elements of a segment");
        for (uint32_t j = 0; j < functions && !section->failed; j++)
            if (wasm_reader_u32(section) >= verify->space.function_count)
                wasm_reader_fail(section, "an element names a function that does not exist");
    }
}

static void read_code(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_FUNCTIONS_MAX, "function bodies");
    if (!section->failed && count != verify->defined_count)
        wasm_reader_fail(section, "%u function bodies for %u functions", count,
                         verify->defined_count);
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        const uint32_t size = wasm_reader_u32(section);
        if (size > VERIFIER_BODY_SIZE_MAX)
            wasm_reader_fail(section,
                             "the body of function %u has %u bytes, at most %u are allowed",
                             verify->import_count + i, size, VERIFIER_BODY_SIZE_MAX);
        struct wasm_reader body;
        wasm_reader_cut(section, size, &body);
        if (section->failed)
            return;
        const struct function_type *type = &verify->types[verify->functions[i]];
        if (!verifier_walk_body(&body, &verify->space, type->param_count))
            wasm_reader_fail(section, "function %u: %s; body ends", verify->import_count + i,
                             body.reason);
    }
}

static void read_data(struct verify *verify, struct wasm_reader *section)
{
    const uint32_t count = wasm_reader_count(section, VERIFIER_DATA_MAX, "data segments");
    verify->data_seen = count;
    for (uint32_t i = 0; i < count && !section->failed; i++) {
        const uint32_t mode = wasm_reader_u32(section);
        if (mode > 2 || (mode == 2 && wasm_reader_u32(section) != 0))
            wasm_reader_fail(section, "a data segment of an unknown kind or another memory");
        if (mode != 1) {
            if (!verify->space.has_memory)
                wasm_reader_fail(section, "a data segment in a module without memory");
            read_constant(section, 0x7F);
        }
        wasm_reader_skip(section, wasm_reader_u32(section));
    }
}

static void read_custom(struct verify *verify, struct wasm_reader *section)
{
    const struct wasm_name name = wasm_reader_name(section);
    if (section->failed || !name_is(name, SLUICE_MANIFEST_SECTION)) {
        wasm_reader_skip(section, wasm_reader_left(section));
        return;
    }
    const size_t size = wasm_reader_left(section);
    if (verify->out->manifest)
        wasm_reader_fail(section, "two manifests");
    else if (size > VERIFIER_MANIFEST_SIZE_MAX)
        wasm_reader_fail(section, "a manifest of %zu bytes, at most %u are allowed", size,
                         VERIFIER_MANIFEST_SIZE_MAX);
    else if (!(verify->out->manifest = malloc(size + 1)))
        wasm_reader_fail(section, "out of memory");
    else {
        memcpy(verify->out->manifest, section->at, size);
        verify->out->manifest[size] = '\0';
        verify->out->manifest_size = size;
        wasm_reader_skip(section, size);
    }
}

struct section_rule {
    unsigned order; /* sections other than custom ones come in this order; 0: not allowed */
    void (*read)(struct verify *verify, struct wasm_reader *section);
};

static void read_data_count(struct verify *verify, struct wasm_reader *section)
{
    verify->space.data_count = wasm_reader_u32(section);
    if (verify->space.data_count > VERIFIER_DATA_MAX)
        wasm_reader_fail(section, "%u data segments, at most %u are allowed",
                         verify->space.data_count, VERIFIER_DATA_MAX);
}

static const struct section_rule section_rules[] = {
    [SECTION_CUSTOM] = {0, read_custom},
    [SECTION_TYPE] = {1, read_types},
    [SECTION_IMPORT] = {2, read_imports},
    [SECTION_FUNCTION] = {3, read_functions},
    [SECTION_TABLE] = {4, read_tables},
    [SECTION_MEMORY] = {5, read_memories},
    [SECTION_GLOBAL] = {6, read_globals},
    [SECTION_EXPORT] = {7, read_exports},
    [SECTION_START] = {0, NULL},
    [SECTION_ELEMENT] = {9, read_elements},
    [SECTION_CODE] = {11, read_code},
    [SECTION_DATA] = {12, read_data},
    [SECTION_DATA_COUNT] = {10, read_data_count},
};

/* What later sections need to know has to be complete before they are read. */
static bool begin_section(struct verify *verify, uint8_t id, unsigned *order)
{
    struct wasm_reader *file = &verify->file;
    if (id == SECTION_START)
        return wasm_reader_fail(file, "a start function is not allowed");
    if (id >= sizeof section_rules / sizeof section_rules[0])
        return wasm_reader_fail(
            file, "section %u is unknown or needs a feature that is not allowed", id);
    if (id == SECTION_CUSTOM)
        return true;
    if (section_rules[id].order <= *order)
        return wasm_reader_fail(file, "section %u is out of order or comes twice", id);
    if (!verify->types && id != SECTION_TYPE)
        return wasm_reader_fail(file, "section %u comes without a type section", id);
    if (!verify->functions && section_rules[id].order > section_rules[SECTION_FUNCTION].order)
        return wasm_reader_fail(file, "section %u comes without a function section", id);
    *order = section_rules[id].order;
    verify->sections_seen |= 1u << id;
    return true;
}

static void read_section(struct verify *verify, unsigned *order)
{
    struct wasm_reader *file = &verify->file;
    const uint8_t *begin = file->at;
    const uint8_t id = wasm_reader_u8(file);
    const uint32_t size = wasm_reader_u32(file);
    struct wasm_reader section;
    wasm_reader_cut(file, size, &section);
    if (file->failed || !begin_section(verify, id, order))
        return;
    section_rules[id].read(verify, &section);
    if (!section.failed && wasm_reader_left(&section) != 0)
        wasm_reader_fail(&section, "section %u is longer than its content", id);
    if (section.failed) {
        *file = section;
        return;
    }
    if (id != SECTION_CUSTOM && id != SECTION_MEMORY)
        buf_append(&verify->out->clean, begin, (size_t)(file->at - begin));
}

static void check_whole(struct verify *verify)
{
    struct wasm_reader *file = &verify->file;
    const bool has_code = verify->sections_seen >> SECTION_CODE & 1;
    if (!has_code)
        wasm_reader_fail(file, "the module has no code");
    if ((verify->sections_seen >> SECTION_DATA_COUNT & 1) &&
        verify->data_seen != verify->space.data_count)
        wasm_reader_fail(file, "%u data segments where %u were announced", verify->data_seen,
                         verify->space.data_count);
    if (!verify->has_memory_export)
        wasm_reader_fail(file, "the module does not export its memory as \"memory\"");
    if (!verify->has_start_export)
        wasm_reader_fail(file, "the module does not export the function \"_start\" (no parameters, "
                               "no result)");
}

static void verify_file(struct verify *verify)
{
    static const uint8_t magic[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    struct wasm_reader *file = &verify->file;
    if (wasm_reader_left(file) < sizeof magic || memcmp(file->at, magic, 4) != 0) {
        wasm_reader_fail(file, "this is not a WebAssembly module");
        return;
    }
    if (memcmp(file->at, magic, sizeof magic) != 0) {
        wasm_reader_fail(file, "this is not version 1 of the WebAssembly binary format");
        return;
    }
    wasm_reader_skip(file, sizeof magic);
    buf_append(&verify->out->clean, magic, sizeof magic);
    unsigned order = 0;
    while (!file->failed && wasm_reader_left(file) > 0)
        read_section(verify, &order);
    if (!file->failed)
        check_whole(verify);
}

bool verifier_check(const void *bytes, size_t size, const struct module_policy *policy,
                    struct verified_module *out, struct error *err)
{
    *out = (struct verified_module){0};
    buf_init(&out->clean, VERIFIER_MODULE_SIZE_MAX + 64); /* The memory section may grow. */
    if (size > VERIFIER_MODULE_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "the module has %zu bytes, at most %u are allowed", size,
                         VERIFIER_MODULE_SIZE_MAX);
    struct verify *verify = calloc(1, sizeof *verify);
    if (!verify)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    verify->policy = policy;
    verify->out = out;
    wasm_reader_init(&verify->file, bytes, size);
    verify_file(verify);

    bool ok = true;
    if (verify->file.failed)
        ok = error_set(err, ERROR_INVALID, "refused: %s", verify->file.reason);
    else if (out->clean.failed)
        ok = error_set(err, ERROR_INTERNAL, "out of memory");
    free(verify->types);
    free(verify->functions);
    free(verify);
    return ok;
}

void verified_module_release(struct verified_module *module)
{
    buf_release(&module->clean);
    free(module->manifest);
    *module = (struct verified_module){0};
}
