/* SPDX-License-Identifier: MIT */
/* What a test may choose of the stand-in in fake_flow.c. */
#ifndef TESTS_FAKE_FLOW_H
#define TESTS_FAKE_FLOW_H
#include "capability/manifest.h"

/* The grants of its flow from now on; borrowed. */
void fake_flow_grant(struct grant *grants, size_t count);
#endif
