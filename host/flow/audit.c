/* SPDX-License-Identifier: MIT */
/* Changes as records of the store's audit trail; see audit.h. */
#include "flow/audit.h"

#include <stdio.h>

#include "base/clock.h"

/* OIC's composite id. */
#define SUBJECT_SIZE (MANIFEST_NAME_SIZE_MAX + 64)

static const char *outcome_of(bool ok, const struct error *why)
{
    bool is_refusal = why->kind == ERROR_REFUSED || why->kind == ERROR_EXISTS ||
                      why->kind == ERROR_DENIED || why->kind == ERROR_INVALID;
    return ok ? "done" : is_refusal ? "refused" : "failed";
}

bool audit_change(const struct service *service, const struct actor *actor, const char *action,
                  size_t index, const char *detail, bool ok, const struct error *why,
                  struct error *err)
{
    const struct manifest *manifest = service_manifest(service, index);
    char subject[SUBJECT_SIZE];
    snprintf(subject, sizeof subject, "%s|%s", manifest->identifier, manifest->version);
    const struct audit_record record = {
        .at_ms = clock_wall_ms(),
        .actor = actor->name,
        .address = actor->address,
        .action = action,
        .subject = subject,
        .outcome = outcome_of(ok, why),
        .detail = ok ? detail : why->message,
    };
    store_audit(service_store(service), &record);
    if (!ok && err)
        *err = *why;
    return ok;
}
