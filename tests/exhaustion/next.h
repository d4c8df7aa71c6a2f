/* SPDX-License-Identifier: MIT */
/* The function that would have been called without these files. */
#ifndef EXHAUSTION_NEXT_H
#define EXHAUSTION_NEXT_H
#include <dlfcn.h>

#include "exhaustion.h"

/* The definition of name in the libraries; found once, without counting what finding takes. */
static inline void *exhaustion_next(void **known, const char *name)
{
    if (!*known) {
        exhaustion_enter();
        *known = dlsym(RTLD_NEXT, name);
        exhaustion_leave();
    }
    return *known;
}

#define NEXT(name)                                                                                 \
    ({                                                                                             \
        static void *known_next;                                                                   \
        (__typeof__(&name)) exhaustion_next(&known_next, #name);                                   \
    })

/* The value of a call whose own calls are not counted. */
#define WITHIN(type, call)                                                                         \
    ({                                                                                             \
        exhaustion_enter();                                                                        \
        type within_value = (call);                                                                \
        exhaustion_leave();                                                                        \
        within_value;                                                                              \
    })
#endif
