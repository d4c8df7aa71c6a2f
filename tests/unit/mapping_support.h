/* SPDX-License-Identifier: MIT */
/*
 * What the tests of mappings share: compile, apply, look. JSON is written with ' for ", so that it
 * can be read. A lookup "Codes" has the properties "A" ("first") and "n" ("42").
 */
#ifndef TESTS_MAPPING_SUPPORT_H
#define TESTS_MAPPING_SUPPORT_H
#include "sluice/mapping.h"

struct outcome {
    struct text result; /* empty if there is none */
    struct text errors; /* of the document, or "rule: error" */
    struct text notes;
    enum mapping_failure failure;
    int asked; /* how often for a property */
};

/* Aborts if the message was changed on the way. */
struct outcome map(const char *document, const char *message);

/* With rules (without the brackets) that start with nothing, or with a copy of the message. */
struct outcome map_rules(const char *rules, const char *message);
struct outcome map_in_place(const char *rules, const char *message);
#endif
