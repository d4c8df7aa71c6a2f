/* SPDX-License-Identifier: MIT */
/*
 * Mappings: a JSON document of rules that makes one message from another, without code. The
 * language is described in docs/mapping.md; this is how it is compiled and applied. Pure: nothing
 * here calls the host, so the same C serves flows, the filter (tools/mapping_main.c), the page that
 * previews mappings, and the build, which compiles a flow's own mapping into tables.
 */
#ifndef SLUICE_MAPPING_H
#define SLUICE_MAPPING_H
#include <stdbool.h>
#include <stddef.h>

#include "sluice/json.h"
#include "sluice/text.h"

#define MAPPING_RULES_MAX 500         /* rules of a mapping, those inside others counted, too */
#define MAPPING_DEPTH_MAX 8           /* rules inside rules; conditions inside conditions */
#define MAPPING_TOKENS_MAX 16         /* parts of a path */
#define MAPPING_ITEMS_MAX 10000       /* elements of one repeat that does not set items_max */
#define MAPPING_STEPS_MAX 1000000     /* rules applied for one message, repetitions counted */
#define MAPPING_RESULT_SIZE_MAX 1048576u /* bytes of the mapped message */
#define MAPPING_WORK_SIZE_MAX 4194304u /* bytes put into it, those replaced later counted, too */
#define MAPPING_ERRORS_MAX 20         /* errors that are told of one document */
#define MAPPING_DIGITS_MAX 15         /* digits of whole numbers; more would not be kept */

/* Tables made by mapping_compile, or at build time; see mapping_rules.h. */
struct mapping;

/* What a document is compiled into. All zero before mapping_compile. */
struct mapping_document {
    const struct mapping *mapping;
    void *blocks; /* memory of the tables */
};

/* Compiles document, which must outlive the mapping. false: errors has a line for each error (at
 * most MAPPING_ERRORS_MAX), e.g. "rule 3 (copy): \"form\" is not a key of this rule; did you mean
 * \"from\"?". The caller releases in both cases. */
bool mapping_compile(const cJSON *document, struct mapping_document *out, struct text *errors);
void mapping_release(struct mapping_document *document);

/* Replaces value by a lookup's property; false: there is none, or it is empty. */
typedef bool mapping_lookup_fn(void *context, const char *lookup, const char *property,
                               struct text *value);

struct mapping_input {
    const cJSON *message;      /* is not changed */
    mapping_lookup_fn *lookup; /* NULL: there are no lookups */
    void *context;             /* of lookup */
};

enum mapping_failure {
    MAPPING_SUCCEEDED,
    MAPPING_FAILED_MESSAGE, /* a rule cannot be applied to this message, or refuses it ("fail") */
    MAPPING_FAILED_LOOKUP,  /* a lookup has no value that a rule needs, or an unusable one */
    MAPPING_FAILED_LIMIT,   /* steps, size or depth of the result */
};

/* All zero before mapping_apply; texts belong to the caller. */
struct mapping_report {
    enum mapping_failure failure;
    struct text rule;  /* of the failure: "rule 3 (copy)" */
    struct text error; /* what follows it: "/hasError: \"perhaps\" is neither yes nor no" */
    struct text notes; /* one line for each thing that was left out */
    cJSON *unfinished; /* the result as it was at the failure, to find out more; for cJSON_Delete */
};

/* The mapped message, for cJSON_Delete; NULL: report says why. */
cJSON *mapping_apply(const struct mapping *mapping, const struct mapping_input *input,
                     struct mapping_report *report);

/* Appends a mapped message. false: it is longer than MAPPING_RESULT_SIZE_MAX, report says so. */
bool mapping_print(const cJSON *result, struct text *out, struct mapping_report *report);

/* Finds a whole number in JSON text that has more than MAPPING_DIGITS_MAX digits: reading would
 * change it. NULL: there is none; else where it begins, and *number_size its length. */
const char *mapping_long_number(const char *bytes, size_t size, size_t *number_size);
#endif
