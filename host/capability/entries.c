/* SPDX-License-Identifier: MIT */
/*
 * The symbols that translated modules link to, one per row of abi.h. The first argument is what the
 * engine passed for the import module: the running guest.
 */
#include "capability/call.h"

#define W_TEXT(n) uint32_t n, uint32_t n##_size
#define W_BYTES(n) uint32_t n, uint32_t n##_size
#define W_OUT(n) uint32_t n, uint32_t n##_size
#define W_INFO(n) uint32_t n
#define W_FILE(n) uint32_t n
#define W_LISTING(n) uint32_t n
#define W_RESPONSE(n) uint32_t n
#define W_HANDLE(n) uint32_t n
#define W_NUMBER(n) uint32_t n

#define A_TEXT(n) n, n##_size
#define A_BYTES(n) n, n##_size
#define A_OUT(n) n, n##_size
#define A_INFO(n) n
#define A_FILE(n) n
#define A_LISTING(n) n
#define A_RESPONSE(n) n
#define A_HANDLE(n) n
#define A_NUMBER(n) n

#define COMMA_0
#define COMMA_1 ,
#define COMMA_2 ,
#define COMMA_3 ,
#define COMMA_4 ,
#define COMMA_5 ,

#define ENTRY(module, name, effect, count, list)                                                   \
    uint32_t w2c_sluice__##module##_##name(struct guest *sandbox COMMA_##count SLUICE_EACH(        \
        W_, count, list));                                                                         \
    uint32_t w2c_sluice__##module##_##name(struct guest *sandbox COMMA_##count SLUICE_EACH(        \
        W_, count, list))                                                                          \
    {                                                                                              \
        const uint32_t words[] = {SLUICE_EACH(A_, count, list) COMMA_##count 0};                   \
        return import_call(sandbox, IMPORT_##module##_##name, words);                              \
    }

SLUICE_IMPORTS(ENTRY)
