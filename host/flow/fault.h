/* SPDX-License-Identifier: MIT */
/*
 * The JSON that a caller gets when a flow could not answer: the members of the adapters'
 * APIInvocationError in the classic spelling (type, title, detail, o:errorCode, o:errorDetails).
 */
#ifndef FLOW_FAULT_H
#define FLOW_FAULT_H
#include "base/buf.h"

struct fault_report {
    int status;         /* HTTP status that goes with it */
    const char *code;   /* "limit", "memory_out_of_bounds", ... */
    const char *title;
    const char *detail;
    const char *instance;
};

void fault_format(const struct fault_report *fault, struct buf *out);
#endif
