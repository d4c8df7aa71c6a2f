/* SPDX-License-Identifier: MIT */
/* The steps of the customer sync transfer flows; see customer_sync.h. How a run ends and what
 * people are told is in customer_sync_report.c. */
#include "sluice/customer_sync.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/extend.h"
#include "sluice/file.h"
#include "sluice/flow.h"
#include "sluice/lookup.h"

#define TAG_DEFAULT "SENT-"
#define TAG_SIZE_MAX 64u
#define SHOWN_SIZE_MAX 300u
#define NOT_ATTEMPTED "Not attempted because the run stopped at an earlier error."
#define GONE "It was gone from the source before it could be read."
#define MARK_ATTEMPTS 3 /* a rename that certainly had no effect is tried again */

/* ---- step 1 ------------------------------------------------------------------------------- */

static bool read_prefix(struct customer_sync *sync)
{
    int32_t result = flow_parameter("extractedFileNamePrefix", &sync->prefix);
    if (result > 0)
        return true;
    fault_set(&sync->fault, "missing_parameter", "A schedule parameter is missing",
              "The parameter \"extractedFileNamePrefix\" is %s. It must be the beginning of the "
              "file names that the extract batches write, for example C1-DCTEX.",
              result == 0 ? "empty" : "not given");
    return false;
}

/* A tag becomes part of a file name. */
static bool is_usable_tag(const struct text *tag)
{
    const char *string = text_string(tag);
    if (tag->size > TAG_SIZE_MAX || !utf8_is_valid(string, tag->size))
        return false;
    for (const char *at = string; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F || *at == '/' || *at == '\\')
            return false;
    return true;
}

static bool read_tag(struct customer_sync *sync)
{
    if (!lookup_text(LOOKUP_CONFIG, "ccs.prefixtag.file.uploaded", "ccs.prefixtag.fileuploaded",
                     &sync->tag))
        text_set(&sync->tag, TAG_DEFAULT);
    if (is_usable_tag(&sync->tag))
        return true;
    fault_set(
        &sync->fault, "invalid_property", "A property has no usable value",
        "Lookup \"%s\": the property \"ccs.prefixtag.file.uploaded\" becomes the beginning of "
        "file names: at most %u bytes, no '/', '\\' or control characters.",
        LOOKUP_CONFIG, TAG_SIZE_MAX);
    return false;
}

static bool read_target_kind(struct customer_sync *sync)
{
    struct text value = {0}, shown = {0};
    if (!lookup_text(LOOKUP_CONFIG, "dacs.file.target.transfer.pref", NULL, &value))
        text_set(&value, "ftp");
    bool is_ftp = word_is_same(text_string(&value), "ftp");
    bool is_known = is_ftp || word_is_same(text_string(&value), "os");
    sync->target = is_ftp ? SYNC_TARGET_FTP : SYNC_TARGET_OBJECT_STORAGE;
    if (!is_known) {
        text_add_printable(&shown, text_string(&value), SHOWN_SIZE_MAX);
        fault_set(&sync->fault, "invalid_property", "A property has no usable value",
                  "Lookup \"%s\": the property \"dacs.file.target.transfer.pref\" is \"%s\"; legal "
                  "values are ftp and os.",
                  LOOKUP_CONFIG, text_string(&shown));
    }
    text_release(&value);
    text_release(&shown);
    return is_known;
}

/* A bucket that is its own target would be filled with copies of itself. Folders of FTP servers can
 * only be compared by the host, which knows the addresses. */
static bool check_places_differ(struct customer_sync *sync)
{
    struct text target = {0};
    text_add_format(&target, "%s/%s", text_string(&sync->name_space), text_string(&sync->bucket));
    bool is_same = strcmp(text_string(&target), text_string(&sync->place)) == 0;
    text_release(&target);
    if (!is_same)
        return true;
    fault_set(&sync->fault, "same_place", "Source and target are the same",
              "Source and target of the run are both the bucket \"%s\": see the properties "
              "ccs.os.custsync.* and dacs.os.custsync.* in lookup \"%s\".",
              text_string(&sync->place), LOOKUP_CONFIG);
    return false;
}

static bool read_target(struct customer_sync *sync)
{
    struct fault *fault = &sync->fault;
    if (!read_target_kind(sync))
        return false;
    if (sync->target == SYNC_TARGET_FTP)
        return lookup_required(LOOKUP_CONFIG, "dacs.ftp.custsync.output.directory",
                               &sync->directory, fault);
    return lookup_required(LOOKUP_CONFIG, "dacs.os.custsync.namespace", &sync->name_space, fault) &&
           lookup_required(LOOKUP_CONFIG, "dacs.os.custsync.bucketname", &sync->bucket, fault) &&
           check_places_differ(sync);
}

