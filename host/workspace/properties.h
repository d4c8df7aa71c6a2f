/* SPDX-License-Identifier: MIT */
/* The properties that the flows read from the two lookups: names, meanings, legal values. */
#ifndef WORKSPACE_PROPERTIES_H
#define WORKSPACE_PROPERTIES_H
#include <stddef.h>

#include "workspace/lookup.h"

enum property_kind {
    PROPERTY_TEXT,
    PROPERTY_FLAG,    /* true or false */
    PROPERTY_ON,      /* "email" or "true" mean on */
    PROPERTY_NUMBER,
    PROPERTY_TARGET,  /* ftp or os */
    PROPERTY_ADDRESS, /* one mail address */
    PROPERTY_ADDRESSES, /* mail addresses, comma separated */
};

/* When a property must be there. */
enum property_need {
    NEED_ALWAYS,
    NEED_FTP_SOURCE,
    NEED_OS_SOURCE,
    NEED_FTP_TARGET, /* dacs.file.target.transfer.pref is ftp */
    NEED_OS_TARGET,  /* ... is os */
};

struct property {
    const char *lookup, *name;
    enum property_kind kind;
    enum property_need need;
    const char *meaning;
};

extern const struct property properties[];
extern const size_t property_count;

/* The known property of that lookup (case and punctuation do not count), or NULL. */
const struct property *property_find(const char *lookup, const char *name);

/* What a value must look like, as a phrase behind "must be", or NULL if value is fine. */
const char *property_complaint(const struct property *property, const char *value);

/* The value of one property, or all of a lookup, as the flows can use them; properties that are not
 * known may have any value. ERROR_INVALID names property, meaning and what is legal. */
MUST_USE bool property_check(const char *lookup, const char *name, const char *value,
                             struct error *err);
MUST_USE bool property_check_all(const struct lookup *lookup, struct error *err);
#endif
