/* SPDX-License-Identifier: MIT */
/*
 * The inside of this layer, for its own files only: handles (pool.h), streams (pump.h) and the
 * table that a content server fills in (content_server.h).
 */
#ifndef TRANSFER_INTERNAL_H
#define TRANSFER_INTERNAL_H
#include "transfer/content_server.h"
#include "transfer/pool.h"
#include "transfer/pump.h"
#endif
