/* SPDX-License-Identifier: MIT */
/* How a flow ends when memory has run out: its instance says so. */
#include <stdlib.h>

#include "sluice/imports.h"
#include "sluice/memory.h"

_Noreturn void memory_end(void)
{
    sluice_flow_fail(SLUICE_STRING("out_of_memory"), SLUICE_STRING("The flow is out of memory"),
                     SLUICE_STRING("The memory limit of the flow's manifest is used up."));
    exit(1);
}
