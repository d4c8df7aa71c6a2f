/* SPDX-License-Identifier: MIT */
/* connections.json and lookups/ into one immutable piece; see snapshot.h. */
#include "workspace/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "workspace/connections.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_LIMIT, "out of memory");
}

static int is_lookup_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".csv") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool add_lookup(struct snapshot *snapshot, const char *name, const struct buf *rows,
                       struct error *err)
{
    char source[NAME_MAX + 16];
    if (snapshot->lookup_count == LOOKUPS_MAX)
        return error_set(err, ERROR_LIMIT, "lookups/: more than %d files", LOOKUPS_MAX);
    snprintf(source, sizeof source, "lookups/%s.csv", name);
    if (!lookup_parse(&snapshot->lookups[snapshot->lookup_count], name, buf_text(rows), rows->size,
                      source, err))
        return false;
    snapshot->lookup_count++;
    return true;
}

static bool read_lookup(struct snapshot *snapshot, const char *folder, const char *name,
                        struct error *err)
{
    char file[NAME_MAX + 16];
    struct buf rows;
    snprintf(file, sizeof file, "lookups/%s.csv", name);
    char *path = file_join(folder, file);
    buf_init(&rows, LOOKUP_SIZE_MAX);
    bool ok = path ? file_read(path, &rows, err) : no_memory(err);
    ok = ok && add_lookup(snapshot, name, &rows, err);
    buf_release(&rows);
    free(path);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    const struct lookup *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static bool read_files(struct snapshot *snapshot, const char *folder,
                       struct dirent *const *entries, size_t count,
                       const struct snapshot_change *change, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        char name[NAME_MAX + 1];
        snprintf(name, sizeof name, "%.*s", (int)strlen(entries[i]->d_name) - 4, entries[i]->d_name);
        if (!change || !change->lookup || strcmp(change->lookup, name) != 0)
            ok = read_lookup(snapshot, folder, name, err);
    }
    if (ok && change && change->rows)
        ok = add_lookup(snapshot, change->lookup, change->rows, err);
    qsort(snapshot->lookups, snapshot->lookup_count, sizeof *snapshot->lookups, by_name);
    return ok;
}

static bool read_lookups(struct snapshot *snapshot, const char *folder,
                         const struct snapshot_change *change, struct error *err)
{
    struct dirent **entries = NULL;
    char *path = file_join(folder, "lookups");
    snapshot->lookups = calloc(LOOKUPS_MAX, sizeof *snapshot->lookups);
    if (!path || !snapshot->lookups) {
        free(path);
        return no_memory(err);
    }
    int count = scandir(path, &entries, is_lookup_file, by_bytes);
    int number = errno;
    free(path);
    if (count < 0 && number != ENOENT)
        return error_errno(err, ERROR_INTERNAL, number, "cannot read the folder lookups/");
    bool ok = read_files(snapshot, folder, entries, count < 0 ? 0 : (size_t)count, change, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return ok;
}

static bool set_anchors(struct snapshot *snapshot, const char *ca_file, struct error *err)
{
    for (size_t i = 0; ca_file && i < snapshot->connection_count; i++) {
        struct connection *connection = &snapshot->connections[i];
        bool has_none = connection->type == CONNECTION_LOCAL || connection->type == CONNECTION_SFTP;
        if (connection->ca_file || has_none)
            continue;
        connection->ca_file = strdup(ca_file);
        if (!connection->ca_file)
            return no_memory(err);
    }
    return true;
}

bool snapshot_read(struct snapshot **out, const char *folder, const char *ca_file,
                   const struct snapshot_change *change, struct error *err)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return no_memory(err);
    atomic_init(&snapshot->holders, 1);
    if (connections_read(folder, change ? change->connections : NULL, &snapshot->connections,
                         &snapshot->connection_count, err) &&
        set_anchors(snapshot, ca_file, err) && read_lookups(snapshot, folder, change, err)) {
        *out = snapshot;
        return true;
    }
    snapshot_release(snapshot);
    return false;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->holders, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
    if (!snapshot ||
        atomic_fetch_sub_explicit(&snapshot->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->connection_count; i++)
        connection_release(&snapshot->connections[i]);
    for (size_t i = 0; i < snapshot->lookup_count; i++)
        lookup_release(&snapshot->lookups[i]);
    free(snapshot->connections);
    free(snapshot->lookups);
    free(snapshot);
}

static void not_found(const char *kind, const char *name, const char *const *names, size_t count,
                      const char *file, struct error *err)
{
    const char *nearest = text_nearest(name, names, count);
    error_set(err, ERROR_NOT_FOUND, "no %s is called '%.160s'%s%s%s (see %s)", kind, name,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "", file);
}

const struct connection *snapshot_connection(const struct snapshot *snapshot, const char *name,
                                             struct error *err)
{
    const char *names[CONNECTIONS_MAX];
    for (size_t i = 0; i < snapshot->connection_count; i++) {
        const struct connection *connection = &snapshot->connections[i];
        names[i] = connection->name;
        if (strcmp(connection->name, name) != 0)
            continue;
        if (!connection->disabled)
            return connection;
        error_set(err, ERROR_NOT_FOUND, "connection '%s' is disabled: fill in its fields and remove "
                                        "\"disabled\" in connections.json", name);
        return NULL;
    }
    not_found("connection", name, names, snapshot->connection_count, "connections.json", err);
    return NULL;
}

bool snapshot_knows_connection(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->connection_count; i++)
        if (strcmp(snapshot->connections[i].name, name) == 0)
            return true;
    return false;
}

const struct lookup *snapshot_lookup(const struct snapshot *snapshot, const char *name,
                                     struct error *err)
{
    const char *names[LOOKUPS_MAX];
    for (size_t i = 0; i < snapshot->lookup_count; i++) {
        names[i] = snapshot->lookups[i].name;
        if (strcmp(names[i], name) == 0)
            return &snapshot->lookups[i];
    }
    not_found("lookup", name, names, snapshot->lookup_count, "lookups/", err);
    return NULL;
}
