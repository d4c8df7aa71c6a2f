/* SPDX-License-Identifier: MIT */
/* The snapshot in force, and how it is replaced; see workspace.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "workspace/config.h"
#include "workspace/workspace.h"

struct snapshot *workspace_snapshot(struct workspace *workspace)
{
    pthread_mutex_lock(&workspace->current);
    struct snapshot *snapshot = snapshot_hold(workspace->snapshot);
    pthread_mutex_unlock(&workspace->current);
    return snapshot;
}

const struct connection *workspace_connection(const struct workspace *workspace, const char *name,
                                              struct error *err)
{
    return snapshot_connection(workspace->snapshot, name, err);
}

const struct lookup *workspace_lookup(const struct workspace *workspace, const char *name,
                                      struct error *err)
{
    return snapshot_lookup(workspace->snapshot, name, err);
}

/* Takes ownership of next. */
static void put_in_force(struct workspace *workspace, struct snapshot *next)
{
    pthread_mutex_lock(&workspace->current);
    struct snapshot *old = workspace->snapshot;
    workspace->snapshot = next;
    pthread_mutex_unlock(&workspace->current);
    snapshot_release(old);
}

/* What the next snapshot differs in, and the file that is to say so. */
struct edit {
    struct snapshot_change change;
    const char *file;       /* relative to the folder; NULL: none is written */
    const struct buf *text; /* NULL: the file is removed */
};

static bool write_file(const char *path, const struct buf *text, struct error *err)
{
    struct stat status;
    unsigned mode = stat(path, &status) == 0 ? status.st_mode & 0777 : 0644;
    if (text)
        return file_write(path, buf_text(text), text->size, mode, err);
    return unlink(path) == 0 || errno == ENOENT ||
           error_errno(err, ERROR_DENIED, errno, "cannot remove '%s'", path);
}

/* The file is written after all that will be in force was read, so an error in any file is found
 * before, and before it is in force, so a crash leaves what the next start reads. */
static bool apply_locked(struct workspace *workspace, const struct edit *edit, struct error *err)
{
    struct snapshot *next = NULL;
    if (!snapshot_read(&next, workspace->folder, &edit->change, err))
        return false;
    char *path = edit->file ? file_join(workspace->folder, edit->file) : NULL;
    bool ok = !edit->file || (path ? write_file(path, edit->text, err)
                                   : error_set(err, ERROR_LIMIT, "out of memory"));
    free(path);
    if (ok)
        put_in_force(workspace, next);
    else
        snapshot_release(next);
    return ok;
}

static bool apply(struct workspace *workspace, const struct edit *edit, struct error *err)
{
    pthread_mutex_lock(&workspace->change);
    bool ok = apply_locked(workspace, edit, err);
    pthread_mutex_unlock(&workspace->change);
    return ok;
}

bool workspace_reload(struct workspace *workspace, struct error *err)
{
    const struct edit edit = {.file = NULL};
    return apply(workspace, &edit, err);
}

static bool read_connections(const struct workspace *workspace, struct buf *text,
                             struct error *err)
{
    char *path = file_join(workspace->folder, "connections.json");
    bool ok = path ? file_read(path, text, err) : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

bool workspace_edit_connections(struct workspace *workspace, workspace_edit_fn *edit_text,
                                void *context, struct error *err)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_SIZE_MAX);
    pthread_mutex_lock(&workspace->change);
    bool ok = read_connections(workspace, &text, err) && edit_text(context, &text, err);
    const struct edit edit = {{.connections = buf_text(&text)}, "connections.json", &text};
    ok = ok && apply_locked(workspace, &edit, err);
    pthread_mutex_unlock(&workspace->change);
    buf_release(&text);
    return ok;
}

/* ---- lookups ------------------------------------------------------------------------------------ */

static bool lookup_file(const char *name, char file[static NAME_MAX + 16], struct error *err)
{
    size_t size = strlen(name);
    if (size == 0 || size > NAME_MAX - 16 || strchr(name, '/') || name[0] == '.' ||
        text_has_control(name) || !text_is_utf8(name, size))
        return error_set(err, ERROR_INVALID, "'%.80s' cannot be a lookup's name", name);
    snprintf(file, NAME_MAX + 16, "lookups/%s.csv", name);
    return true;
}

static bool check_there(const struct workspace *workspace, const char *name, enum lookup_put how,
                        struct error *err)
{
    bool is_there = snapshot_lookup(workspace->snapshot, name, NULL) != NULL;
    if (how == LOOKUP_ADD && is_there)
        return error_set(err, ERROR_EXISTS, "there is a lookup '%s' already", name);
    return how != LOOKUP_REPLACE || is_there || snapshot_lookup(workspace->snapshot, name, err);
}

static bool make_folder(const struct workspace *workspace, struct error *err)
{
    char *path = file_join(workspace->folder, "lookups");
    bool ok = path ? file_make_folder(path, err) : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

/* rows NULL: the lookup goes. */
static bool put(struct workspace *workspace, const char *name, const struct buf *rows,
                enum lookup_put how, struct error *err)
{
    char file[NAME_MAX + 16];
    if (!lookup_file(name, file, err))
        return false;
    const struct edit edit = {{.lookup = name, .rows = rows}, file, rows};
    pthread_mutex_lock(&workspace->change);
    bool ok = check_there(workspace, name, how, err) && make_folder(workspace, err) &&
              apply_locked(workspace, &edit, err);
    pthread_mutex_unlock(&workspace->change);
    return ok;
}

bool workspace_put_lookup(struct workspace *workspace, const struct lookup *lookup,
                          enum lookup_put how, struct error *err)
{
    struct buf rows;
    buf_init(&rows, LOOKUP_SIZE_MAX);
    lookup_format(lookup, &rows);
    bool ok = rows.failed ? error_set(err, ERROR_LIMIT, "lookup '%s' would be larger than %d bytes",
                                      lookup->name, LOOKUP_SIZE_MAX)
                          : put(workspace, lookup->name, &rows, how, err);
    buf_release(&rows);
    return ok;
}

bool workspace_delete_lookup(struct workspace *workspace, const char *name, struct error *err)
{
    return put(workspace, name, NULL, LOOKUP_REPLACE, err);
}
