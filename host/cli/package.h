/* SPDX-License-Identifier: MIT */
/*
 * Deployable packages of flows: what goes into one, and how it is written. A package holds the
 * program, the shared libraries that it has loaded, the chosen modules and what is compiled from
 * them, the workspace without secrets, and the descriptor of its target. The same input gives the
 * same bytes: order, modes, owners and times do not depend on when, where and by whom it is made.
 * On the main thread.
 */
#ifndef CLI_PACKAGE_H
#define CLI_PACKAGE_H
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/registry.h"

#define PACKAGE_SECRETS_MAX 256u
#define PACKAGE_ENTRIES_MAX 8192u
#define PACKAGE_TIME 315532800 /* 1980-01-01, the first that zip archives know; of everything */
#define PACKAGE_NAME_SIZE 64
#define PACKAGE_DIGEST_SIZE 65 /* SHA-256 in hexadecimal */

/* ---- what is packaged for what ---- */

enum package_form {
    PACKAGE_ZIP,       /* one archive */
    PACKAGE_CONTAINER, /* a folder with a container file, rootfs/ and descriptors */
    PACKAGE_IMAGE,     /* an OCI image layout */
};

struct package_target {
    const char *name, *summary;
    enum package_form form;
    const char *prefix;  /* of the program's folder, "opt/sluice/" */
    const char *command; /* that it runs: "fn", "lambda", "serve" */
    const char *state;   /* folder, unless sluice.json names an absolute one */
    const char *store;   /* "memory" or "file", unless sluice.json says */
    const char *schedules; /* "platform" where that starts what is due; NULL: as sluice.json says */
};
extern const struct package_target package_targets[];
extern const size_t package_target_count;

enum package_secret_kind { PACKAGE_SECRET_ENV, PACKAGE_SECRET_FILE, PACKAGE_SECRET_CREDENTIAL };

/* A secret, or a file from outside the workspace, that must be there where the package runs. */
struct package_secret {
    enum package_secret_kind kind;
    char *name; /* of the variable or the credential, or the file's path where it runs */
    char *use;  /* "connection 'X': password" */
};

/* A customisation, as it was when the plan was made. */
struct package_filter {
    char *flow, *name;                /* identifier; of the file */
    char *path, *library;             /* the file; what was compiled */
    char digest[PACKAGE_DIGEST_SIZE]; /* of the file */
    bool is_mapping;
};

struct package_plan {
    struct service *service; /* borrowed */
    const struct package_target *target;
    const char *command;     /* the target's, or another that was asked for */
    const char *image;       /* reference of the image, for descriptors */
    char name[PACKAGE_NAME_SIZE]; /* of function or service: a DNS label */
    bool is_offered[REGISTRY_FLOWS_MAX]; /* by index of the service's flows */
    bool is_needed[REGISTRY_FLOWS_MAX];  /* and those that they call */
    struct package_filter *filters;     /* their customisations */
    size_t filter_count;
    struct package_secret secrets[PACKAGE_SECRETS_MAX];
    size_t secret_count;
};

/* package_plan.c: names of flows, none for all. ERROR_NOT_FOUND, ERROR_LIMIT; ERROR_INVALID: a
 * customisation that cannot be used. Release it in any case. */
MUST_USE bool package_plan_make(struct package_plan *plan, struct service *service,
                                const struct package_target *target, const char *const *names,
                                size_t name_count, struct error *err);
void package_plan_release(struct package_plan *plan);

/* Where a file of the workspace is when the package runs: "/opt/sluice/workspace/x". Paths outside the
 * workspace stay. Caller frees; NULL: no memory. */
char *package_path_of(const struct package_plan *plan, const char *path);
/* The part of path below the workspace's folder; NULL: it is not there. Borrowed from path. */
const char *package_below_workspace(const struct package_plan *plan, const char *path);
/* Whether a secret stands in that file of the workspace (an absolute path). */
bool package_is_secret(const struct package_plan *plan, const char *path);

/* ---- the files ---- */

enum package_part {
    PART_PROGRAM,
    PART_LIBRARIES,
    PART_MODULES,
    PART_COMPILED,
    PART_WORKSPACE,
    PART_SYSTEM,     /* trust anchors, time zones, folders that must be there */
    PART_DESCRIPTOR,
    PART_COUNT,
};
extern const char *const package_part_names[PART_COUNT];

