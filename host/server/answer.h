/* SPDX-License-Identifier: MIT */
/* Answers that are the server's own, in the fault shape of flow/fault.h. Thread-safe. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H
#include "server/http_server.h"

void answer_fault(struct http_answer *answer, int status, const char *code, const char *title,
                  const char *detail);
void answer_json(struct http_answer *answer, int status, const char *json);
/* The status that fits an error that kept a flow from running. */
int answer_status_of(const struct error *err);
#endif
