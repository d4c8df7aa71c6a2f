/* SPDX-License-Identifier: MIT */
/* Modules as files: given out as they are, taken in while the server runs; see flow.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "engine/digest.h"
#include "flow/activation.h"
#include "flow/execute.h"
#include "store/store_activation.h"
#include "store/store_changes.h"

#define PART_SUFFIX ".part" /* not a module until it is renamed */

static char *path_of(const struct service *service, const char *name, const char *suffix)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", service->workspace->functions_folder, name, suffix) < 0 ? NULL
                                                                                              : path;
}

bool service_read_module(const struct service *service, size_t index, struct buf *out,
                         struct error *err)
{
    const struct flow *flow = registry_flow(&service->registry, index);
    char digest[DIGEST_TEXT_SIZE];
    char *path = path_of(service, flow->folder_name, ".wasm");
    bool ok = path ? file_read(path, out, err) : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    if (!ok)
        return false;
    digest_hex(NULL, out->data, out->size, digest);
    return strcmp(digest, module_digest(flow->module)) == 0 ||
           error_set(err, ERROR_REFUSED, "the file %s.wasm was replaced since the server read it",
                     flow->folder_name);
}

/* ---- taking in ------------------------------------------------------------------------------------- */

static bool check_folder(const struct workspace *workspace, struct error *err)
{
    size_t size = strlen(workspace->folder);
    if (strncmp(workspace->functions_folder, workspace->folder, size) == 0 &&
        workspace->functions_folder[size] == '/')
        return true;
    return error_set(err, ERROR_REFUSED, "flows are taken from '%s', which is not this workspace's own: "
                     "copy its modules into a folder of the workspace, name that one with \"functions\" "
                     "in sluice.json and restart", workspace->functions_folder);
}

/* Writes bytes beside the modules, under a name that is none of a module. Caller frees; NULL: err. */
static char *write_part(const struct service *service, const struct buf *bytes, struct error *err)
{
    unsigned char random[8];
    char name[32];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        error_errno(err, ERROR_INTERNAL, errno, "no randomness for a file's name");
        return NULL;
    }
    size_t size = (size_t)snprintf(name, sizeof name, ".import-");
    for (size_t i = 0; i < sizeof random; i++)
        size += (size_t)snprintf(name + size, sizeof name - size, "%02x", random[i]);
    char *path = path_of(service, name, PART_SUFFIX);
    if (path && file_write(path, buf_text(bytes), bytes->size, 0644, err))
        return path;
    if (!path)
        error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return NULL;
}

/* A version that nobody has decided about would be active at once where activation is automatic, and
 * take the place of the one that is. Both are decided before it is there. */
static bool decide(const struct service *service, const struct flow *flow,
                   const struct actor *actor, struct error *err)
{
    struct activation_record records[REGISTRY_FLOWS_MAX + 1];
    size_t count = 0;
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *other = service_manifest(service, i);
        struct activation activation;
        if (strcmp(other->identifier, flow->manifest->identifier) != 0)
            continue;
        if (!activation_get(service, i, &activation, err))
            return false;
        if (activation.is_active && !activation.is_decided)
            records[count++] = (struct activation_record){
                .flow = other->identifier, .version = other->version, .decision = DECISION_ACTIVE,
                .actor = actor->name, .at_ms = now_ms};
    }
    records[count++] = (struct activation_record){
        .flow = flow->manifest->identifier, .version = flow->manifest->version,
        .decision = DECISION_INACTIVE, .actor = actor->name, .at_ms = now_ms};
    return store_set_activations(service->store, records, count, err);
}

static bool publish(const struct service *service, const char *part, const char *folder_name,
                    struct error *err)
{
    char *path = path_of(service, folder_name, ".wasm");
    bool ok = path && rename(part, path) == 0;
    if (!ok)
        error_errno(err, ERROR_INTERNAL, path ? errno : ENOMEM, "cannot write %s.wasm", folder_name);
    free(path);
    return ok;
}

