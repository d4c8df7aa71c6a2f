/* SPDX-License-Identifier: MIT */
/*
 * OCI Object Storage as a content server: list, open, read, rename. A folder is
 * "<namespace>/<bucket>". Objects appear whole, so one look suffices, and every version has an
 * etag, so that what is read or renamed is what was looked at. store is in object_store.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "transfer/object_http.h"
#include "transfer/object_listing.h"
#include "transfer/object_store.h"
#include "transfer/object_upload.h"

#define PAGE_LIMIT 1000 /* the service's own limit */

/* ---- list ---- */

static bool list_page(struct transfer *transfer, const struct connection *connection,
                      const char *folder, const char *prefix, const struct transfer_call *call,
                      struct remote_listing *out, struct buf *next, struct error *err)
{
    struct buf path;
    struct http_response response = {0};
    struct error why = {0};
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = object_append_bucket(connection, folder, &path, err);
    buf_printf(&path, "/o?limit=%d&fields=name%%2Csize%%2Cetag%%2Cmd5%%2CtimeModified", PAGE_LIMIT);
    if (prefix[0]) {
        buf_append_text(&path, "&prefix=");
        buf_append_percent(&path, prefix);
    }
    if (next->size > 0) {
        buf_append_text(&path, "&start=");
        buf_append_percent(&path, buf_text(next));
    }
    if (ok && path.failed)
        ok = connection_error(connection, err, ERROR_LIMIT, "the prefix is too long");
    const struct object_request request = {.method = "GET", .path = buf_text(&path)};
    ok = ok && object_call(transfer, connection, call, &request, &response, NULL, err);
    char subject[300];
    snprintf(subject, sizeof subject, "bucket '%s'", strlen(folder) < 250 ? folder : "");
    if (ok && response.status != 200)
        ok = object_refuse(connection, &response, subject, err);
    else if (ok &&
             !object_listing_append(buf_text(&response.body), response.body.size, out, next, &why))
        ok = connection_error(connection, err, why.kind, "%s: %s", subject, why.message);
    http_response_release(&response);
    buf_release(&path);
    return ok;
}

static bool object_list(struct transfer *transfer, const struct connection *connection,
                        const char *folder, const char *prefix, const struct transfer_call *call,
                        struct remote_listing *out, struct error *err)
{
    struct buf next, previous;
    buf_init(&next, OBJECT_NAME_SIZE_MAX);
    buf_init(&previous, OBJECT_NAME_SIZE_MAX);
    bool ok;
    do {
        buf_clear(&previous);
        buf_append(&previous, next.data, next.size);
        ok = list_page(transfer, connection, folder, prefix, call, out, &next, err);
        /* Names only ever grow: a page that points back would never end. */
        if (ok && next.size > 0 && strcmp(buf_text(&next), buf_text(&previous)) <= 0)
            ok = connection_error(connection, err, ERROR_BROKEN,
                                  "the listing of '%s' does not advance", folder);
        /* Pages come in the order of the names: what is behind these would not be kept. */
    } while (ok && next.size > 0 && out->count < LISTING_ENTRIES_KEPT);
    buf_release(&next);
    buf_release(&previous);
    return ok;
}

/* ---- open and read ---- */

static bool object_open(struct transfer *transfer, const struct transfer_call *call,
                        struct remote_file *file, struct error *err)
{
    struct object_facts facts;
    if (!object_head(transfer, file->connection, call, file->folder, file->name, &facts, err))
        return false;
    file->info.size = facts.info.size;
    file->info.modified_s = facts.info.modified_s;
    file->etag = strdup(facts.etag);
    /* The digest of an upload in parts says nothing without its part size. */
    bool has_digest = facts.digest[0] && !facts.is_multipart;
    file->digest = has_digest ? strdup(facts.digest) : NULL;
    if (file->etag && (file->digest || !has_digest))
        return true;
    return connection_error(file->connection, err, ERROR_INTERNAL, "out of memory");
}