struct package_entry {
    char *path; /* in the package, without a leading '/' */
    unsigned mode;
    enum package_part part;
    bool is_folder;
    char *source;     /* file to copy; NULL: bytes */
    struct buf bytes;
    uint64_t size;
};

/* Ordered by path once finished; folders come before what is in them. */
struct package_tree {
    struct package_entry *entries;
    size_t count;
};

void package_tree_release(struct package_tree *tree); /* zeroed is fine */
MUST_USE bool package_add_file(struct package_tree *tree, enum package_part part, const char *path,
                               unsigned mode, const char *source, struct error *err);
MUST_USE bool package_add_bytes(struct package_tree *tree, enum package_part part, const char *path,
                                unsigned mode, const void *bytes, size_t size, struct error *err);
MUST_USE bool package_add_folder(struct package_tree *tree, enum package_part part,
                                 const char *path, unsigned mode, struct error *err);
/* Whether something has that path already. */
bool package_has(const struct package_tree *tree, const char *path);
/* Adds the folders that are missing, then orders. ERROR_EXISTS: a path twice. */
MUST_USE bool package_tree_finish(struct package_tree *tree, struct error *err);

/* package_program.c: this program without what only debuggers read, its loader and its libraries.
 * loader: name of its file in lib/. */
MUST_USE bool package_add_program(struct package_tree *tree, const struct package_plan *plan,
                                  char loader[static 256], struct error *err);
/* package_modules.c: flows and customisations, with what is compiled from them. ERROR_BROKEN: a file is
 * another one by now. */
MUST_USE bool package_add_modules(struct package_tree *tree, const struct package_plan *plan,
                                  struct error *err);
/* package_contents.c: everything else but descriptors. */
MUST_USE bool package_add_contents(struct package_tree *tree, const struct package_plan *plan,
                                   struct error *err);

/* ---- descriptors ---- */

/* The words before the command: loader, "--library-path", libraries' folder, program, "-w", workspace.
 * Folders are absolute, for an archive from where it is unpacked. NULL at the end. */
#define PACKAGE_WORDS_MAX 8
struct package_command {
    char *words[PACKAGE_WORDS_MAX + 1];
};
MUST_USE bool package_command_make(struct package_command *out, const struct package_plan *plan,
                                   const char *loader, struct error *err);
void package_command_release(struct package_command *command);

/* package_descriptor.c: what is read beside the contents (outer), and in them: contents.json,
 * bootstrap. */
MUST_USE bool package_add_descriptors(struct package_tree *outer, struct package_tree *inner,
                                      const struct package_plan *plan,
                                      const struct package_command *command, struct error *err);
/* As members "secrets" and "parts" of an object that is open. */
struct document;
void package_write_secrets(struct document *document, const struct package_plan *plan);
void package_write_parts(struct document *document, const struct package_tree *inner);
/* package_kubernetes.c */
MUST_USE bool package_knative(const struct package_plan *plan, struct buf *out, struct error *err);
MUST_USE bool package_kubernetes(const struct package_plan *plan, struct buf *out,
                                 struct error *err);

/* ---- writing ---- */

/* package_archive.c: paths get prefix in front. folder is there already. */
MUST_USE bool package_write_folder(const struct package_tree *tree, const char *folder,
                                   struct error *err);
MUST_USE bool package_write_zip(const struct package_tree *tree, const char *path,
                                struct error *err);

void package_digest(const void *bytes, size_t size, char out[static PACKAGE_DIGEST_SIZE]);
struct package_layer {
    char content[PACKAGE_DIGEST_SIZE]; /* SHA-256 of the tar */
    char blob[PACKAGE_DIGEST_SIZE];    /* SHA-256 of the compressed file */
    uint64_t blob_size;
};
/* Entries of the parts in the bit set parts as a gzip-compressed tar at path. */
MUST_USE bool package_write_layer(const struct package_tree *tree, unsigned parts, const char *path,
                                  struct package_layer *layer, struct error *err);

/* package_image.c: an OCI image layout into folder, which is there already. */
MUST_USE bool package_write_image(const struct package_tree *tree, const struct package_plan *plan,
                                  const struct package_command *command, const char *folder,
                                  struct error *err);
#endif
