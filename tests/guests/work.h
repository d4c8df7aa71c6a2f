/* SPDX-License-Identifier: MIT */
/* See work.c. */
#ifndef GUESTS_WORK_H
#define GUESTS_WORK_H
#include <stdint.h>

uint32_t work_once(uint32_t seed);
#endif