/* The answer to a GET: the bytes of a success are the pump's. */
struct reading {
    struct http_answer answer;
    struct http_response response;
};

static void release_reading(void *context)
{
    struct reading *reading = context;
    http_response_release(&reading->response);
    free(reading);
}

static bool divert_refusal(struct source *source, const void *bytes, size_t size, bool *goes_on)
{
    struct reading *reading = source->context;
    long status = 0;
    curl_easy_getinfo(source->handle->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return false;
    *goes_on = http_take_body(&reading->answer, bytes, size);
    return true;
}

static bool check_status(struct source *source, CURLcode code, struct error *err)
{
    struct reading *reading = source->context;
    char subject[OBJECT_SUBJECT_SIZE];
    if (reading->answer.is_body_over) /* of a refusal: its status says enough */
        code = CURLE_OK;
    if (!http_conclude(source->handle, &reading->answer, &code, err))
        return false;
    return reading->response.status == 200 ||
           object_refuse(source->handle->connection, &reading->response,
                         object_subject(source->file->folder, source->file->name, subject), err);
}

static bool prepare_reading(struct source *source, struct error *err)
{
    const struct remote_file *file = source->file;
    struct reading *reading = source->context;
    struct buf path;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = object_append_name(file->connection, file->folder, "o", file->name, &path, err);
    if (ok) {
        const struct object_request request = {
            .method = "GET", .path = buf_text(&path), .if_match = file->etag, .downloads = true};
        ok = object_prepare(source->transfer, source->handle, &request, &reading->answer,
                            &reading->response, err);
    }
    if (ok)
        curl_easy_setopt(source->handle->easy, CURLOPT_HTTPHEADER,
                         source->handle->lists[HTTP_LIST]);
    buf_release(&path);
    return ok;
}

static bool object_read(struct transfer *transfer, const struct remote_file *file,
                        const struct transfer_call *call, struct source *out, struct error *err)
{
    struct reading *reading = calloc(1, sizeof *reading);
    *out = (struct source){.transfer = transfer, .fd = -1, .size = file->info.size, .file = file};
    if (!reading)
        return connection_error(file->connection, err, ERROR_INTERNAL, "out of memory");
    out->divert = divert_refusal;
    out->check = check_status;
    out->context = reading;
    out->release = release_reading;
    out->handle = pool_acquire(transfer, file->connection, call, err);
    if (out->handle && prepare_reading(out, err))
        return true;
    source_release(out);
    return false;
}

/* ---- rename ---- */

struct rename {
    struct transfer *transfer;
    const struct connection *connection;
    const struct transfer_call *call;
    const char *folder, *from;
    bool is_ours; /* nobody else has any business with from: once it is gone, it was renamed */
    struct object_facts facts; /* of from, before */
    char etag[64];             /* of what has the new name; "": not told */
};

static char *rename_body(const struct rename *rename, const char *to)
{
    struct buf body;
    buf_init(&body, 32768);
    buf_append_text(&body, "{\"sourceName\":");
    json_append_text(&body, rename->from, strlen(rename->from));
    buf_append_text(&body, ",\"newName\":");
    json_append_text(&body, to, strlen(to));
    if (rename->facts.etag[0]) {
        buf_append_text(&body, ",\"srcObjIfMatchETag\":");
        json_append_text(&body, rename->facts.etag, strlen(rename->facts.etag));
    }
    if (rename->connection->on_conflict != CONFLICT_OVERWRITE)
        buf_append_text(&body, ",\"newObjIfNoneMatchETag\":\"*\"");
    buf_append_char(&body, '}');
    return buf_take(&body, NULL);
}

/* Whether the rename may have been done, or may be yet. Where one that was asked for before is in doubt, only an
 * answer about the object ends that: who was not let in, or was sent elsewhere, has heard nothing of the earlier
 * one. */
static bool may_be_lost(const struct rename *rename, bool is_answered, int status, CURLcode code)
{
    bool is_in_doubt = rename->call && rename->call->doubt;
    if (!is_answered)
        return is_in_doubt || http_reply_lost(code);
    bool is_of_it = status / 100 != 3 && status != 401 && status != 429;
    return http_status_is_doubtful(status) || (is_in_doubt && !is_of_it);
}

/* The answer was lost, or may be untrue: both names tell what happened; why is what was answered. A lost one
 * may also be done only after the look: where there is a journal, the next look decides. Another version under the old
 * name tells that the one that was meant is gone; a temporary name is ours alone, and has no other. */
static bool settle_rename(struct rename *rename, const char *to, bool is_lost, struct error *why)
{
    struct object_facts source, target;
    struct error source_err = {0}, target_err = {0};
    bool is_journaled = rename->call && rename->call->announce;
    bool is_told = rename->is_ours || (rename->call && rename->call->doubt); /* by its being gone */
    /* Without the call: it may be over. */
    bool has_source = object_look(rename->transfer, rename->connection, NULL, rename->folder,
                                  rename->from, &source, &source_err);
    bool is_same = has_source && strcmp(source.etag, rename->facts.etag) == 0;
    bool is_replaced = has_source && !is_same && rename->facts.etag[0] && !rename->is_ours;
    bool is_gone = is_replaced || (!has_source && source_err.kind == ERROR_NOT_FOUND);
    bool has_target = is_gone && object_look(rename->transfer, rename->connection, NULL,
                                             rename->folder, to, &target, &target_err);
    bool is_there = has_target && target.info.size == rename->facts.info.size &&
                    strcmp(target.digest, rename->facts.digest) == 0;
    bool is_seen = has_source || has_target || target_err.kind == ERROR_NOT_FOUND;
    if (is_there)
        snprintf(rename->etag, sizeof rename->etag, "%s", target.etag);
    if (is_there || (is_gone && is_told))
        return true;
    if (is_lost ? is_same && !is_journaled : is_seen)
        return false; /* it did not happen: why stands */
    const struct error said = *why;
    return error_set(why, ERROR_UNKNOWN,
                     "connection '%s': whether '%s' was renamed is not known, and a look did not settle "
                     "it: %s",
                     rename->connection->name, rename->from, said.message);
}

static bool rename_once(struct rename *rename, const char *to, struct error *err)
{
    struct buf path;
    struct http_response response = {0};
    CURLcode code = CURLE_OK;
    char *body = rename_body(rename, to);
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = body ? object_append_bucket(rename->connection, rename->folder, &path, err)
                   : connection_error(rename->connection, err, ERROR_INTERNAL, "out of memory");
    buf_append_text(&path, "/actions/renameObject");
    if (ok) {
        const struct object_request request = {
            .method = "POST", .path = buf_text(&path), .json = body, .is_unstoppable = true};
        ok = object_call(rename->transfer, rename->connection, rename->call, &request, &response,
                         &code, err);
        char subject[OBJECT_SUBJECT_SIZE];
        object_subject(rename->folder, response.status == 412 ? to : rename->from, subject);
        bool is_lost = may_be_lost(rename, ok, response.status, code);
        bool is_refused = ok && object_may_be_untrue(response.status);
        if (ok && response.status / 100 != 2)
            ok = object_refuse(rename->connection, &response, subject, err);
        if (!ok && (is_lost || is_refused))
            ok = settle_rename(rename, to, is_lost, err);
        else if (ok)
            http_response_header(&response, "etag", rename->etag, sizeof rename->etag);
    }
    http_response_release(&response);
    buf_release(&path);
    free(body);
    return ok;
}

bool object_publish(struct upload *upload, const char *temporary, struct error *err)
{
    struct remote_receipt *receipt = upload->receipt;
    struct rename rename = {.transfer = upload->transfer, .connection = upload->connection,
                            .call = upload->call, .folder = upload->folder, .from = temporary, .is_ours = true,
                            .facts.info.size = receipt->size};
    snprintf(rename.facts.etag, sizeof rename.facts.etag, "%s", receipt->etag);
    snprintf(rename.facts.digest, sizeof rename.facts.digest, "%s", receipt->digest);
    if (!rename_once(&rename, upload->name, err))
        return false;
    snprintf(receipt->etag, sizeof receipt->etag, "%s", rename.etag);
    return true;
}

static bool announce_rename(const struct rename *rename, const char *to, struct error *err)
{
    const struct transfer_call *call = rename->call;
    struct transfer_step step = {
        .kind = STEP_PUBLISHING, .is_object = true, .size = rename->facts.info.size};
    if (!call || !call->announce)
        return true;
    snprintf(step.temporary, sizeof step.temporary, "%s", rename->from);
    snprintf(step.name, sizeof step.name, "%s", to);
    snprintf(step.version, sizeof step.version, "%s", rename->facts.etag);
    return call->announce(call->context, &step, err);
}

/* An earlier call announced a rename. The version that it was about is under the old name, or it has
 * been renamed, whatever is there now. Not done: it is what is renamed now, for it may also go at once. */
static bool rename_doubt(struct rename *rename, struct remote_receipt *receipt, bool *is_done,
                         struct error *err)
{
    const struct transfer_step *doubt = rename->call->doubt;
    struct error why = {0};
    bool exists = object_look(rename->transfer, rename->connection, rename->call, rename->folder,
                              rename->from, &rename->facts, &why);
    if (!exists && why.kind != ERROR_NOT_FOUND)
        return error_set(err, ERROR_UNKNOWN,
                         "connection '%s': whether '%s' was renamed cannot be told now: %s",
                         rename->connection->name, rename->from, why.message);
    *is_done = !exists || strcmp(rename->facts.etag, doubt->version) != 0;
    if (*is_done) {
        receipt->size = doubt->size;
        snprintf(receipt->name, sizeof receipt->name, "%s", doubt->name);
    }
    return true;
}

static bool object_rename(struct transfer *transfer, const struct connection *connection,
                          const char *folder, const char *from, const char *to,
                          const struct transfer_call *call, struct remote_receipt *receipt,
                          struct error *err)
{
    struct error local = {0};
    struct error *why = err ? err : &local;
    struct rename rename = {.transfer = transfer, .connection = connection, .call = call,
                            .folder = folder, .from = from};
    bool is_done = false;
    if (call && call->doubt ? !rename_doubt(&rename, receipt, &is_done, why)
                            : !object_head(transfer, connection, call, folder, from, &rename.facts, why))
        return false;
    call_settled(call);
    if (is_done)
        return true;
    const struct remote_file *expected = call ? call->expected : NULL;
    if (expected && expected->etag && strcmp(expected->etag, rename.facts.etag) != 0)
        return connection_error(connection, err, ERROR_BROKEN,
                                "'%s' was replaced after it had been read: it was not renamed, the "
                                "next run takes it",
                                from);
    unsigned last = connection->on_conflict == CONFLICT_NUMBER ? CONFLICT_NUMBER_MAX : 1;
    bool ok = false;
    for (unsigned number = 1; number <= last && !ok; number++) {
        if (!conflict_name(to, number, OBJECT_NAME_SIZE_MAX, receipt->name))
            return connection_error(connection, err, ERROR_LIMIT,
                                    "a numbered name would be over %u bytes", OBJECT_NAME_SIZE_MAX);
        ok = announce_rename(&rename, receipt->name, why) &&
             rename_once(&rename, receipt->name, why);
        if (!ok && why->kind != ERROR_EXISTS)
            return false;
    }
    receipt->size = rename.facts.info.size;
    snprintf(receipt->digest, sizeof receipt->digest, "%s", rename.facts.digest);
    return ok;
}

const struct content_server object_storage_server = {
    .grows = false,
    .listing_forms = "objects with a name and a size",
    .list = object_list,
    .open = object_open,
    .read = object_read,
    .store = object_store,
    .rename = object_rename,
    .discard = object_discard,
};
