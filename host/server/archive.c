/* SPDX-License-Identifier: MIT */
/* Zip files through libzip; see archive.h. */
#include "server/archive.h"

#include <zip.h>

static bool archive_fail(struct error *err, zip_error_t *problem)
{
    return error_set(err, ERROR_LIMIT, "the archive cannot be made: %s", zip_error_strerror(problem));
}

static bool add_file(zip_t *archive, const struct archive_file *file, int64_t wall_s,
                     struct error *err)
{
    zip_source_t *source = zip_source_buffer(archive, file->bytes, file->size, 0);
    zip_int64_t index = source ? zip_file_add(archive, file->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index >= 0 && zip_file_set_mtime(archive, (zip_uint64_t)index, (time_t)wall_s, 0) == 0)
        return true;
    if (source && index < 0)
        zip_source_free(source);
    return archive_fail(err, zip_get_error(archive));
}

/* Takes what was written into memory, once the archive is closed. */
static bool take_bytes(zip_source_t *memory, struct buf *out, struct error *err)
{
    char chunk[16384];
    zip_int64_t got = 0;
    if (zip_source_open(memory) != 0)
        return archive_fail(err, zip_source_error(memory));
    while ((got = zip_source_read(memory, chunk, sizeof chunk)) > 0)
        buf_append(out, chunk, (size_t)got);
    zip_source_close(memory);
    if (got < 0)
        return archive_fail(err, zip_source_error(memory));
    return !out->failed || error_set(err, ERROR_LIMIT, "the archive is too large");
}

static bool write_into(zip_source_t *memory, const struct archive_file *files, size_t count,
                       int64_t wall_s, struct error *err)
{
    zip_error_t problem;
    zip_error_init(&problem);
    zip_source_keep(memory); /* for take_bytes: the archive would free it */
    zip_t *archive = zip_open_from_source(memory, ZIP_TRUNCATE, &problem);
    if (!archive) {
        archive_fail(err, &problem);
        zip_error_fini(&problem);
        zip_source_free(memory);
        return false;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = add_file(archive, &files[i], wall_s, err);
    if (ok && zip_close(archive) == 0)
        return true;
    if (ok)
        archive_fail(err, zip_get_error(archive));
    zip_discard(archive);
    return false;
}

bool archive_write(const struct archive_file *files, size_t count, int64_t wall_s, struct buf *out,
                   struct error *err)
{
    zip_error_t problem;
    zip_error_init(&problem);
    zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, &problem);
    if (!memory) {
        archive_fail(err, &problem);
        zip_error_fini(&problem);
        return false;
    }
    bool ok = write_into(memory, files, count, wall_s, err) && take_bytes(memory, out, err);
    zip_source_free(memory);
    return ok;
}
