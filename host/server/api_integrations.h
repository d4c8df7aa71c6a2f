/* SPDX-License-Identifier: MIT */
/* What reading and changing integrations over the API share. */
#ifndef SERVER_API_INTEGRATIONS_H
#define SERVER_API_INTEGRATIONS_H
#include "server/api_call.h"

extern const char *const api_integration_states[]; /* NULL-terminated */
extern const struct api_schema api_integration_schema;

/* The flow as JSON; answers the call. */
void api_answer_integration(struct api_call *call, size_t flow);
#endif
