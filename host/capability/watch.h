/* SPDX-License-Identifier: MIT */
/*
 * What a person watching a run may be told. Every member may be NULL; called on the run's thread.
 * The watch_* functions below accept a NULL watch, so that callers need not ask.
 */
#ifndef CAPABILITY_WATCH_H
#define CAPABILITY_WATCH_H
#include <stdbool.h>
#include <stdint.h>

struct run_watch {
    void *context;
    void (*started)(void *context, const char *instance_id, const char *flow);
    /* state as in enum sluice_file_state; total: files found so far; index: this file's, from 1. */
    void (*file)(void *context, const char *name, int state, const char *detail, uint64_t size,
                 uint64_t index, uint64_t total);
    void (*bytes)(void *context, const char *name, uint64_t done, uint64_t total);
    void (*line)(void *context, const char *text);     /* what the guest wrote, one line each */
    /* A mail was accepted for delivery; is_held: a summary tells of it. */
    void (*notice)(void *context, const char *subject, const char *to, bool is_held);
    bool (*should_stop)(void *context);
};

/* "found", "started", ...; NULL: no state of enum sluice_file_state. */
const char *watch_state_name(uint32_t state);

void watch_started(const struct run_watch *watch, const char *instance_id, const char *flow);
void watch_file(const struct run_watch *watch, const char *name, int state, const char *detail,
                uint64_t size, uint64_t index, uint64_t total);
void watch_bytes(const struct run_watch *watch, const char *name, uint64_t done, uint64_t total);
void watch_line(const struct run_watch *watch, const char *text);
void watch_notice(const struct run_watch *watch, const char *subject, const char *to, bool is_held);
bool watch_should_stop(const struct run_watch *watch);
#endif
