/* SPDX-License-Identifier: MIT */
/* Findings about the store; see durability.h. */
#include "cli/durability.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

static const char *const place_texts[] = {
    [PLACE_PROCESS] = "in memory",
    [PLACE_MACHINE] = ", on a file system in memory",
    [PLACE_CONTAINER] = ", in the container's own layer",
    [PLACE_DISK] = "",
};

static const char *const end_texts[] = {
    [PLACE_PROCESS] = "the process",
    [PLACE_MACHINE] = "the machine or container",
    [PLACE_CONTAINER] = "the container",
};

enum durability_place durability_place_of(const char *folder)
{
    char path[PATH_MAX];
    struct statfs status;
    snprintf(path, sizeof path, "%s", folder);
    while (statfs(path, &status) != 0) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return PLACE_DISK;
        *slash = '\0';
    }
    switch ((unsigned long)status.f_type) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
        return PLACE_MACHINE;
    case OVERLAYFS_SUPER_MAGIC:
        return PLACE_CONTAINER;
    default:
        return PLACE_DISK;
    }
}

/* What of nothing lost, nothing twice remains for whom. */
static const char *remains_for(const struct manifest *manifest, enum durability_place place)
{
    bool is_scheduled = strcmp(manifest->trigger_type, "schedule") == 0;
    if (is_scheduled)
        return place == PLACE_PROCESS
                   ? "a run that is cut off does not go on: the next one takes what is not marked at the "
                     "source; a file that had just arrived, and was not marked yet, stops it, or is sent "
                     "again if its reader was quicker. One run at a time holds within the process: let "
                     "the platform start one"
                   : "until then a run that was cut off goes on with the next one, after it not: that takes "
                     "what is not marked at the source; a file that had just arrived stops it, or is sent "
                     "again if its reader was quicker";
    if (manifest->durability == DURABLE)
        return place == PLACE_PROCESS
                   ? "a call that is cut off does not go on: its caller must call again; what it had "
                     "done by then (a file stored, a mail sent) stays done"
                   : "until then a call that was cut off goes on with the next one, after it not: its "
                     "caller must call again; what it had done by then stays done";
    return "a caller that got no answer, or a failure, must call again";
}

static void tell_flow(const struct manifest *manifest, enum durability_place place, finding_fn *fn,
                      void *context)
{
    char subject[256], text[768];
    snprintf(subject, sizeof subject, "flow '%s'", manifest->identifier);
    snprintf(text, sizeof text, "its record%s ends with %s: %s",
             place != PLACE_PROCESS && manifest->durability == DURABLE ? " and journal" : "",
             end_texts[place], remains_for(manifest, place));
    const struct finding finding = {FINDING_NOTE, subject, text, ""};
    fn(context, &finding);
}

void durability_inspect(const struct service *service, finding_fn *fn, void *context)
{
    const struct workspace *workspace = service_workspace(service);
    enum durability_place place = workspace->store_place == STORE_MEMORY_ONLY
                                      ? PLACE_PROCESS
                                      : durability_place_of(workspace->state_folder);
    char text[PATH_MAX + 128];
    bool is_lost = place != PLACE_DISK;
    snprintf(text, sizeof text, "%s%s%s%s", place == PLACE_PROCESS ? "" : workspace->store_file,
             place_texts[place],
             is_lost ? ", and gone when it ends: " : ", what was begun goes on after a crash",
             is_lost ? end_texts[place] : "");
    const struct finding finding = {
        is_lost ? FINDING_NOTE : FINDING_OK, "store", text,
        is_lost ? "for a record that stays, let \"state\" in sluice.json be a folder on a mounted "
                  "volume (docs/deploy.md)" : ""};
    fn(context, &finding);
    for (size_t i = 0; is_lost && i < service_flow_count(service); i++)
        tell_flow(service_manifest(service, i), place, fn, context);
}
