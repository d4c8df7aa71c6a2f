/* SPDX-License-Identifier: MIT */
/* A run's end for programs; see outcome.h. */
#include "server/outcome.h"

#include <string.h>

void outcome_write_counts(struct document *document, const struct run_outcome *outcome)
{
    document_number(document, "found", (int64_t)outcome->files_found);
    document_number(document, "transferred", (int64_t)outcome->files_transferred);
    document_number(document, "not_transferred", (int64_t)outcome->files_not_transferred);
    document_number(document, "postponed", (int64_t)outcome->files_postponed);
}

bool outcome_begin_fault(struct document *document, const struct run_outcome *outcome)
{
    if (!outcome->fault_code[0]) {
        document_text(document, "fault", NULL);
        return false;
    }
    document_open(document, "fault", '{');
    document_text(document, "code", outcome->fault_code);
    document_text(document, "title", outcome->fault_title);
    document_text(document, "detail", buf_text(&outcome->fault_detail));
    return true;
}

void outcome_write(struct document *document, const struct manifest *manifest,
                   const struct run_outcome *outcome)
{
    document_open(document, NULL, '{');
    document_text(document, "instance", outcome->instance);
    document_text(document, "flow", manifest->identifier);
    document_text(document, "version", manifest->version);
    document_text(document, "state", instance_state_name(outcome->state));
    document_number(document, "exit_status", outcome->exit_status);
    document_number(document, "duration_ms", outcome->duration_ms);
    document_open(document, "files", '{');
    outcome_write_counts(document, outcome);
    document_close(document, '}');
    if (outcome_begin_fault(document, outcome))
        document_close(document, '}');
    document_close(document, '}');
}

int outcome_status(const struct run_outcome *outcome)
{
    if (outcome->exit_status == 0)
        return 200;
    return strcmp(outcome->fault_code, "wall_deadline") == 0 ? 504 : 500;
}
