/* SPDX-License-Identifier: MIT */
/* See import_rules.h. The part that is ours comes from the table in sluice/abi.h. */
#include "engine/import_rules.h"

#include "sluice/abi.h"

/* The letters of each kind of parameter; all words are i32. */
#define LETTERS_TEXT(name) "ii"
#define LETTERS_BYTES(name) "ii"
#define LETTERS_OUT(name) "ii"
#define LETTERS_INFO(name) "i"
#define LETTERS_FILE(name) "i"
#define LETTERS_LISTING(name) "i"
#define LETTERS_RESPONSE(name) "i"
#define LETTERS_HANDLE(name) "i"
#define LETTERS_NUMBER(name) "i"

/* As SLUICE_EACH, but without commas in between: the letters become one literal. */
#define JOIN_0(...)
#define JOIN_1(k1, n1) LETTERS_##k1(n1)
#define JOIN_2(k1, n1, ...) LETTERS_##k1(n1) JOIN_1(__VA_ARGS__)
#define JOIN_3(k1, n1, ...) LETTERS_##k1(n1) JOIN_2(__VA_ARGS__)
#define JOIN_4(k1, n1, ...) LETTERS_##k1(n1) JOIN_3(__VA_ARGS__)
#define JOIN_5(k1, n1, ...) LETTERS_##k1(n1) JOIN_4(__VA_ARGS__)
#define JOIN_OPEN(...) __VA_ARGS__
#define JOIN_CALL(macro, ...) macro(__VA_ARGS__)

#define OUR_RULE(module, name, effect, count, list)                                                \
    {"sluice_" #module, #name, "" JOIN_CALL(JOIN_##count, JOIN_OPEN list) ":i"},

/* Signatures of wasi_snapshot_preview1 as its witx files define them. */
#define WASI "wasi_snapshot_preview1"
#define WASI_RULES                                                                                 \
    {WASI, "args_get", "ii:i"}, {WASI, "args_sizes_get", "ii:i"},                                  \
        {WASI, "environ_get", "ii:i"}, {WASI, "environ_sizes_get", "ii:i"},                        \
        {WASI, "clock_res_get", "ii:i"}, {WASI, "clock_time_get", "iIi:i"},                        \
        {WASI, "fd_close", "i:i"}, {WASI, "fd_fdstat_get", "ii:i"},                                \
        {WASI, "fd_fdstat_set_flags", "ii:i"}, {WASI, "fd_prestat_get", "ii:i"},                   \
        {WASI, "fd_prestat_dir_name", "iii:i"}, {WASI, "fd_read", "iiii:i"},                       \
        {WASI, "fd_seek", "iIii:i"}, {WASI, "fd_write", "iiii:i"}, {WASI, "proc_exit", "i:"},      \
        {WASI, "random_get", "ii:i"}, {WASI, "sched_yield", ":i"},

static const struct import_rule flow_rules[] = {SLUICE_IMPORTS(OUR_RULE) WASI_RULES};
static const struct import_rule filter_rules[] = {WASI_RULES};

const struct import_rule *import_rules_flow(size_t *count)
{
    *count = sizeof flow_rules / sizeof flow_rules[0];
    return flow_rules;
}

const struct import_rule *import_rules_filter(size_t *count)
{
    *count = sizeof filter_rules / sizeof filter_rules[0];
    return filter_rules;
}
