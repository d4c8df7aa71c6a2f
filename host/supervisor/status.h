/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor says of its tenants, as a file: <folder>/.supervise/status.json, replaced at each
 * change, and a lock beside it that the supervisor holds as long as it lives. Both are for the user of the
 * supervisor alone. Belongs to the main thread.
 */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H
#include "base/json.h"
#include "supervisor/tenant.h"

/* Takes the lock, for the life of the process. ERROR_EXISTS: another process has it; ERROR_DENIED,
 * ERROR_INTERNAL. */
MUST_USE bool status_lock(const char *folder, struct error *err);

/* ERROR_INTERNAL. since_wall_ms: of the supervisor. */
MUST_USE bool status_write(const struct tenants *tenants, int64_t since_wall_ms, struct error *err);

/* The document as it was last written; the caller deletes it. NULL: ERROR_NOT_FOUND, no supervisor runs
 * for that folder; or it cannot be read. */
cJSON *status_read(const char *folder, struct error *err);
#endif
