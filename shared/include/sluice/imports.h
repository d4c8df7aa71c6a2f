/* SPDX-License-Identifier: MIT */
/*
 * Tier 1 of the guest's library: the raw imports, declared from the table in abi.h as
 * sluice_<module>_<name>. Elsewhere than in a WebAssembly module they are ordinary functions that
 * somebody else defines (the unit tests do). Flows use the friendly headers beside this one.
 */
#ifndef SLUICE_IMPORTS_H
#define SLUICE_IMPORTS_H
#include <stdint.h>
#include <string.h>

#include "sluice/abi.h"

#ifdef __wasm__
#define SLUICE_IMPORTED(module, name)                                                              \
    __attribute__((import_module("sluice_" #module), import_name(#name)))
#else
#define SLUICE_IMPORTED(module, name)
#endif

#define SLUICE_PARAMETER_TEXT(name) const char *name, uint32_t name##_size
#define SLUICE_PARAMETER_BYTES(name) const void *name, uint32_t name##_size
#define SLUICE_PARAMETER_OUT(name) void *name, uint32_t name##_capacity
#define SLUICE_PARAMETER_INFO(name) struct sluice_file_info *name
#define SLUICE_PARAMETER_FILE(name) int32_t name
#define SLUICE_PARAMETER_LISTING(name) int32_t name
#define SLUICE_PARAMETER_RESPONSE(name) int32_t name
#define SLUICE_PARAMETER_HANDLE(name) int32_t name
#define SLUICE_PARAMETER_NUMBER(name) uint32_t name

/* A parameter list; none is (void). */
#define SLUICE_PARAMETERS_0(list) void
#define SLUICE_PARAMETERS_1(list) SLUICE_EACH(SLUICE_PARAMETER_, 1, list)
#define SLUICE_PARAMETERS_2(list) SLUICE_EACH(SLUICE_PARAMETER_, 2, list)
#define SLUICE_PARAMETERS_3(list) SLUICE_EACH(SLUICE_PARAMETER_, 3, list)
#define SLUICE_PARAMETERS_4(list) SLUICE_EACH(SLUICE_PARAMETER_, 4, list)
#define SLUICE_PARAMETERS_5(list) SLUICE_EACH(SLUICE_PARAMETER_, 5, list)

#define SLUICE_DECLARE(module, name, effect, count, list)                                          \
    SLUICE_IMPORTED(module, name)                                                                  \
    int32_t sluice_##module##_##name(SLUICE_PARAMETERS_##count(list));

SLUICE_IMPORTS(SLUICE_DECLARE)

/* A C string as the two words of a TEXT argument. Evaluates string twice. */
#define SLUICE_STRING(string) (string), (uint32_t)strlen(string)
#endif
