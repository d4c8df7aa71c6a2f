/* SPDX-License-Identifier: MIT */
/* Schedules in OIC's words, and in ours: local times, and the simple form of a recurrence. */
#ifndef SERVER_API_SCHEDULE_RULE_H
#define SERVER_API_SCHEDULE_RULE_H
#include "server/api_call.h"

#define SCHEDULE_TIME_SIZE 32

/* "11/24/2026|06:30:00", or as schedules.json has it, into "2026-11-24T06:30:00". False: neither. */
bool schedule_read_time(const char *text, char local[static SCHEDULE_TIME_SIZE]);
/* The other way; NULL is left out. */
void schedule_write_time(struct document *document, const char *key, const char *local);

/* frequency, checked against its schema, as RRULE. False: refused with 400. */
bool schedule_make_rule(struct api_call *call, const cJSON *frequency, bool has_start,
                        struct buf *rule);
#endif
