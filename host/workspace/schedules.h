/* SPDX-License-Identifier: MIT */
/* The text form of schedules: schedules.json, and one schedule kept elsewhere. Thread-safe. */
#ifndef WORKSPACE_SCHEDULES_H
#define WORKSPACE_SCHEDULES_H
#include "base/document.h"
#include "workspace/workspace.h"

#define SCHEDULES_MAX 256
#define SCHEDULE_PARAMETERS_MAX 32

/* Reads folder/schedules.json; a missing file means none. On error nothing is to be released. */
MUST_USE bool schedules_read(const char *folder, struct schedule_list *list, struct error *err);
/* The same from text, which errors call name. */
MUST_USE bool schedules_parse(const char *text, const char *name, struct schedule_list *list,
                              struct error *err);
void schedules_release(struct schedule_list *list); /* zeroed is fine */
void schedule_release(struct schedule *schedule);   /* zeroed is fine */
MUST_USE bool schedule_copy(const struct schedule *from, struct schedule *to, struct error *err);

/* Writes the members of an entry of schedules.json into an open object. */
void schedule_format(const struct schedule *schedule, struct document *document);
#endif
