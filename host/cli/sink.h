/* SPDX-License-Identifier: MIT */
/* The event sink of a process: K_SINK and what belongs to it in the environment, else sluice.json.
 */
#ifndef CLI_SINK_H
#define CLI_SINK_H
#include "server/event_sink.h"

#define SINK_END_MS 5000 /* how long the end of a process waits for events on their way */

/* *out stays NULL where no sink is named. service must not have run anything yet. ERROR_INVALID. */
MUST_USE bool sink_open(struct event_sink **out, struct service *service, struct error *err);
/* Sends what is on its way, within SINK_END_MS. NULL is fine. */
void sink_close(struct event_sink *sink);
#endif
