/* SPDX-License-Identifier: MIT */
/* Prototypes of all import handlers, from the table in abi.h. */
#ifndef CAPABILITY_HANDLERS_H
#define CAPABILITY_HANDLERS_H
#include "capability/call.h"

#define DECLARE_HANDLER(module, name, effect, count, list)                                         \
    int32_t capability_##module##_##name(struct call *call);
SLUICE_IMPORTS(DECLARE_HANDLER)
#undef DECLARE_HANDLER
#endif
