/* SPDX-License-Identifier: MIT */
/*
 * Every import of sluice/abi.h and the WASI calls of flows, as weak functions that cross the border
 * and answer "not found" (WASI: ENOSYS): with them the real flows load without the layers above.
 */
#include "engine/sandbox.h"
#include "sluice/abi.h"

#define WORDS_TEXT(name) uint32_t name##_address, uint32_t name##_size
#define WORDS_BYTES(name) uint32_t name##_address, uint32_t name##_size
#define WORDS_OUT(name) uint32_t name##_address, uint32_t name##_capacity
#define WORDS_INFO(name) uint32_t name##_address
#define WORDS_FILE(name) uint32_t name
#define WORDS_LISTING(name) uint32_t name
#define WORDS_RESPONSE(name) uint32_t name
#define WORDS_HANDLE(name) uint32_t name
#define WORDS_NUMBER(name) uint32_t name
#define COMMA_0
#define COMMA_1 ,
#define COMMA_2 ,
#define COMMA_3 ,
#define COMMA_4 ,
#define COMMA_5 ,

static uint32_t answer(void *context, const char *name, int32_t result)
{
    struct guest *guest = context;
    guest_enter_host(guest, name);
    guest_leave_host(guest);
    return (uint32_t)result;
}

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define STUB(module, name, effect, count, list)                                                    \
    __attribute__((weak)) uint32_t w2c_sluice__##module##_##name(                                  \
        void *context COMMA_##count SLUICE_EACH(WORDS_, count, list))                              \
    {                                                                                              \
        return answer(context, #module "." #name, SLUICE_NOT_FOUND);                               \
    }
SLUICE_IMPORTS(STUB)

#define WASI_ENOSYS 52
#define WASI_STUB(name, ...)                                                                       \
    __attribute__((weak)) uint32_t w2c_wasi__snapshot__preview1_##name(void *context, __VA_ARGS__) \
    {                                                                                              \
        return answer(context, #name, WASI_ENOSYS);                                                \
    }
WASI_STUB(clock_time_get, uint32_t id, uint64_t precision, uint32_t address)
WASI_STUB(fd_close, uint32_t fd)
WASI_STUB(fd_seek, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t address)
WASI_STUB(fd_write, uint32_t fd, uint32_t vectors, uint32_t count, uint32_t address)
WASI_STUB(fd_fdstat_get, uint32_t fd, uint32_t address)
