/* SPDX-License-Identifier: MIT */
/*
 * What a workspace's store outlives, and what is lost with it for each flow: a part of `sluice
 * check`, for platforms that keep nothing.
 */
#ifndef CLI_DURABILITY_H
#define CLI_DURABILITY_H
#include "flow/flow.h"
#include "workspace/inspect.h"

/* How long what is written there stays. */
enum durability_place {
    PLACE_PROCESS,   /* in the memory of the process */
    PLACE_MACHINE,   /* a file system in memory: until the machine or container ends */
    PLACE_CONTAINER, /* the container's own layer: until it ends */
    PLACE_DISK,      /* or a mounted volume */
};

/* folder may not exist yet: then what it would be made in counts. */
enum durability_place durability_place_of(const char *folder);

/* One finding about the store and, unless it is on a disk, one for each flow. */
void durability_inspect(const struct service *service, finding_fn *fn, void *context);
#endif
