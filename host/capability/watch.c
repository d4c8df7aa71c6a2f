/* SPDX-License-Identifier: MIT */
/* Calls a watcher where there is one; see watch.h. */
#include "capability/watch.h"

#include <stddef.h>

#include "sluice/abi.h"

const char *watch_state_name(uint32_t state)
{
    static const char *const names[] = {
        [SLUICE_FILE_FOUND] = "found",
        [SLUICE_FILE_STARTED] = "started",
        [SLUICE_FILE_TRANSFERRED] = "transferred",
        [SLUICE_FILE_NOT_TRANSFERRED] = "not_transferred",
        [SLUICE_FILE_POSTPONED] = "postponed",
    };
    return state < sizeof names / sizeof names[0] ? names[state] : NULL;
}

void watch_started(const struct run_watch *watch, const char *instance_id, const char *flow)
{
    if (watch && watch->started)
        watch->started(watch->context, instance_id, flow);
}

void watch_file(const struct run_watch *watch, const char *name, int state, const char *detail,
                uint64_t size, uint64_t index, uint64_t total)
{
    if (watch && watch->file)
        watch->file(watch->context, name, state, detail, size, index, total);
}

void watch_bytes(const struct run_watch *watch, const char *name, uint64_t done, uint64_t total)
{
    if (watch && watch->bytes)
        watch->bytes(watch->context, name, done, total);
}

void watch_line(const struct run_watch *watch, const char *text)
{
    if (watch && watch->line)
        watch->line(watch->context, text);
}

void watch_notice(const struct run_watch *watch, const char *subject, const char *to, bool is_held)
{
    if (watch && watch->notice)
        watch->notice(watch->context, subject, to, is_held);
}

bool watch_should_stop(const struct run_watch *watch)
{
    return watch && watch->should_stop && watch->should_stop(watch->context);
}