bool customer_sync_prepare(struct customer_sync *sync)
{
    if (!read_prefix(sync))
        return false;
    flow_track("file_name_prefix", text_string(&sync->prefix));
    return read_tag(sync) && sync->source->locate(&sync->place, &sync->fault) && read_target(sync);
}

/* ---- step 2 ------------------------------------------------------------------------------- */

static bool is_tagged(const struct customer_sync *sync, const char *name)
{
    return strncmp(name, text_string(&sync->tag), sync->tag.size) == 0;
}

static void add_file(struct customer_sync *sync, const char *name,
                     const struct sluice_file_info *info)
{
    if (sync->file_count == sync->file_capacity) {
        sync->file_capacity = sync->file_capacity ? sync->file_capacity * 2 : 32;
        sync->files = memory_resize(sync->files, sync->file_capacity * sizeof sync->files[0]);
    }
    sync->files[sync->file_count++] = (struct sync_file){
        .name = memory_copy(name),
        .size = info->size,
        .modified_s = info->modified_s,
        .flags = info->flags,
    };
}

/* The list that the extension point "select" gets: [{"name", "size", "modified"?}]. */
static void list_files(const struct customer_sync *sync, struct text *out)
{
    cJSON *list = json_array();
    for (size_t i = 0; i < sync->file_count; i++) {
        char modified[TIME_TEXT_SIZE];
        cJSON *entry = json_object();
        json_add_text(entry, "name", sync->files[i].name);
        if (!(sync->files[i].flags & SLUICE_FILE_SIZE_UNKNOWN))
            json_add_count(entry, "size", sync->files[i].size);
        time_format(sync->files[i].modified_s, modified);
        if (sync->files[i].modified_s > 0)
            json_add_text(entry, "modified", modified);
        cJSON_AddItemToArray(list, entry);
    }
    json_print(list, out);
    cJSON_Delete(list);
}

/* Keeps the files that are in the list, which the host has seen to be a part of what was given. */
static void keep_files(struct customer_sync *sync, const cJSON *list)
{
    size_t kept = 0;
    const cJSON *entry = list ? list->child : NULL;
    struct text name = {0};
    for (size_t i = 0; i < sync->file_count && entry; i++) {
        text_clear(&name);
        if (!json_value_text(entry, &name))
            json_member_text(entry, "name", &name);
        if (strcmp(text_string(&name), sync->files[i].name) != 0)
            continue;
        sync->files[kept++] = sync->files[i];
        entry = entry->next;
    }
    sync->file_count = kept;
    text_release(&name);
}

/* Which of the files the tenant's customisations leave to this run. */
static bool select_files(struct customer_sync *sync)
{
    struct text list = {0}, why = {0};
    bool ok = true;
    if (extend_is_used("select")) {
        list_files(sync, &list);
        ok = extend_text("select", &list, &sync->fault);
        cJSON *given = ok ? json_read(text_string(&list), list.size, &why) : NULL;
        if (ok)
            keep_files(sync, given);
        cJSON_Delete(given);
    }
    for (size_t i = 0; ok && i < sync->file_count; i++)
        flow_report_file(sync->files[i].name, SLUICE_FILE_FOUND, "");
    text_release(&list);
    text_release(&why);
    return ok;
}

static size_t count_unread(void)
{
    struct text count = {0};
    flow_about("not_understood", &count);
    size_t number = strtoul(text_string(&count), NULL, 10);
    text_release(&count);
    return number;
}

bool customer_sync_list(struct customer_sync *sync)
{
    const struct sync_source *source = sync->source;
    /* The listing stays open: the host looks up in it what a reported file is like. */
    sync->listing =
        source->list(source->connection, text_string(&sync->place), text_string(&sync->prefix));
    if (sync->listing < 0) {
        fault_take(&sync->fault, sync->listing, "The files at the source cannot be listed");
        return false;
    }
    struct text name = {0};
    struct sluice_file_info info;
    int32_t result;
    while ((result = file_next(sync->listing, &name, &info)) >= 0) {
        if (is_tagged(sync, text_string(&name)))
            continue;
        if (sync->file_count < CUSTOMER_SYNC_FILES_MAX)
            add_file(sync, text_string(&name), &info);
        else
            sync->left_count++;
    }
    text_release(&name);
    /* Of ever more files this run takes the first; none of which it may take is no way to go on. */
    sync->has_more = result == SLUICE_LIMIT && sync->file_count > 0;
    if (result == SLUICE_NOT_FOUND || sync->has_more) {
        sync->left_count += sync->has_more;
        sync->unread_count = count_unread();
        return select_files(sync);
    }
    fault_take(&sync->fault, result, "The files at the source cannot be listed");
    return false;
}

/* ---- step 3 ------------------------------------------------------------------------------- */

