/* SPDX-License-Identifier: MIT */
/*
 * A scriptable stand-in for the imports of abi.h, so that flows run natively in unit tests. One
 * world at a time: a test fills it, runs a flow's main, looks at what was done. It checks what the
 * real host checks (text, handles) and counts what a right flow never does. Not thread-safe.
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/abi.h"
#include "sluice/text.h"

#define FAKE_RECORDS_MAX 64
#define FAKE_FILE_SIZE_MAX 1073741824 /* also the fact "file_size_max" */

struct fake_mail {
    struct text connection, from, to, subject, body;
};

struct fake_child {
    struct text flow, body, file; /* file: name of the attached one */
};

struct fake_report {
    struct text name, detail;
    int state;
};

struct fake_request {
    struct text connection, method, path, type, body;
};

/* What the flow did. */
struct fake_record {
    struct text calls; /* one line per call with an effect outside: "ftp.rename place from to" */
    struct fake_mail mails[FAKE_RECORDS_MAX];
    struct fake_child children[FAKE_RECORDS_MAX];
    struct fake_report reports[FAKE_RECORDS_MAX]; /* the first ones; report_count counts all */
    struct fake_request requests[FAKE_RECORDS_MAX];
    size_t mail_count, child_count, report_count, request_count;
    size_t state_counts[5]; /* by enum sluice_file_state */
    int response_status;
    struct text response, response_type;
    struct text fault_code, fault_title, fault_detail;
    struct text extended; /* the message that an extension point got last */
    struct text tracked; /* "name=value\n" */
    size_t open_handles;
    size_t violations; /* malformed text, bad handles */
};
extern struct fake_record fake;

/* An empty world: the two lookups of the guide with sample values, no file, no parameter; every
 * child flow and peer answers 200. */
void fake_reset(void);

void fake_property(const char *lookup, const char *property, const char *value); /* NULL: remove */
void fake_config(const char *property, const char *value); /* of the ConfigProps lookup */
void fake_parameter(const char *value);                    /* extractedFileNamePrefix; NULL: none */
void fake_about(const char *key, const char *value);
void fake_message(const char *bytes, size_t size);
void fake_attach(const char *name);                              /* NULL: none */
void fake_file(const char *name, uint64_t size, uint32_t flags); /* at the source, in name order; the listing
                                                                    keeps a SLUICE_FILE_SIZE_UNKNOWN back */

/* The nth call (1-based; 0: every one) of an import fails, e.g. "ftp.rename". */
void fake_fail(const char *import, int nth, int32_t status, const char *detail);

/* What a child flow or, with flow NULL, the REST peer answers from its nth call on (0: always). */
void fake_answer(const char *flow, int nth, int http_status, const char *body);

/* What a customisation at an extension point gives for a message; at "content" (result ""): that files are
 * filtered: a child flow gets "filtered:<name>". */
void fake_extend(const char *point, const char *result);

/* The report of a file by name; NULL: none. The last one counts. */
const struct fake_report *fake_report_of(const char *name);
/* The index-th call of a child flow; NULL: it was not called that often. */
const struct fake_child *fake_child_of(const char *flow, size_t index);
#endif
