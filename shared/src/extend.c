/* SPDX-License-Identifier: MIT */
/* Extension points; see extend.h. */
#include "sluice/extend.h"

#include "sluice/file.h"
#include "sluice/http.h"
#include "sluice/imports.h"

bool extend_is_used(const char *point)
{
    return sluice_flow_extensions(SLUICE_STRING(point)) > 0;
}

bool extend_text(const char *point, struct text *message, struct fault *fault)
{
    int32_t response = sluice_flow_extend(SLUICE_STRING(point), text_string(message),
                                          (uint32_t)message->size);
    if (response < 0) {
        fault_take(fault, response, "A customisation failed");
        return false;
    }
    if (response > 0)
        http_body(response, message);
    file_close(response);
    return true;
}

int32_t extend_file(const char *point, int32_t file)
{
    int32_t filtered = sluice_flow_extend_file(SLUICE_STRING(point), file);
    if (filtered == 0)
        return file;
    file_close(file);
    return filtered;
}
