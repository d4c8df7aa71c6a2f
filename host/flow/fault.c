/* SPDX-License-Identifier: MIT */
/* The fault shape for callers; see fault.h. */
#include "flow/fault.h"

#include <string.h>

#include "base/json.h"

/* RFC 9110 section 15 has the statuses; type is a URI reference as in RFC 9457. */
static void append_member(struct buf *out, const char *name, const char *value, const char *end)
{
    buf_printf(out, "\"%s\":", name);
    json_append_text(out, value, strlen(value));
    buf_append_text(out, end);
}

void fault_format(const struct fault_report *fault, struct buf *out)
{
    char type[64];
    snprintf(type, sizeof type, "https://www.rfc-editor.org/rfc/rfc9110#status.%d", fault->status);
    buf_append_char(out, '{');
    append_member(out, "type", type, ",");
    append_member(out, "title", fault->title, ",");
    append_member(out, "detail", fault->detail, ",");
    buf_printf(out, "\"o:errorCode\":\"%d\",\"o:errorDetails\":[{", fault->status);
    append_member(out, "type", type, ",");
    append_member(out, "instance", fault->instance, ",");
    append_member(out, "title", fault->title, ",");
    append_member(out, "o:errorPath", fault->instance, ",");
    append_member(out, "o:errorCode", fault->code, "}]}");
}
