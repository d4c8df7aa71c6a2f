/* SPDX-License-Identifier: MIT */
/*
 * A package's files into a folder, a zip archive or a layer of an image, through libarchive. Owners
 * are root, times PACKAGE_TIME, so that only contents decide about the bytes. See package.h.
 */
#include <archive.h>
#include <archive_entry.h>
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/package.h"

#define CHUNK_SIZE 65536u

/* Takes the bytes of one entry, piece by piece. */
typedef bool take_fn(void *context, const void *bytes, size_t size, struct error *err);

static bool give_source(const struct package_entry *entry, take_fn *take, void *context,
                        struct error *err)
{
    char chunk[CHUNK_SIZE];
    uint64_t given = 0;
    int fd = open(entry->source, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 || error_errno(err, ERROR_NOT_FOUND, errno, "cannot open '%s'", entry->source);
    while (ok) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0)
            ok = error_errno(err, ERROR_INTERNAL, errno, "cannot read '%s'", entry->source);
        if (got <= 0)
            break;
        given += (uint64_t)got;
        ok = take(context, chunk, (size_t)got, err);
    }
    if (fd >= 0)
        close(fd);
    if (ok && given != entry->size)
        ok = error_set(err, ERROR_BROKEN, "'%s' changed while it was packaged", entry->source);
    return ok;
}

static bool give(const struct package_entry *entry, take_fn *take, void *context, struct error *err)
{
    if (entry->source)
        return give_source(entry, take, context, err);
    return entry->bytes.size == 0 || take(context, entry->bytes.data, entry->bytes.size, err);
}

/* ---- a folder ---- */

static bool take_file(void *context, const void *bytes, size_t size, struct error *err)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t put = write(*(const int *)context, at, size);
        if (put < 0 && errno != EINTR)
            return error_errno(err, ERROR_INTERNAL, errno, "cannot write the package");
        at += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool write_file(const struct package_entry *entry, const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot create '%s'", path);
    bool ok = give(entry, take_file, &fd, err);
    if (close(fd) != 0 && ok)
        ok = error_errno(err, ERROR_INTERNAL, errno, "cannot write '%s'", path);
    return ok;
}

/* Modes whatever the umask, times the same for all. */
static bool finish_path(const struct package_entry *entry, const char *path, struct error *err)
{
    const struct timespec times[2] = {{.tv_sec = PACKAGE_TIME}, {.tv_sec = PACKAGE_TIME}};
    return (chmod(path, entry->mode) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0) ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot set mode and time of '%s'", path);
}

static bool write_entry(const struct package_entry *entry, const char *path, struct error *err)
{
    if (!entry->is_folder)
        return write_file(entry, path, err) && finish_path(entry, path, err);
    return mkdir(path, 0700) == 0 ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot create '%s'", path);
}

bool package_write_folder(const struct package_tree *tree, const char *folder, struct error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < tree->count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, tree->entries[i].path);
        if (!write_entry(&tree->entries[i], path, err))
            return false;
    }
    for (size_t i = tree->count; i-- > 0;) { /* folders last, from the inside */
        snprintf(path, sizeof path, "%s/%s", folder, tree->entries[i].path);
        if (tree->entries[i].is_folder && !finish_path(&tree->entries[i], path, err))
            return false;
    }
    return true;
}

/* ---- archives ---- */

static bool archive_failed(struct archive *archive, struct error *err)
{
    const char *reason = archive ? archive_error_string(archive) : NULL;
    return error_set(err, ERROR_INTERNAL, "cannot write the archive: %s",
                     reason ? reason : "no memory");
}

struct target {
    struct archive *archive;
};

static bool take_archive(void *context, const void *bytes, size_t size, struct error *err)
{
    const struct target *target = context;
    return archive_write_data(target->archive, bytes, size) == (la_ssize_t)size ||
           archive_failed(target->archive, err);
}

static bool write_archive_entry(struct archive *archive, const struct package_entry *from,
                                struct error *err)
{
    struct archive_entry *entry = archive_entry_new();
    struct target target = {archive};
    if (!entry)
        return archive_failed(NULL, err);
    archive_entry_set_pathname(entry, from->path);
    archive_entry_set_filetype(entry, from->is_folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, (mode_t)from->mode);
    archive_entry_set_size(entry, from->is_folder ? 0 : (la_int64_t)from->size);
    archive_entry_set_mtime(entry, PACKAGE_TIME, 0);
    bool ok = archive_write_header(archive, entry) == ARCHIVE_OK || archive_failed(archive, err);
    archive_entry_free(entry);
    return ok && (from->is_folder || give(from, take_archive, &target, err));
}

/* Zip archives hold local times: the zone must not matter. */
static void use_utc(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
}

