/* SPDX-License-Identifier: MIT */
/* The run that a function's event asks for, and its answer; a part of function.h. Thread-safe. */
#ifndef SERVER_FUNCTION_RUN_H
#define SERVER_FUNCTION_RUN_H
#include "server/function.h"

/* Runs the flow with the event's body as its message, alone or with a file, or its parameters. */
void function_run_message(const struct function_options *options, size_t flow,
                          const struct function_event *event, struct function_answer *answer);

/* An answer of our own, in the fault shape; what failed is "Sluice.<code>". */
void function_fail(struct function_answer *answer, int status, const char *code, const char *title,
                   const char *detail);
void function_fail_with(struct function_answer *answer, const char *title, const struct error *err);
#endif
