/* SPDX-License-Identifier: MIT */
/* How schedules and what became of their due times are shown; see cmd_schedules.c. */
#ifndef CLI_SCHEDULE_VIEW_H
#define CLI_SCHEDULE_VIEW_H
#include "cli/cli.h"
#include "flow/timetable.h"

/* All schedules, or that of one flow, each with its next due times. */
MUST_USE bool schedule_view_list(struct cli *cli, struct service *service, const size_t *flow,
                                 int64_t next, struct error *err);
/* What became of due times, newest first; flow NULL: of all flows. */
MUST_USE bool schedule_view_history(struct cli *cli, struct service *service, const char *flow,
                                    int64_t limit, struct error *err);
#endif
