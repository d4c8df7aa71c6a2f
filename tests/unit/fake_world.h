/* SPDX-License-Identifier: MIT */
/* What the two files of the stand-in share: the scripted world and what every import does first. */
#ifndef TESTS_FAKE_WORLD_H
#define TESTS_FAKE_WORLD_H
#include "fake_host.h"

#define PROPERTIES_MAX 64
#define FILES_MAX 32768
#define SCRIPTS_MAX 16
#define HANDLES_MAX 65536

struct property {
    char lookup[64], name[64], value[256];
};

struct source_file {
    char *name;
    uint64_t size;
    uint32_t flags;
};

struct failure {
    char import[32];
    int nth;
    int32_t status;
    char detail[256];
};

struct answer {
    char flow[64];
    int nth, http_status;
    struct text body;
};

struct extension {
    char point[32];
    char *result;
};

enum kind { CLOSED, LISTING, OPEN_FILE, RESPONSE };

struct handle {
    enum kind kind;
    size_t position; /* LISTING */
    char name[1100]; /* OPEN_FILE */
    int status;      /* RESPONSE */
    char *body;
};

struct world {
    struct property properties[PROPERTIES_MAX];
    size_t property_count;
    struct property facts[16];
    size_t fact_count;
    struct source_file *files;
    size_t file_count;
    struct failure failures[SCRIPTS_MAX];
    size_t failure_count;
    struct answer answers[SCRIPTS_MAX];
    size_t answer_count;
    struct {
        char name[64];
        int count;
    } counters[64];
    struct handle *handles;
    size_t handle_count;
    struct extension extensions[8];
    size_t extension_count;
    bool filters_content;
    char *parameter, *message, *attachment;
    size_t message_size;
    char listed_prefix[256];
    char fault[1024];
};
extern struct world fake_world;

/* Notes the fault that flow.fault tells and returns status. */
int32_t fake_fail_with(const char *import, int32_t status, const char *detail);

/* How often the import was called, this time included. */
int fake_count_call(const char *name);

/* Counts the call; the status of its scripted failure, or 0. */
int32_t fake_scripted(const char *import);

/* A TEXT argument into one of a few buffers that live until the next calls. */
const char *fake_check_text(const char *text, uint32_t size);
#define TEXT_OF(name) fake_check_text(name, name##_size)

int32_t fake_give(void *out, uint32_t capacity, const char *bytes, size_t size);
int32_t fake_open_handle(enum kind kind);
struct handle *fake_handle_of(int32_t number, enum kind kind); /* NULL counts as a violation */
void fake_note_call(const char *import, const char *a, const char *b, const char *c);
#endif
