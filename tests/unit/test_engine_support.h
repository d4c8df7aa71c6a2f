/* SPDX-License-Identifier: MIT */
/*
 * What tests of the engine share: a tiny set of imports (in place of the capability layer), opening
 * of test guests, and one call that runs an act of guests/hostile.c.
 */
#ifndef UNIT_TEST_ENGINE_SUPPORT_H
#define UNIT_TEST_ENGINE_SUPPORT_H
#include "engine/sandbox.h"
#include "guests/hostile.h"

#define SUPPORT_MEMORY_PAGES 64u

/* What the imports find behind guest_host. */
struct support_host {
    enum hostile_act act;
    const char *input; /* what flow.input gives where it is not NULL; else it gives act */
    int32_t (*attachment)(struct guest *guest, struct support_host *host); /* NULL: returns 0 */
    struct module *child;
    struct support_host *child_host;
    struct sandbox_limits child_limits;
    struct sandbox_result child_result;
    unsigned calls;
};

/* tests/guests/<name>.wasm of the build folder; prints the error and exits if it cannot be had. */
struct module *support_open(const char *name);
bool support_open_at(struct module **out, const char *path, struct error *err);

/* Runs one act with generous limits (1 s of CPU, 10 s in all) unless limits are given. */
struct sandbox_result support_run(struct module *module, struct support_host *host,
                                  const struct sandbox_limits *limits);
enum fault support_act(struct module *module, enum hostile_act act);

/* An attachment import that runs host->child. */
int32_t support_run_child(struct guest *guest, struct support_host *host);
#endif
