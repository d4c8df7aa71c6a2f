/* SPDX-License-Identifier: MIT */
/* See trust.h. */
#include "capability/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/signature.h"

static bool is_module(const struct buf *bytes)
{
    return bytes->size >= 4 && memcmp(bytes->data, "\0asm", 4) == 0;
}

/* The signature beside the file; appends nothing where there is none. */
static bool read_beside(const char *path, struct buf *line, struct error *err)
{
    char *beside = NULL;
    if (asprintf(&beside, "%s" SIGNATURE_SUFFIX, path) < 0)
        return error_set(err, ERROR_LIMIT, "out of memory");
    bool ok = !file_exists(beside) || file_read(beside, line, err);
    free(beside);
    return ok;
}

static bool check_line(const struct workspace *workspace, const struct buf *bytes, size_t signed_size,
                       const char *line, size_t line_size, char signer_name[static TRUST_SIGNER_SIZE],
                       struct error *err)
{
    const struct trusted_key *signer = NULL;
    struct trusted_keys *keys = calloc(1, sizeof *keys);
    char *folder = file_join(workspace->folder, TRUSTED_KEYS_FOLDER);
    bool ok = keys && folder ? trusted_keys_read(keys, folder, err)
                             : error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && signature_check(keys, bytes->data, signed_size, line, line_size, &signer, err);
    if (ok)
        snprintf(signer_name, TRUST_SIGNER_SIZE, "%s", signer->name);
    free(folder);
    free(keys);
    return ok;
}

bool trust_check(const struct workspace *workspace, const char *path, const struct buf *bytes,
                 char signer[static TRUST_SIGNER_SIZE], struct error *err)
{
    const char *line = NULL;
    struct buf beside;
    size_t line_size = 0, signed_size = bytes->size;
    signer[0] = '\0';
    buf_init(&beside, SIGNATURE_LINE_MAX);
    if (is_module(bytes))
        signed_size = signature_find(bytes->data, bytes->size, &line, &line_size);
    bool ok = line || read_beside(path, &beside, err);
    if (!line && beside.size > 0) {
        line = beside.data;
        line_size = beside.size;
    }
    if (ok && line)
        ok = check_line(workspace, bytes, signed_size, line, line_size, signer, err);
    else if (ok && workspace->filters.unsigned_ones == UNSIGNED_REFUSE)
        ok = error_set(err, ERROR_DENIED, "it is not signed: `sluice sign` signs it, \"filters\": "
                       "{\"unsigned\": \"allow\"} in sluice.json lets unsigned ones run");
    buf_release(&beside);
    return ok;
}
