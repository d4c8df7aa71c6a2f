/* SPDX-License-Identifier: MIT */
/*
 * The acknowledgement of a synchronization request: as DACS may send it, and as CCS takes it.
 *
 * What DACS sends (X1-SYNREQACK) is not published, so every plausible form is accepted: README.md
 * beside this file lists them. What CCS takes is published: PATCH
 * /rest/apis/common/sync/syncRequest/{id} of Oracle Utilities Application Framework 24.2.
 */
#ifndef ACKNOWLEDGEMENT_H
#define ACKNOWLEDGEMENT_H
#include <stdbool.h>
#include <stddef.h>

#include "sluice/fault.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define ACKNOWLEDGEMENT_ID_SIZE_MAX 60u
/* Sizes of CCS's schema, in characters; longer texts are cut. */
#define ACKNOWLEDGEMENT_COMMENTS_MAX 254u
#define ACKNOWLEDGEMENT_VALUE_MAX 2000u
/* CCS numbers messages and parameters up to 999; further ones are left out. */
#define ACKNOWLEDGEMENT_SEQUENCE_MAX 999

/* All zero before acknowledgement_read. */
struct acknowledgement {
    cJSON *message;     /* as it came */
    const cJSON *inner; /* the object in it that has the members */
    struct text id;     /* the CCS sync request: [A-Za-z0-9_-], 1 to ACKNOWLEDGEMENT_ID_SIZE_MAX */
    bool is_negative;
};

/* false: fault "invalid_message" says what cannot be understood. */
bool acknowledgement_read(struct acknowledgement *ack, const char *bytes, size_t size,
                          struct fault *fault);

/* Appends the body for CCS. Message category and number come from the lookup. false: fault is set,
 * the lookup's numbers cannot be used. */
bool acknowledgement_for_ccs(const struct acknowledgement *ack, struct text *out,
                             struct fault *fault);
#endif