/* Takes flow, or frees it. */
static bool add(struct service *service, struct flow *flow, const char *part,
                const struct actor *actor, size_t *index, struct error *err)
{
    if (registry_check(&service->registry, flow, err) && decide(service, flow, actor, err) &&
        publish(service, part, flow->folder_name, err)) {
        *index = registry_add(&service->registry, flow);
        return true;
    }
    flow_free(flow);
    return false;
}

/* Takes flow, or frees it. */
static bool replace(struct service *service, struct flow *flow, const char *part, size_t index,
                    struct error *err)
{
    const struct flow *old = registry_flow(&service->registry, index);
    if (strcmp(module_digest(old->module), module_digest(flow->module)) == 0) {
        flow_free(flow);
        return true;
    }
    bool ok = !service_is_active(service, index) ||
              error_set(err, ERROR_REFUSED, "version %s of flow '%s' is active: deactivate it first",
                        old->manifest->version, old->manifest->identifier);
    ok = ok && registry_check_replacement(&service->registry, flow, err) &&
         publish(service, part, flow->folder_name, err);
    if (ok)
        registry_replace(&service->registry, index, flow);
    else
        flow_free(flow);
    return ok;
}

/* What the module is called: as the one that it replaces, or unlike any that a build makes. */
static bool name_module(const struct service *service, struct flow *flow, const struct flow *old,
                        struct error *err)
{
    char *name = NULL;
    if (old ? (name = strdup(old->folder_name)) == NULL
            : asprintf(&name, "%s-%s", flow->manifest->identifier, flow->manifest->version) < 0)
        return error_set(err, ERROR_LIMIT, "out of memory");
    free(flow->folder_name);
    flow->folder_name = name;
    free(flow->path);
    flow->path = path_of(service, name, ".wasm");
    return flow->path || error_set(err, ERROR_LIMIT, "out of memory");
}

/* by is not longer than part. */
static void put_instead(char *text, const char *part, const char *by)
{
    char *at = strstr(text, part);
    if (!at)
        return;
    memmove(at + strlen(by), at + strlen(part), strlen(at + strlen(part)) + 1);
    memcpy(at, by, strlen(by));
}

/* Where the host keeps what it looks at is nobody's business. Returns false. */
static bool hide_path(const char *part, struct error *err)
{
    if (err) {
        put_instead(err->message, part, "");
        put_instead(err->message, "module '': ", "");
        put_instead(err->message, strrchr(part, '/') + 1, "the module");
    }
    return false;
}

static bool check_there(const struct flow *flow, enum module_put how, bool is_there,
                        struct error *err)
{
    if (how == MODULE_ADD && is_there)
        return error_set(err, ERROR_EXISTS, "flow '%s' has version %s already",
                         flow->manifest->identifier, flow->manifest->version);
    return how != MODULE_REPLACE || is_there ||
           error_set(err, ERROR_NOT_FOUND, "flow '%s' has no version %s",
                     flow->manifest->identifier, flow->manifest->version);
}

static bool put(struct service *service, const char *part, enum module_put how,
                const struct actor *actor, size_t *index, struct error *err)
{
    struct flow *flow = flow_new(service->workspace, part, err);
    if (!flow)
        return hide_path(part, err);
    bool is_there = registry_find_version(&service->registry, flow, index);
    const struct flow *old = is_there ? registry_flow(&service->registry, *index) : NULL;
    if (!check_there(flow, how, is_there, err) || !name_module(service, flow, old, err)) {
        flow_free(flow);
        return false;
    }
    return is_there ? replace(service, flow, part, *index, err)
                    : add(service, flow, part, actor, index, err);
}

bool service_put_module(struct service *service, const struct buf *bytes, enum module_put how,
                        const struct actor *actor, size_t *index, struct error *err)
{
    if (!check_folder(service->workspace, err))
        return false;
    char *part = write_part(service, bytes, err);
    if (!part)
        return false;
    pthread_mutex_lock(&service->taking_in);
    bool ok = put(service, part, how, actor, index, err);
    pthread_mutex_unlock(&service->taking_in);
    (void)unlink(part); /* gone where it was published */
    free(part);
    if (ok)
        store_tell_change(service->store); /* other standings may follow from it */
    return ok;
}
