/* SPDX-License-Identifier: MIT */
/* Instances for programs, and what to do after their faults; see instance.h. */
#include "cli/instance.h"

#include <string.h>

void instance_write_members(struct document *document, const struct instance_row *row)
{
    document_text(document, "id", row->id);
    document_text(document, "flow", row->flow);
    document_text(document, "name", row->flow_name);
    document_text(document, "version", row->version);
    document_text(document, "state", row->state);
    document_text(document, "trigger", row->trigger);
    document_text(document, "invoked_by", row->invoked_by);
    document_text(document, "tracing", row->tracing);
    document_text(document, "parent", row->parent);
    document_time(document, "started", row->started_ms);
    document_time(document, "finished", row->finished_ms);
    document_number(document, "duration_ms",
                    row->finished_ms ? row->finished_ms - row->started_ms : 0);
    document_number(document, "exit_status", row->exit_status);
    document_number(document, "response_status", row->response_status);
    document_open(document, "files", '{');
    document_number(document, "found", row->files_found);
    document_number(document, "transferred", row->files_transferred);
    document_number(document, "not_transferred", row->files_not_transferred);
    document_number(document, "postponed", row->files_postponed);
    document_close(document, '}');
    if (row->fault_code && row->fault_code[0]) {
        document_open(document, "fault", '{');
        document_text(document, "code", row->fault_code);
        document_text(document, "title", row->fault_title);
        document_text(document, "detail", row->fault_detail);
        document_close(document, '}');
    } else {
        document_text(document, "fault", NULL);
    }
    document_number(document, "cpu_us", row->cpu_us);
    document_number(document, "memory_bytes", (int64_t)row->memory_bytes);
    document_number(document, "import_calls", (int64_t)row->import_calls);
    document_text(document, "module_digest", row->module_digest);
    document_text(document, "parameters", row->parameters);
    document_text(document, "resubmission_of", row->resubmission_of);
    document_text(document, "resubmitted_as", row->resubmitted_as);
    document_number(document, "resubmissions", row->resubmissions);
    document_time(document, "discarded", row->discarded_ms);
    document_text(document, "trace", row->trace);
    document_text(document, "span", row->span);
    document_text(document, "parent_span", row->parent_span);
    document_text(document, "filters", row->filters);
}

void instance_write(struct document *document, const char *key, const struct instance_row *row)
{
    document_open(document, key, '{');
    instance_write_members(document, row);
    document_close(document, '}');
}

static const struct {
    const char *code, *remedy;
} remedies[] = {
    {"denied", "check user, password, key and permissions: sluice connections test"},
    {"unavailable", "check that the peer can be reached: sluice connections test; then run again"},
    {"timeout", "check the peer and the timeouts in connections.json; then run again"},
    {"not_found", "check directories, buckets and names in the lookups: sluice check"},
    {"exists", "do what the detail says; where a name is taken, remove or rename what has it, or set "
               "\"on_conflict\" in connections.json; then run again"},
    {"filter_failed", "correct the customisation that the detail names, or take it out of "
                      "customizations/; then run again"},
    {"limit", "a limit was reached: see the detail; file_size_max is in sluice.json, others are in "
              "the flow's manifest"},
    {"broken", "run again: nothing incomplete was published and the source is unchanged"},
    {"unknown", "look at the target before you run again: the last operation may have taken effect"},
    {"refused", "the peer understood and said no: its words are in the detail"},
    {"invalid", "correct what the detail names: sluice check"},
    {"invalid_message", "correct the message as the detail says and send it again"},
    {"missing_parameter", "give it a value: sluice run FLOW --param NAME=VALUE, or in schedules.json"},
    {"missing_property", "set it: sluice lookups set"},
    {"invalid_property", "correct it: sluice lookups set"},
    {"same_place", "name different places for source and target: sluice lookups set"},
    {"file_too_large", "raise file_size_max in sluice.json, or have the extract written in smaller "
                       "files; then run again"},
    {"files_not_transferred", "see each file's reason; what was not transferred is taken by the next "
                              "run"},
    {"suspended", "remove the cause; the next run of the flow, or serve, goes on with it where it was "
                  "(sluice discard ID gives it up)"},
    {"diverged", "the module is not the one that began, or does not behave the same twice: sluice "
                 "replay ID; look at source and target before you run again"},
    {"journal_limit", "have the flow ask for less in one run (fewer or smaller answers), then run it again"},
    {"given_up", "look at source and target: what it was doing may have taken effect"},
    {"interrupted", "run the flow again: files that were not transferred are still at the source"},
    {"cancelled", "run the flow again: files that were not transferred are still at the source"},
    {"cpu_deadline", "look for an endless loop, or raise \"cpu_ms\" in the flow's manifest"},
    {"wall_deadline", "look at what it waited for, or raise \"wall_s\" in the flow's manifest and "
                      "run_wall_s_max in sluice.json"},
    {"import_limit", "look for a loop, or raise \"import_calls\" in the flow's manifest"},
};

const char *instance_remedy(const char *fault_code)
{
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (strcmp(remedies[i].code, fault_code) == 0)
            return remedies[i].remedy;
    return "look at the calls before it in the activity stream: sluice show ID";
}
