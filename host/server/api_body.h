/* SPDX-License-Identifier: MIT */
/* JSON from outside against a schema of the API. Thread-safe. */
#ifndef SERVER_API_BODY_H
#define SERVER_API_BODY_H
#include "server/api_call.h"

/* ERROR_INVALID names the member and what is legal; unknown members get the nearest legal name. */
MUST_USE bool api_body_check(const struct api_schema *schema, const cJSON *body, struct error *err);
#endif
