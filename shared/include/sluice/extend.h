/* SPDX-License-Identifier: MIT */
/*
 * Extension points: where a flow hands what it holds to the tenant's customisations and goes on with what
 * comes back. A flow lists its points in its manifest ("extension_points"); docs/customise.md tells
 * people what each gets and may give. Without customisations all of these change nothing.
 */
#ifndef SLUICE_EXTEND_H
#define SLUICE_EXTEND_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/fault.h"
#include "sluice/text.h"

/* Whether there are customisations at point: where the message is costly to make. */
bool extend_is_used(const char *point);

/* Replaces message by what the customisations at point make of it. false: fault is set ("filter_failed"
 * where it is theirs), message is as before. */
bool extend_text(const char *point, struct text *message, struct fault *fault);

/* Gives a handle of the file whose bytes pass through the customisations when it is stored, and closes
 * file; or file itself. Negative: a status; file is closed, too. */
int32_t extend_file(const char *point, int32_t file);
#endif
