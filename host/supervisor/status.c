/* SPDX-License-Identifier: MIT */
/* See status.h. */
#include "supervisor/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/document.h"

#define FOLDER ".supervise"

static bool path_of(char out[PATH_MAX], const char *folder, const char *name, struct error *err)
{
    return snprintf(out, PATH_MAX, "%s/" FOLDER "%s%s", folder, name[0] ? "/" : "", name) < PATH_MAX ||
           error_set(err, ERROR_LIMIT, "the path of the folder is too long");
}

bool status_lock(const char *folder, struct error *err)
{
    char place[PATH_MAX], path[PATH_MAX];
    if (!path_of(place, folder, "", err) || !path_of(path, folder, "lock", err))
        return false;
    if (mkdir(place, 0700) != 0 && errno != EEXIST)
        return error_errno(err, ERROR_DENIED, errno, "cannot create '%s'", place);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_DENIED, errno, "cannot open '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true; /* fd stays open: the lock is its */
    const int number = errno;
    close(fd);
    if (number == EWOULDBLOCK)
        return error_set(err, ERROR_EXISTS, "'%s' is supervised already (sluice supervise %s --status)",
                         folder, folder);
    return error_errno(err, ERROR_INTERNAL, number, "cannot lock '%s'", path);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void write_tenant(struct document *document, const struct tenant *tenant)
{
    document_open(document, NULL, '{');
    document_text(document, "name", tenant->found.name);
    document_text(document, "folder", tenant->folder);
    document_text(document, "state", tenant_state_names[tenant->state]);
    document_text(document, "reason", text_or_null(tenant->reason));
    document_time(document, "since", tenant->since_wall_ms);
    document_text(document, "user", text_or_null(tenant->account.name));
    if (tenant->process.pid)
        document_number(document, "pid", tenant->process.pid);
    else
        document_text(document, "pid", NULL);
    document_text(document, "listen", text_or_null(tenant->listen));
    document_text(document, "url", tenant->ready_ms ? text_or_null(tenant->url) : NULL);
    document_number(document, "restarts", (int64_t)tenant->restart.count);
    document_close(document, '}');
}

static void write_isolation(struct document *document, const struct tenants *tenants)
{
    const struct isolation *isolation = &tenants->isolation;
    const bool has_users = geteuid() == 0;
    document_open(document, "isolation", '{');
    document_text(document, "user", has_users ? "own" : "shared");
    document_text(document, "cpu", cpu_share_names[isolation->cpu]);
    document_text(document, "memory", isolation->memory_by_cgroup ? "cgroup and process limit"
                                                                  : "process limit");
    document_text(document, "processes", isolation->processes_by_cgroup ? "cgroup"
                                         : has_users                    ? "user limit"
                                                                        : "none");
    document_text(document, "descriptors", "process limit");
    document_text(document, "file_size", "process limit");
    document_text(document, "system_calls", tenants->settings.confine ? "filter" : "none");
    document_text(document, "no_cgroup_because", text_or_null(isolation->why_no_cgroup));
    document_close(document, '}');
}

static bool write_document(const struct tenants *tenants, int64_t since_wall_ms, FILE *file)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "folder", tenants->folder);
    document_number(&document, "pid", getpid());
    document_time(&document, "since", since_wall_ms);
    write_isolation(&document, tenants);
    document_open(&document, "tenants", '[');
    for (size_t i = 0; i < tenants->count; i++)
        write_tenant(&document, tenants->items[i]);
    document_close(&document, ']');
    document_close(&document, '}');
    return document_finish(&document, file);
}

/* Replaced whole, but not waited for until it is on the disk: after a crash it says nothing anyway. */
bool status_write(const struct tenants *tenants, int64_t since_wall_ms, struct error *err)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    if (!path_of(path, tenants->folder, "status.json", err) ||
        !path_of(fresh, tenants->folder, "status.json.new", err))
        return false;
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot write '%s'", fresh);
    bool ok = write_document(tenants, since_wall_ms, file);
    ok = fclose(file) == 0 && ok && rename(fresh, path) == 0;
    return ok || error_errno(err, ERROR_INTERNAL, errno, "cannot write '%s'", path);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool is_locked(const char *path, struct error *err)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return error_errno(err, ERROR_DENIED, errno, "cannot open '%s'", path);
    const bool is_free = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0;
    if (fd >= 0)
        close(fd);
    return !is_free || error_set(err, ERROR_NOT_FOUND, "no supervisor runs here");
}

cJSON *status_read(const char *folder, struct error *err)
{
    char path[PATH_MAX], lock[PATH_MAX];
    if (!path_of(path, folder, "status.json", err) || !path_of(lock, folder, "lock", err))
        return NULL;
    if (!is_locked(lock, err)) {
        error_context(err, "'%s'", folder);
        return NULL;
    }
    return json_read_file(path, JSON_STRICT, err);
}
