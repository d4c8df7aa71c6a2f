/* SPDX-License-Identifier: MIT */
/* Mail; see smtp.h. */
#include "sluice/smtp.h"

#include "sluice/imports.h"

int32_t smtp_send(const char *connection, const char *from, const char *to, const char *subject,
                  const char *body, size_t body_size)
{
    return sluice_smtp_send(SLUICE_STRING(connection), SLUICE_STRING(from), SLUICE_STRING(to),
                            SLUICE_STRING(subject), body, (uint32_t)body_size);
}
