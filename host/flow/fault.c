/* SPDX-License-Identifier: MIT */
/* The fault shape for callers; see fault.h. */
#include "flow/fault.h"

#include <string.h>

#include "base/json.h"

static void append_member(struct buf *out, const char *name, const char *value, const char *end)
{
    buf_printf(out, "\"%s\":", name);
    json_append_text(out, value, strlen(value));
    buf_append_text(out, end);
}

/* The classic form names a status by its section of RFC 2616: 400 is 10.4.1, 500 is 10.5.1. The same
 * as shared/src/fault.c does for faults that a flow answers itself. */
void fault_format(const struct fault_report *fault, struct buf *out)
{
    char type[96];
    snprintf(type, sizeof type,
             "http://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.%d.%d",
             fault->status / 100, fault->status % 100 + 1);
    buf_append_char(out, '{');
    append_member(out, "type", type, ",");
    append_member(out, "title", fault->title, ",");
    append_member(out, "detail", fault->detail, ",");
    buf_printf(out, "\"o:errorCode\":\"%d\",\"o:errorDetails\":[{", fault->status);
    append_member(out, "type", type, ",");
    append_member(out, "instance", fault->instance, ",");
    append_member(out, "title", fault->title, ",");
    append_member(out, "o:errorPath", "", ",");
    append_member(out, "o:errorCode", fault->code, "}]}");
}
