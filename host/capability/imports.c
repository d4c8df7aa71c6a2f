/* SPDX-License-Identifier: MIT */
/* The table of abi.h as descriptors for the dispatcher and as the verifier's allow-list. */
#include "capability/call.h"

#include <string.h>

#include "capability/handlers.h"
#include "capability/wasi.h"


#define P_TEXT(n) {PARAMETER_TEXT, #n}
#define P_BYTES(n) {PARAMETER_BYTES, #n}
#define P_OUT(n) {PARAMETER_OUT, #n}
#define P_INFO(n) {PARAMETER_INFO, #n}
#define P_FILE(n) {PARAMETER_FILE, #n}
#define P_LISTING(n) {PARAMETER_LISTING, #n}
#define P_RESPONSE(n) {PARAMETER_RESPONSE, #n}
#define P_HANDLE(n) {PARAMETER_HANDLE, #n}
#define P_NUMBER(n) {PARAMETER_NUMBER, #n}

#define DESCRIBE(module_, name_, effect_, count_, list_)                                           \
    [IMPORT_##module_##_##name_] = {                                                               \
        .capability = #module_,                                                                    \
        .name = #name_,                                                                            \
        .full_name = #module_ "." #name_,                                                          \
        .effect = effect_,                                                                         \
        .parameter_count = count_,                                                                 \
        .parameters = {SLUICE_EACH(P_, count_, list_)},                                            \
        .handler = capability_##module_##_##name_,                                                 \
    },

const struct import imports[IMPORT_COUNT] = {SLUICE_IMPORTS(DESCRIBE)};

#define S_TEXT(n) "ii"
#define S_BYTES(n) "ii"
#define S_OUT(n) "ii"
#define S_INFO(n) "i"
#define S_FILE(n) "i"
#define S_LISTING(n) "i"
#define S_RESPONSE(n) "i"
#define S_HANDLE(n) "i"
#define S_NUMBER(n) "i"
#define JOIN_0()
#define JOIN_1(a) a
#define JOIN_2(a, b) a b
#define JOIN_3(a, b, c) a b c
#define JOIN_4(a, b, c, d) a b c d
#define JOIN_5(a, b, c, d, e) a b c d e
#define JOIN(count, ...) JOIN_##count(__VA_ARGS__)

#define RULE(module, name, effect, count, list)                                                    \
    {"sluice_" #module, #name, JOIN(count, SLUICE_EACH(S_, count, list)) ":i"},

#define WASI_RULE(name, signature) {"wasi_snapshot_preview1", #name, signature},

static const struct import_rule rules[] = {SLUICE_IMPORTS(RULE) WASI_IMPORTS(WASI_RULE)};

const struct import_rule *capability_import_rules(size_t *count)
{
    *count = sizeof rules / sizeof rules[0];
    return rules;
}
