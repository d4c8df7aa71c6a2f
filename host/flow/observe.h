/* SPDX-License-Identifier: MIT */
/* What log, metrics and traces learn of an execution's beginning and end. On the execution's thread. */
#ifndef FLOW_OBSERVE_H
#define FLOW_OBSERVE_H
#include "base/log.h"
#include "flow/execute.h"

/* Lets the series of every flow exist, so that the first failure of one is seen as an increase. */
void observe_flows(const struct registry *registry);

/* Lines of the thread's log carry the execution's ids until observe_end. */
void observe_begin(const struct execution *execution, struct log_scope *scope);

/* Returns ok, whether the execution could begin and its end be recorded. */
bool observe_end(const struct service *service, struct execution *execution,
                 const struct execution_end *end, struct log_scope *scope, bool ok);
#endif
