/* SPDX-License-Identifier: MIT */
/* What the two files of customise.h share. */
#ifndef FLOW_CUSTOMISE_PRIVATE_H
#define FLOW_CUSTOMISE_PRIVATE_H
#include "capability/filter_cache.h"
#include "flow/customise.h"

struct filter_cache *customise_cache(const struct customise *customise);
const struct workspace *customise_workspace(const struct customise *customise);

/* ERROR_NOT_FOUND names the extension points that flow has. */
MUST_USE bool customise_check_point(const struct manifest *flow, const char *point,
                                    struct error *err);
#endif
