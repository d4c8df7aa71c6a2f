/* SPDX-License-Identifier: MIT */
/* X-Ray and B3 to W3C Trace Context; see platform_trace.h. */
#include "server/platform_trace.h"

#include <stdio.h>
#include <string.h>

#define B3_SHORT_SIZE 16u /* digits of a trace id that is half as long: the lower half */

/* What was put together is checked as if it had come from outside, as its parts did. */
static bool finish(char traceparent[static TRACE_PARENT_SIZE], int size)
{
    struct trace trace;
    return size == TRACE_PARENT_SIZE - 1 && trace_parse(traceparent, &trace);
}

/* Value of the member name in "a=b;c=d", up to its end; NULL: there is none. */
static const char *member(const char *text, const char *name, size_t *size)
{
    size_t name_size = strlen(name);
    for (const char *at = text; at; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        if (strncmp(at, name, name_size) != 0 || at[name_size] != '=')
            continue;
        *size = strcspn(at + name_size + 1, "; ");
        return at + name_size + 1;
    }
    return NULL;
}

bool platform_trace_xray(const char *text, char traceparent[static TRACE_PARENT_SIZE])
{
    size_t root_size = 0, parent_size = 0, sampled_size = 0;
    const char *root = text ? member(text, "Root", &root_size) : NULL;
    const char *parent = text ? member(text, "Parent", &parent_size) : NULL;
    const char *sampled = text ? member(text, "Sampled", &sampled_size) : NULL;
    if (!root || !parent || root_size != 35 || parent_size != 16 || strncmp(root, "1-", 2) != 0 ||
        root[10] != '-')
        return false;
    bool is_sampled = sampled && sampled_size == 1 && *sampled == '1';
    return finish(traceparent, snprintf(traceparent, TRACE_PARENT_SIZE, "00-%.8s%.24s-%.16s-0%d",
                                        root + 2, root + 11, parent, is_sampled));
}

bool platform_trace_b3(const char *trace, const char *span, const char *sampled, const char *flags,
                       char traceparent[static TRACE_PARENT_SIZE])
{
    if (!trace || !span)
        return false;
    bool is_sampled = (flags && strcmp(flags, "1") == 0) ||
                      (sampled && (strcmp(sampled, "1") == 0 || strcmp(sampled, "true") == 0));
    return finish(traceparent,
                  snprintf(traceparent, TRACE_PARENT_SIZE, "00-%s%s-%s-0%d",
                           strlen(trace) == B3_SHORT_SIZE ? "0000000000000000" : "", trace, span,
                           is_sampled));
}
