/* SPDX-License-Identifier: MIT */
/*
 * Reading one configuration file: a JSON text with comments, whose values land in structs as a
 * table of fields says. Every complaint carries "file:line:column". Not thread-safe.
 */
#ifndef WORKSPACE_CONFIG_H
#define WORKSPACE_CONFIG_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#define CONFIG_FILE_SIZE_MAX (1u << 20)

struct config {
    const char *name; /* as errors call it: "connections.json"; borrowed */
    struct buf text;
    cJSON *root; /* always an object */
};

/* Reads folder/name. ERROR_NOT_FOUND if there is none, ERROR_INVALID, ERROR_LIMIT. */
MUST_USE bool config_open(struct config *config, const char *folder, const char *name,
                          struct error *err);
/* The same from text that is held elsewhere. ERROR_INVALID, ERROR_LIMIT. */
MUST_USE bool config_take(struct config *config, const char *text, const char *name,
                          struct error *err);
void config_close(struct config *config); /* a zeroed one is fine */

/* ERROR_INVALID "name:line:column: ..." at node, a value below root. Returns false. */
bool config_fail(const struct config *config, const cJSON *node, struct error *err,
                 const char *format, ...) PRINTF_LIKE(4, 5);

/* "name:line:column" of node into text. */
void config_place(const struct config *config, const cJSON *node, char *text, size_t size);

enum config_kind {
    CONFIG_TEXT,    /* char *; without control bytes, not empty */
    CONFIG_PATH,    /* char *; relative ones are below the workspace */
    CONFIG_ANCHOR,  /* char *; as CONFIG_PATH, or the alias of certificates/<alias>.pem */
    CONFIG_HOST,    /* char *; a host name or address */
    CONFIG_URL,     /* char *; http or https, without credentials, query and trailing '/' */
    CONFIG_FLAG,    /* bool */
    CONFIG_PORT,    /* uint16_t */
    CONFIG_NUMBER,  /* uint32_t, min to max */
    CONFIG_SECONDS, /* uint32_t in milliseconds, from a number of seconds, min to max (seconds) */
    CONFIG_SIZE,    /* uint64_t bytes, from a number or "128MiB", min to max */
    CONFIG_WORD,    /* enum: index into words */
    CONFIG_SECRET,  /* struct secret */
    CONFIG_OBJECT,  /* a struct of its own, filled by `fields` */
    CONFIG_KEY,     /* struct secret; as CONFIG_SECRET, or the path of a file */
};

#define CONFIG_ALL UINT32_MAX

struct config_field {
    const char *key;
    enum config_kind kind;
    size_t offset;     /* of the member in the struct that is filled */
    uint32_t legal;    /* bit set: kinds of object that may have the key */
    uint32_t required; /* bit set: kinds of object that must have it */
    uint64_t min, max;
    const char *const *words; /* NULL-terminated */
    const struct config_field *fields; /* of CONFIG_OBJECT: offsets in the struct at offset */
    const size_t *field_count;
};

/* One object of the file and what it is called in errors. */
struct config_object {
    const struct config *config;
    const cJSON *node;
    const char *what;   /* "connection 'X'"; "" for the file itself */
    const char *folder; /* of the workspace, for paths */
    uint32_t kind;      /* one bit: matched against legal and required */
    const char *handled; /* a legal key that the caller reads by itself, or NULL */
};

/* Fills target. Members without a key in the file keep what they held. */
MUST_USE bool config_read(const struct config_object *object, const struct config_field *fields,
                          size_t count, void *target, struct error *err);

/* Index of the word that node holds; errors list the legal ones. */
MUST_USE bool config_word(const struct config_object *object, const cJSON *node,
                          const char *const *words, int *index, struct error *err);
#endif