bool package_write_zip(const struct package_tree *tree, const char *path, struct error *err)
{
    struct archive *archive = archive_write_new();
    use_utc();
    bool ok = archive && archive_write_set_format_zip(archive) == ARCHIVE_OK &&
              archive_write_set_format_option(archive, "zip", "compression", "deflate") == ARCHIVE_OK &&
              archive_write_open_filename(archive, path) == ARCHIVE_OK;
    if (!ok)
        archive_failed(archive, err);
    for (size_t i = 0; ok && i < tree->count; i++)
        ok = write_archive_entry(archive, &tree->entries[i], err);
    if (ok && archive_write_close(archive) != ARCHIVE_OK)
        ok = archive_failed(archive, err);
    archive_write_free(archive);
    if (ok && chmod(path, 0644) != 0)
        ok = error_errno(err, ERROR_INTERNAL, errno, "cannot set the mode of '%s'", path);
    return ok;
}

/* ---- layers: a tar whose bytes are hashed, then compressed, then hashed again ---- */

struct sink {
    struct archive *gzip; /* NULL: bytes go to fd */
    int fd;
    br_sha256_context hash;
    uint64_t size;
};

static la_ssize_t on_write(struct archive *archive, void *context, const void *bytes, size_t size)
{
    struct sink *sink = context;
    struct error err = {0};
    br_sha256_update(&sink->hash, bytes, size);
    sink->size += size;
    if (sink->gzip)
        return archive_write_data(sink->gzip, bytes, size);
    if (take_file(&sink->fd, bytes, size, &err))
        return (la_ssize_t)size;
    archive_set_error(archive, EIO, "%s", err.message);
    return -1;
}

static void take_digest(const br_sha256_context *hash, char out[static PACKAGE_DIGEST_SIZE])
{
    unsigned char digest[br_sha256_SIZE];
    br_sha256_out(hash, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void package_digest(const void *bytes, size_t size, char out[static PACKAGE_DIGEST_SIZE])
{
    br_sha256_context hash;
    br_sha256_init(&hash);
    br_sha256_update(&hash, bytes, size);
    take_digest(&hash, out);
}

static struct archive *open_gzip(struct sink *sink, struct error *err)
{
    struct archive *gzip = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    bool ok = gzip && entry && archive_write_set_format_raw(gzip) == ARCHIVE_OK &&
              archive_write_add_filter_gzip(gzip) == ARCHIVE_OK &&
              archive_write_set_filter_option(gzip, "gzip", "timestamp", NULL) == ARCHIVE_OK &&
              archive_write_set_bytes_in_last_block(gzip, 1) == ARCHIVE_OK &&
              archive_write_open(gzip, sink, NULL, on_write, NULL) == ARCHIVE_OK;
    if (ok) {
        archive_entry_set_filetype(entry, AE_IFREG);
        ok = archive_write_header(gzip, entry) == ARCHIVE_OK;
    }
    archive_entry_free(entry);
    if (ok)
        return gzip;
    archive_failed(gzip, err);
    archive_write_free(gzip);
    return NULL;
}

static bool write_tar(const struct package_tree *tree, unsigned parts, struct sink *sink,
                      struct error *err)
{
    struct archive *tar = archive_write_new();
    bool ok = tar && archive_write_set_format_pax_restricted(tar) == ARCHIVE_OK &&
              archive_write_open(tar, sink, NULL, on_write, NULL) == ARCHIVE_OK;
    if (!ok)
        archive_failed(tar, err);
    for (size_t i = 0; ok && i < tree->count; i++)
        if (parts & 1u << tree->entries[i].part)
            ok = write_archive_entry(tar, &tree->entries[i], err);
    if (ok && archive_write_close(tar) != ARCHIVE_OK)
        ok = archive_failed(tar, err);
    archive_write_free(tar);
    return ok;
}

bool package_write_layer(const struct package_tree *tree, unsigned parts, const char *path,
                         struct package_layer *layer, struct error *err)
{
    struct sink blob = {.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    struct sink content = {.fd = -1};
    if (blob.fd < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot create '%s'", path);
    br_sha256_init(&blob.hash);
    br_sha256_init(&content.hash);
    content.gzip = open_gzip(&blob, err);
    bool ok = content.gzip && write_tar(tree, parts, &content, err);
    if (ok && archive_write_close(content.gzip) != ARCHIVE_OK)
        ok = archive_failed(content.gzip, err);
    archive_write_free(content.gzip);
    if ((fchmod(blob.fd, 0644) != 0 || close(blob.fd) != 0) && ok)
        ok = error_errno(err, ERROR_INTERNAL, errno, "cannot write '%s'", path);
    take_digest(&content.hash, layer->content);
    take_digest(&blob.hash, layer->blob);
    layer->blob_size = blob.size;
    return ok;
}
