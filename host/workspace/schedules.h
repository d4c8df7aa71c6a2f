/* SPDX-License-Identifier: MIT */
/* Reading schedules.json. Used by workspace_open only. */
#ifndef WORKSPACE_SCHEDULES_H
#define WORKSPACE_SCHEDULES_H
#include "workspace/workspace.h"

#define SCHEDULES_MAX 256
#define SCHEDULE_PARAMETERS_MAX 32

/* Fills workspace->schedules from folder/schedules.json; a missing file means none. */
MUST_USE bool schedules_read(struct workspace *workspace, struct error *err);
void schedules_release(struct workspace *workspace);
#endif
