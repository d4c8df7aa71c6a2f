/* SPDX-License-Identifier: MIT */
/*
 * A manifest (functions/<flow>/flow.json, carried inside the module): who the flow is and the whole
 * list of what it may name. Immutable after parsing.
 */
#ifndef CAPABILITY_MANIFEST_H
#define CAPABILITY_MANIFEST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MANIFEST_NAME_SIZE_MAX 100u         /* identifier, alias, granted flow */
#define MANIFEST_PARAMETERS_MAX 32           /* of the trigger */
/* What "limits" may ask for; of memory and run time, what the settings of a workspace may allow. */
#define MANIFEST_CPU_MS_MAX 86400000u
#define MANIFEST_COUNT_MAX UINT64_C(1000000000000000) /* calls of imports, log lines */
#define MANIFEST_INPUT_BYTES_MAX (64u << 20)          /* held in memory */

/* Permission to use operations of one capability on one connection. */
struct grant {
    char *capability;  /* "ftp", "http", "smtp", "flow" */
    char *connection;  /* connection name */
    char **operations; /* import names ("list", "store", ...); for "flow": identifiers it may call */
    size_t operation_count;
};

enum durability {
    DURABLE, /* scheduled and asynchronous flows: recorded before and after every effect */
    TRACKED, /* synchronous ones: the caller repeats; recorded off the hot path */
};

struct manifest_parameter {
    char *name, *description, *default_value; /* default NULL: none */
    bool required;
};

struct manifest {
    char *identifier, *name, *version, *package, *description;
    char **aliases;
    size_t alias_count;
    char *trigger_type; /* "schedule", "rest", "call" */
    char *trigger_path; /* "/sendCustomerSyncAck", or NULL */
    char *trigger_connection; /* connection of the guide's artifact table, or NULL */
    bool multipart;     /* the trigger takes a file */
    struct manifest_parameter *parameters;
    size_t parameter_count;
    struct grant *grants;
    size_t grant_count;
    char **lookups;
    size_t lookup_count;
    char **extension_points;
    size_t extension_point_count;
    uint32_t memory_mib, cpu_ms, wall_s;
    uint64_t import_calls, log_lines, input_bytes;
    enum durability durability;
};

/* ERROR_INVALID names the flow's manifest, the key and what was expected; unknown keys are errors. */
MUST_USE bool manifest_parse(struct manifest **out, const char *json, size_t size,
                             const char *source, struct error *err);
void manifest_free(struct manifest *manifest); /* NULL is fine */

/* Whether name is the identifier or an alias (case counts). */
bool manifest_is_called(const struct manifest *manifest, const char *name);

/* Whether somebody waits for its answer: true for "rest" and "call", false for "schedule", of which
 * one run at a time goes on. */
bool manifest_answers(const struct manifest *manifest);

/* ERROR_DENIED says which grant is missing and where it would stand. */
MUST_USE bool manifest_allows(const struct manifest *manifest, const char *capability,
                              const char *connection, const char *operation, struct error *err);
MUST_USE bool manifest_allows_lookup(const struct manifest *manifest, const char *lookup,
                                     struct error *err);
#endif