static void settle(struct sync_file *file, enum sync_outcome outcome, const char *reason)
{
    static const enum sluice_file_state states[] = {
        [SYNC_WAITING] = SLUICE_FILE_FOUND,
        [SYNC_TRANSFERRED] = SLUICE_FILE_TRANSFERRED,
        [SYNC_UNMARKED] = SLUICE_FILE_NOT_TRANSFERRED,
        [SYNC_NOT_TRANSFERRED] = SLUICE_FILE_NOT_TRANSFERRED,
        [SYNC_POSTPONED] = SLUICE_FILE_POSTPONED,
    };
    file->outcome = outcome;
    file->reason = reason ? memory_copy(reason) : NULL;
    flow_report_file(file->name, states[outcome], reason ? reason : "");
}

/* An error of one file ends the run: fault already tells it. */
static void stop_at(struct customer_sync *sync, struct sync_file *file, enum sync_outcome outcome)
{
    text_clear(&sync->fault.file_name);
    text_add_printable(&sync->fault.file_name, file->name, SHOWN_SIZE_MAX);
    settle(file, outcome, text_string(&sync->fault.detail));
}

static bool has_unsafe_name(const struct sync_file *file)
{
    const char *name = file->name;
    if ((file->flags & SLUICE_FILE_UNSAFE) || !utf8_is_valid(name, strlen(name)))
        return true;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7F)
            return true;
    return false;
}

/* Whether this run leaves a file alone whatever else happens. */
static bool is_left_alone(const struct customer_sync *sync, struct sync_file *file)
{
    if (has_unsafe_name(file))
        settle(file, SYNC_NOT_TRANSFERRED,
               "The name cannot be used safely: it holds control characters, a "
               "separator or bytes that are not UTF-8.");
    else if (strlen(file->name) + sync->tag.size > sync->source->name_size_max)
        settle(file, SYNC_NOT_TRANSFERRED,
               "The name would be too long with the prefix that marks it as sent.");
    else if (file->flags & SLUICE_FILE_GROWING)
        settle(file, SYNC_POSTPONED, "It is still being written.");
    else
        return false;
    return true;
}

static void refuse_too_large(struct customer_sync *sync, struct sync_file *file)
{
    struct text limit = {0}, size = {0};
    flow_about("file_size_max", &limit);
    text_add_count(&size, file->size);
    fault_set(&sync->fault, "file_too_large", "A file is larger than allowed",
              "The file has %s bytes; the limit is %s bytes (the workspace's file size limit).",
              text_string(&size), limit.size ? text_string(&limit) : "smaller");
    text_release(&limit);
    text_release(&size);
    stop_at(sync, file, SYNC_NOT_TRANSFERRED);
}

struct sync_file *customer_sync_next(struct customer_sync *sync)
{
    while (!fault_is_set(&sync->fault) && sync->file_next < sync->file_count) {
        struct sync_file *file = &sync->files[sync->file_next++];
        if (is_left_alone(sync, file))
            continue;
        if (!(file->flags & SLUICE_FILE_TOO_LARGE)) {
            flow_report_file(file->name, SLUICE_FILE_STARTED, "");
            return file;
        }
        refuse_too_large(sync, file);
    }
    return NULL;
}

void customer_sync_settle_rest(struct customer_sync *sync)
{
    for (; sync->file_next < sync->file_count; sync->file_next++) {
        struct sync_file *file = &sync->files[sync->file_next];
        if (!is_left_alone(sync, file))
            settle(file, SYNC_NOT_TRANSFERRED, NOT_ATTEMPTED);
    }
}

/* The look for growing files was at the time of the listing: one that is written anew since may be half
 * there. A size that was not listed is learnt now. false: not to be taken, outcome is set. */
static bool compare(struct customer_sync *sync, struct sync_file *file, int32_t handle)
{
    struct sluice_file_info info;
    if (!sync->source->grows || file_info(handle, &info) != SLUICE_OK)
        return true;
    bool is_known = !(file->flags & SLUICE_FILE_SIZE_UNKNOWN);
    if (is_known && info.size == file->size)
        return true;
    if (is_known) {
        settle(file, SYNC_POSTPONED, "It changed after it had been listed.");
        return false;
    }
    file->size = info.size;
    if (info.flags & SLUICE_FILE_TOO_LARGE)
        refuse_too_large(sync, file);
    return !(info.flags & SLUICE_FILE_TOO_LARGE);
}

int32_t customer_sync_open(struct customer_sync *sync, struct sync_file *file)
{
    int32_t handle =
        sync->source->open(sync->source->connection, text_string(&sync->place), file->name);
    if (handle > 0 && !compare(sync, file, handle)) {
        file_close(handle);
        return 0;
    }
    if (handle > 0)
        handle = extend_file("content", handle);
    if (handle > 0)
        return handle;
    if (handle == SLUICE_NOT_FOUND) {
        settle(file, SYNC_NOT_TRANSFERRED, GONE);
        return 0;
    }
    fault_take(&sync->fault, handle, "A file cannot be read at the source");
    stop_at(sync, file, SYNC_NOT_TRANSFERRED);
    return 0;
}

