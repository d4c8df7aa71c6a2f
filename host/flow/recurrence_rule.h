/* SPDX-License-Identifier: MIT */
/* Whether one RRULE value is well-formed, with errors that a person can act on; see recurrence.c. */
#ifndef FLOW_RECURRENCE_RULE_H
#define FLOW_RECURRENCE_RULE_H
#include "base/error.h"

struct rule_facts {
    bool has_count, is_subdaily, has_by_part;
    bool under_a_minute; /* due more often than once a minute */
};

/* Checks rule (upper case, no final ';'); errors carry the character's number, from 1, in rule. */
MUST_USE bool rule_check(const char *rule, struct rule_facts *facts, struct error *err);
#endif
