/* SPDX-License-Identifier: MIT */
/* The table of abi.h as descriptors for the dispatcher. */
#include "capability/call.h"

#include "capability/handlers.h"


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
