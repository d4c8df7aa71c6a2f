/* SPDX-License-Identifier: MIT */
/* Roles and their words; see role.h. */
#include "server/role.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"invoke", "monitor", "administer"};
#define COUNT (sizeof names / sizeof names[0])

bool role_parse(const char *word, unsigned *role)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (strcmp(word, names[i]) == 0) {
            *role = 1u << i;
            return true;
        }
    }
    return false;
}

const char *role_name(enum role role)
{
    unsigned i = 0;
    while (i + 1 < COUNT && !(role & 1u << i))
        i++;
    return names[i];
}

bool roles_include(unsigned roles, enum role needed)
{
    return (roles & (needed | ROLE_ADMINISTER)) != 0;
}

const char *roles_format(unsigned roles, char text[static ROLES_TEXT_SIZE])
{
    size_t size = 0;
    for (unsigned i = 0; i < COUNT; i++)
        if (roles & 1u << i)
            size += (size_t)snprintf(text + size, ROLES_TEXT_SIZE - size, "%s%s", size ? ", " : "",
                                     names[i]);
    if (size == 0)
        snprintf(text, ROLES_TEXT_SIZE, "none");
    return text;
}
