/* SPDX-License-Identifier: MIT */
/* Three files; see caller_files.h. */
#include "server/caller_files.h"

#include <stdlib.h>

#include "base/file.h"
#include "server/issuer.h"

static bool add(struct file_watch *watch, const char *folder, const char *name, struct error *err)
{
    char *path = file_join(folder, name);
    bool ok = path ? file_watch_add(watch, path, err) : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

bool caller_files_watch(struct file_watch *watch, const char *folder, struct error *err)
{
    struct issuer *issuer = NULL;
    bool ok = add(watch, folder, "users.json", err) && add(watch, folder, ISSUER_FILE, err);
    if (ok && issuer_read(&issuer, folder, NULL) && issuer) /* who opens it tells what is wrong */
        ok = file_watch_add(watch, issuer->jwks_file, err);
    issuer_free(issuer);
    return ok;
}
