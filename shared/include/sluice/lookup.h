/* SPDX-License-Identifier: MIT */
/*
 * The two lookups of the integration. Property names are compared without case and punctuation by
 * the host ("to.ProcessNotification" is "to.process.notification"); where the names themselves
 * differ in their words, a second spelling is given. An empty value counts as missing.
 */
#ifndef SLUICE_LOOKUP_H
#define SLUICE_LOOKUP_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/fault.h"
#include "sluice/text.h"

#define LOOKUP_CONFIG "OUTL-BRT-CCS_DACS_ConfigProps"
#define LOOKUP_EMAIL "OUTL-BRT-CCS_DACS_Email_ID"

/* Replaces value by a property's; false if it is missing, empty or cannot be read. */
bool lookup_text(const char *lookup, const char *property, const char *second_spelling,
                 struct text *value);

/* A property that must be there: false sets fault "missing_property", naming both. */
bool lookup_required(const char *lookup, const char *property, struct text *value,
                     struct fault *fault);

/* A property of LOOKUP_CONFIG that is true unless it says "false" (any case). Another word counts
 * as true and is logged. */
bool lookup_flag(const char *property);

/* A whole number within +-99999 from LOOKUP_CONFIG; default_value if missing. false sets fault
 * "invalid_property", naming property, lookup and value. */
bool lookup_number(const char *property, const char *second_spelling, int default_value, int *value,
                   struct fault *fault);
#endif
