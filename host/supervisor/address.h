/* SPDX-License-Identifier: MIT */
/* Whether two servers would get into each other's way. Pure, thread-safe. */
#ifndef SUPERVISOR_ADDRESS_H
#define SUPERVISOR_ADDRESS_H
#include <stdbool.h>

/*
 * Whether "ADDRESS:PORT" a and b cannot both be listened on: the same port (0 is any free one) and the
 * same address, or one of them is all addresses (0.0.0.0, [::]). Names are compared as they are written,
 * but for localhost, which is 127.0.0.1 and ::1. What is no address overlaps nothing.
 */
bool address_overlaps(const char *a, const char *b);
#endif