/* Whether the child flow found the file gone, and not, say, the folder that it should go to. */
static bool is_gone(const struct customer_sync *sync, const struct sync_file *file)
{
    const struct sync_source *source = sync->source;
    if (strcmp(text_string(&sync->fault.code), status_name(SLUICE_NOT_FOUND)) != 0)
        return false;
    int32_t handle = source->open(source->connection, text_string(&sync->place), file->name);
    if (handle > 0)
        file_close(handle);
    return handle == SLUICE_NOT_FOUND;
}

/* Gives message and file to a child flow. Takes message. */
static bool call_child(struct customer_sync *sync, struct sync_file *file, const char *flow,
                       cJSON *message, int32_t handle)
{
    struct text body = {0}, answer = {0};
    int http_status;
    json_print(message, &body);
    cJSON_Delete(message);
    int32_t status = flow_call(flow, body.data, body.size, handle, &http_status, &answer);
    if (status < 0)
        fault_take(&sync->fault, status, "A file could not be handed to the transfer flow");
    else if (http_status != 200)
        fault_from_answer(&sync->fault, http_status, text_string(&answer), answer.size,
                          "A file could not be transferred");
    bool ok = !fault_is_set(&sync->fault);
    if (!ok && is_gone(sync, file)) {
        fault_clear(&sync->fault);
        settle(file, SYNC_NOT_TRANSFERRED, GONE);
    } else if (!ok) {
        stop_at(sync, file, SYNC_NOT_TRANSFERRED);
    }
    text_release(&body);
    text_release(&answer);
    return ok;
}

/* The name at the target. false: a customisation failed, and the run stops at this file. */
static bool target_name(struct customer_sync *sync, struct sync_file *file, struct text *name)
{
    text_set(name, file->name);
    if (extend_text("name", name, &sync->fault))
        return true;
    stop_at(sync, file, SYNC_NOT_TRANSFERRED);
    return false;
}

bool customer_sync_send_ftp(struct customer_sync *sync, struct sync_file *file, int32_t handle)
{
    struct text name = {0};
    bool ok = target_name(sync, file, &name);
    if (ok) {
        cJSON *message = json_object();
        json_add_text(message, "Filename", text_string(&name));
        json_add_text(message, "Directory", text_string(&sync->directory));
        json_add_text(message, "File Reference", file->name);
        ok = call_child(sync, file, CUSTOMER_SYNC_FTP_CHILD, message, handle);
    }
    file_close(handle);
    text_release(&name);
    return ok;
}

bool customer_sync_send_os(struct customer_sync *sync, struct sync_file *file, int32_t handle)
{
    struct text name = {0};
    bool ok = target_name(sync, file, &name);
    if (ok) {
        cJSON *message = json_object();
        json_add_text(message, "Object Name", text_string(&name));
        json_add_text(message, "Namespace Name", text_string(&sync->name_space));
        json_add_text(message, "Bucket Name", text_string(&sync->bucket));
        json_add_text(message, "File Reference", file->name);
        ok = call_child(sync, file, CUSTOMER_SYNC_OS_CHILD, message, handle);
    }
    file_close(handle);
    text_release(&name);
    return ok;
}

static int32_t rename_source(const struct customer_sync *sync, const char *from, const char *to)
{
    struct text name_used = {0};
    int32_t status = SLUICE_UNAVAILABLE;
    for (int i = 0; i < MARK_ATTEMPTS && status == SLUICE_UNAVAILABLE; i++)
        status = sync->source->rename(sync->source->connection, text_string(&sync->place), from, to,
                                      &name_used);
    text_release(&name_used);
    return status;
}

void customer_sync_mark(struct customer_sync *sync, struct sync_file *file)
{
    struct text marked = {0};
    text_add(&marked, text_string(&sync->tag));
    text_add(&marked, file->name);
    int32_t status = rename_source(sync, file->name, text_string(&marked));
    if (status >= 0) {
        settle(file, SYNC_TRANSFERRED, NULL);
    } else {
        struct text told = {0};
        fault_take(&sync->fault, status, "A transferred file could not be marked at the source");
        text_add(&told, text_string(&sync->fault.detail));
        text_clear(&sync->fault.detail);
        text_add_format(&sync->fault.detail,
                        "The file is complete at the target, but renaming it to \"%s\" at the "
                        "source %s: %s",
                        text_string(&marked),
                        status == SLUICE_UNKNOWN ? "may have failed" : "failed",
                        text_string(&told));
        text_cut(&sync->fault.detail, FAULT_DETAIL_SIZE_MAX);
        text_release(&told);
        stop_at(sync, file, SYNC_UNMARKED);
    }
    text_release(&marked);
}
