/* SPDX-License-Identifier: MIT */
/*
 * An OCI image layout (opencontainers/image-spec: image-layout.md, manifest.md, config.md) of three
 * layers, from what changes least to what changes most. See package.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/document.h"
#include "base/file.h"
#include "cli/package.h"

#define MEDIA "application/vnd.oci.image."
#define CREATED "1980-01-01T00:00:00Z"
#define USER "1000:1000"
#define LAYER_COUNT 3
#define JSON_SIZE_MAX (1u << 20)

static const struct {
    const char *what;
    unsigned parts;
} layers[LAYER_COUNT] = {
    {"shared libraries and trust anchors", 1u << PART_LIBRARIES | 1u << PART_SYSTEM},
    {"program and flows", 1u << PART_PROGRAM | 1u << PART_MODULES | 1u << PART_COMPILED},
    {"workspace", 1u << PART_WORKSPACE | 1u << PART_DESCRIPTOR},
};

/* Go's names, which the specification uses. */
static const char *architecture(void)
{
    static struct utsname machine;
    if (uname(&machine) != 0)
        return "unknown";
    return strcmp(machine.machine, "x86_64") == 0    ? "amd64"
           : strcmp(machine.machine, "aarch64") == 0 ? "arm64"
                                                     : machine.machine;
}

static void append_words(struct document *document, const char *key, char *const *words)
{
    document_open(document, key, '[');
    for (; *words; words++)
        document_text(document, NULL, *words);
    document_close(document, ']');
}

static void append_command(struct document *document, const struct package_plan *plan)
{
    document_open(document, "Cmd", '[');
    document_text(document, NULL, plan->command);
    for (size_t i = 0; strcmp(plan->command, "serve") != 0 && i < service_flow_count(plan->service);
         i++)
        if (plan->is_offered[i])
            document_text(document, NULL, service_manifest(plan->service, i)->identifier);
    document_close(document, ']');
}

static void append_settings(struct document *document, const struct package_plan *plan,
                            const struct package_command *command)
{
    document_open(document, "config", '{');
    document_text(document, "User", USER);
    document_text(document, "WorkingDir", "/opt/sluice");
    append_words(document, "Entrypoint", command->words);
    append_command(document, plan);
    if (strcmp(plan->command, "serve") == 0) {
        document_open(document, "ExposedPorts", '{');
        document_open(document, "8080/tcp", '{');
        document_close(document, '}');
        document_close(document, '}');
        document_open(document, "Env", '[');
        document_text(document, NULL, "PORT=8080");
        document_close(document, ']');
    }
    document_open(document, "Labels", '{');
    document_text(document, "org.opencontainers.image.title", plan->name);
    document_text(document, "org.opencontainers.image.version", SLUICE_VERSION);
    document_close(document, '}');
    document_close(document, '}');
}

static void write_config(const struct package_plan *plan, const struct package_command *command,
                         const struct package_layer *written, struct buf *out)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "created", CREATED);
    document_text(&document, "architecture", architecture());
    document_text(&document, "os", "linux");
    append_settings(&document, plan, command);
    document_open(&document, "rootfs", '{');
    document_text(&document, "type", "layers");
    document_open(&document, "diff_ids", '[');
    for (size_t i = 0; i < LAYER_COUNT; i++) {
        char digest[PACKAGE_DIGEST_SIZE + 8];
        snprintf(digest, sizeof digest, "sha256:%.64s", written[i].content);
        document_text(&document, NULL, digest);
    }
    document_close(&document, ']');
    document_close(&document, '}');
    document_open(&document, "history", '[');
    for (size_t i = 0; i < LAYER_COUNT; i++) {
        document_open(&document, NULL, '{');
        document_text(&document, "created", CREATED);
        document_text(&document, "created_by", layers[i].what);
        document_close(&document, '}');
    }
    document_close(&document, ']');
    document_close(&document, '}');
    document_move(&document, out);
}

static void append_descriptor(struct document *document, const char *key, const char *type,
                              const char *digest, uint64_t size)
{
    char text[PACKAGE_DIGEST_SIZE + 8], media[96];
    snprintf(text, sizeof text, "sha256:%s", digest);
    snprintf(media, sizeof media, MEDIA "%s", type);
    document_open(document, key, '{');
    document_text(document, "mediaType", media);
    document_text(document, "digest", text);
    document_number(document, "size", (int64_t)size);
}

