/* SPDX-License-Identifier: MIT */
/*
 * The acknowledgement of a synchronization request: as DACS may send it, and as CCS takes it.
 *
 * What DACS sends (X1-SYNREQACK) is not published, so every plausible form is accepted: README.md
 * beside this file lists them. What CCS takes is published: PATCH
 * /rest/apis/common/sync/syncRequest/{id} of Oracle Utilities Application Framework 24.2. What
 * becomes of what is mapping.json; here is what a mapping cannot say.
 */
#ifndef ACKNOWLEDGEMENT_H
#define ACKNOWLEDGEMENT_H
#include <stdbool.h>
#include <stddef.h>

#include "sluice/fault.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define ACKNOWLEDGEMENT_ID_SIZE_MAX 60u

/* All zero before acknowledgement_read. */
struct acknowledgement {
    cJSON *message;       /* as it came */
    const cJSON *inner;   /* the object in it that has the members */
    struct text id;       /* the CCS sync request: [A-Za-z0-9_-], 1 to ACKNOWLEDGEMENT_ID_SIZE_MAX */
    struct text for_ccs;  /* the body for CCS */
};

/* false: fault "invalid_message" says what cannot be understood. */
bool acknowledgement_read(struct acknowledgement *ack, const char *bytes, size_t size,
                          struct fault *fault);

/* Makes id and for_ccs. false: fault is set, "invalid_message" if the message is to blame and
 * "invalid_property" if a lookup is; id is set if it was found before. */
bool acknowledgement_map(struct acknowledgement *ack, struct fault *fault);

/* Whether the sender has to change something, not those who run the flow. */
bool acknowledgement_is_to_blame(const struct fault *fault);
#endif