static void write_manifest(const char *config_digest, uint64_t config_size,
                           const struct package_layer *written, struct buf *out)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_number(&document, "schemaVersion", 2);
    document_text(&document, "mediaType", MEDIA "manifest.v1+json");
    append_descriptor(&document, "config", "config.v1+json", config_digest, config_size);
    document_close(&document, '}');
    document_open(&document, "layers", '[');
    for (size_t i = 0; i < LAYER_COUNT; i++) {
        append_descriptor(&document, NULL, "layer.v1.tar+gzip", written[i].blob, written[i].blob_size);
        document_close(&document, '}');
    }
    document_close(&document, ']');
    document_close(&document, '}');
    document_move(&document, out);
}

static void write_index(const char *digest, uint64_t size, struct buf *out)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_number(&document, "schemaVersion", 2);
    document_text(&document, "mediaType", MEDIA "index.v1+json");
    document_open(&document, "manifests", '[');
    append_descriptor(&document, NULL, "manifest.v1+json", digest, size);
    document_open(&document, "annotations", '{');
    document_text(&document, "org.opencontainers.image.ref.name", "latest");
    document_close(&document, '}');
    document_close(&document, '}');
    document_close(&document, ']');
    document_close(&document, '}');
    document_move(&document, out);
}

/* ---- files of the layout ---- */

static bool write_named(const char *folder, const char *name, const struct buf *text,
                        struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !text->failed ? file_write(path, buf_text(text), text->size, 0644, err)
                         : error_set(err, ERROR_LIMIT, "out of memory");
}

static bool write_blob(const char *folder, const struct buf *text,
                       char digest[static PACKAGE_DIGEST_SIZE],
                       struct error *err)
{
    char name[PACKAGE_DIGEST_SIZE + 16];
    package_digest(buf_text(text), text->size, digest);
    snprintf(name, sizeof name, "blobs/sha256/%s", digest);
    return write_named(folder, name, text, err);
}

static bool write_layers(const struct package_tree *tree, const char *folder,
                         struct package_layer *written, struct error *err)
{
    char working[PATH_MAX], path[PATH_MAX];
    for (size_t i = 0; i < LAYER_COUNT; i++) {
        snprintf(working, sizeof working, "%s/blobs/sha256/layer", folder);
        if (!package_write_layer(tree, layers[i].parts, working, &written[i], err))
            return false;
        snprintf(path, sizeof path, "%s/blobs/sha256/%s", folder, written[i].blob);
        if (rename(working, path) != 0)
            return error_set(err, ERROR_INTERNAL, "cannot create '%s'", path);
    }
    return true;
}

static bool write_documents(const struct package_plan *plan, const struct package_command *command,
                            const struct package_layer *written, const char *folder,
                            struct error *err)
{
    static const char version[] = "{\"imageLayoutVersion\": \"1.0.0\"}\n";
    char config[PACKAGE_DIGEST_SIZE], manifest[PACKAGE_DIGEST_SIZE];
    struct buf text;
    buf_init(&text, JSON_SIZE_MAX);
    write_config(plan, command, written, &text);
    bool ok = write_blob(folder, &text, config, err);
    size_t size = text.size;
    if (ok) {
        write_manifest(config, size, written, &text);
        ok = write_blob(folder, &text, manifest, err);
        size = text.size;
    }
    if (ok) {
        write_index(manifest, size, &text);
        ok = write_named(folder, "index.json", &text, err);
    }
    buf_clear(&text);
    buf_append_text(&text, version);
    ok = ok && write_named(folder, "oci-layout", &text, err);
    buf_release(&text);
    return ok;
}

/* With the same modes whatever the umask. */
static bool make_folders(const char *folder, struct error *err)
{
    static const char *const names[] = {"blobs", "blobs/sha256"};
    char path[PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (mkdir(path, 0700) != 0 || chmod(path, 0755) != 0)
            return error_errno(err, ERROR_INTERNAL, errno, "cannot create '%s'", path);
    }
    return true;
}

bool package_write_image(const struct package_tree *tree, const struct package_plan *plan,
                         const struct package_command *command, const char *folder,
                         struct error *err)
{
    struct package_layer written[LAYER_COUNT];
    return make_folders(folder, err) && write_layers(tree, folder, written, err) &&
           write_documents(plan, command, written, folder, err);
}
