/* SPDX-License-Identifier: MIT */
/* Object Storage: list, head, get, put, delete, rename, uploads in parts; see server_http.h. */
#include <bearssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "ledger.h"
#include "server_ftp.h"
#include "server_http.h"

#define SKEW_MAX_S 300 /* of a request's date */
#define PAGE_MAX 3     /* names on a page, so that there are several */

struct target {
    enum place_id place;
    char name[NAME_SIZE * 4];
    char kind; /* 'o' object, 'u' upload, 'a' action */
};

static void header_md5(struct answer *answer, const char *name, const unsigned char md5[16],
                       unsigned parts)
{
    struct buf text;
    buf_init(&text, 64);
    buf_append_base64(&text, md5, 16);
    if (parts)
        answer_header(answer, name, "%s-%u", buf_text(&text), parts);
    else
        answer_header(answer, name, "%s", buf_text(&text));
    buf_release(&text);
}

static void header_etag(struct answer *answer, uint64_t etag)
{
    answer_header(answer, "etag", "etag-%llu", (unsigned long long)etag);
}

static bool is_etag(const char *text, uint64_t etag)
{
    char own[40];
    snprintf(own, sizeof own, "etag-%llu", (unsigned long long)etag);
    return strcmp(own, text) == 0;
}

static const char *instance_of(const struct request *request)
{
    const char *id = request_header(request, "opc-client-request-id");
    return id ? id : "?";
}

static void not_found(struct answer *answer)
{
    answer_refuse(answer, 404, "ObjectNotFound", "The object does not exist");
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* What arrives may have been damaged on the way: the service tells the MD5 of what it got. */
static struct body receive(const struct request *request, unsigned char md5[static 16])
{
    static const enum mishap kinds[] = {MISHAP_HTTP_WRONG_DIGEST, MISHAP_NONE};
    struct body body = body_new((uint32_t)request->body.size + 1);
    body_append(&body, buf_text(&request->body), (uint32_t)request->body.size);
    if (body.size > 0 && mishap_draw_often(kinds) != MISHAP_NONE)
        world->bytes[body.at + draw_below(body.size)] ^= 1;
    br_md5_context context;
    br_md5_init(&context);
    br_md5_update(&context, body_bytes(&body), body.size);
    br_md5_out(&context, md5);
    return body;
}

static bool is_declared(const struct request *request, const unsigned char md5[static 16])
{
    const char *declared = request_header(request, "content-md5");
    struct buf text;
    buf_init(&text, 64);
    buf_append_base64(&text, md5, 16);
    bool ok = !declared || strcmp(declared, buf_text(&text)) == 0;
    buf_release(&text);
    return ok;
}

/* ---- objects --------------------------------------------------------------------------------- */

static void tell_facts(const struct file *file, struct answer *answer)
{
    char date[CLOCK_TEXT_SIZE];
    header_etag(answer, file->etag);
    answer_header(answer, "last-modified", "%s", clock_format_http(file->modified_s, date));
    header_md5(answer, file->parts ? "opc-multipart-md5" : "content-md5", file->md5, file->parts);
}

static void get(const struct request *request, const struct target *target, struct answer *answer)
{
    const struct file *file = file_find(target->place, target->name);
    const char *match = request_header(request, "if-match");
    if (!file) {
        not_found(answer);
        return;
    }
    if (match && !is_etag(match, file->etag)) {
        answer_refuse(answer, 412, "IfMatchFailed", "The etag does not match");
        return;
    }
    answer->status = 200;
    tell_facts(file, answer);
    if (strcmp(request->method, "HEAD") == 0)
        answer->length = file->body.size;
    else
        buf_append(&answer->body, body_bytes(&file->body), file->body.size);
}

/* Puts body under a name, if its condition holds. NULL: refused. */
static struct file *publish(const struct request *request, const struct target *target,
                            const struct body *body, struct answer *answer)
{
    struct file *file = file_find(target->place, target->name);
    const char *none = request_header(request, "if-none-match");
    if (file && none) {
        answer_refuse(answer, 412, "IfNoneMatchFailed", "The object exists already");
        return NULL;
    }
    if (file)
        ledger_losing(target->place, file, "overwritten");
    else
        file = file_new(target->place, target->name, OWNER_HOST);
    file->owner = OWNER_HOST;
    file->body = *body;
    file->parts = 0;
    file->modified_s = world_wall_s();
    file_digest(file);
    return file;
}

/* As where a gateway asks twice, and tells how the second request met the first one's success. */
static void refuse_stored(const struct file *file, struct answer *answer)
{
    if (!name_is_temporary(file->name) || !mishap_happens_often(MISHAP_OBJECT_STORE_REFUSED))
        return;
    if (draw_later_chance(500))
        answer_refuse(answer, 412, "IfNoneMatchFailed", "The object exists already");
    else
        answer_refuse(answer, 409, "ConcurrentObjectUpdate", "The object is being changed");
}

static void put(const struct request *request, const struct target *target, struct answer *answer)
{
    unsigned char md5[16];
    const struct body body = receive(request, md5);
    if (!is_declared(request, md5)) {
        answer_refuse(answer, 400, "UnmatchedContentMD5", "The computed MD5 does not match");
        return;
    }
    struct file *file = publish(request, target, &body, answer);
    if (!file)
        return;
    answer->status = 200;
    header_etag(answer, file->etag);
    header_md5(answer, "opc-content-md5", file->md5, 0);
    if (!name_is_temporary(file->name))
        ledger_published(target->place, file, instance_of(request));
    refuse_stored(file, answer);
}

static void delete(const struct request *request, const struct target *target, struct answer *answer)
{
    struct file *file = file_find(target->place, target->name);
    const char *match = request_header(request, "if-match");
    if (!file) {
        not_found(answer);
    } else if (match && !is_etag(match, file->etag)) {
        answer_refuse(answer, 412, "IfMatchFailed", "The etag does not match");
    } else {
        ledger_losing(target->place, file, "deleted");
        file->exists = false;
        answer->status = 204;
    }
}

static void rename_now(enum place_id place, struct file *file, const char *to, const char *instance)
{
    struct file *other = file_find(place, to);
    ledger_renaming(place, file, to);
    if (other) {
        ledger_losing(place, other, "overwritten");
        other->exists = false;
    }
    snprintf(file->name, sizeof file->name, "%s", to);
    file->etag = world->next_id++;
    if (file->owner == OWNER_HOST && !name_is_temporary(to))
        ledger_published(place, file, instance);
    else if (file->owner == OWNER_PRODUCER)
        ledger_renamed(place, file);
}

static void rename_later(enum place_id place, const struct file *file, const char *to, const char *instance)
{
    struct late_rename *late = &world->late_object;
    *late = (struct late_rename){.place = place, .etag = file->etag};
    snprintf(late->from, sizeof late->from, "%s", file->name);
    snprintf(late->to, sizeof late->to, "%s", to);
    snprintf(late->instance, sizeof late->instance, "%s", instance);
}

/* Something is asked of the bucket: what is late may happen before it is answered, once the host has looked. */
static void act_late(const struct target *target)
{
    struct late_rename *late = &world->late_object;
    if (!late->from[0] || late->place != target->place)
        return;
    if (!late->was_looked_at) {
        late->was_looked_at = strcmp(target->name, late->from) == 0;
        return;
    }
    if (!draw_later_chance(400))
        return;
    struct file *file = file_find(late->place, late->from);
    bool is_same = file && file->etag == late->etag && !file_find(late->place, late->to);
    trace("  late: '%s' becomes '%s'%s", late->from, late->to, is_same ? "" : ": no more");
    if (is_same)
        rename_now(late->place, file, late->to, late->instance);
    late->from[0] = '\0';
}

/* As where a gateway asks twice, and tells how the second request met the first one's success. */
static void refuse_renamed(struct answer *answer)
{
    if (draw_later_chance(400))
        answer_refuse(answer, 412, "IfNoneMatchFailed", "The object exists already");
    else if (draw_later_chance(500))
        not_found(answer);
    else
        answer_refuse(answer, 409, "ConcurrentObjectUpdate", "The object is being changed");
}

static void rename_object(const struct request *request, const struct target *target,
                          struct answer *answer)
{
    struct error err;
    cJSON *details = json_parse(buf_text(&request->body), request->body.size, "body", JSON_STRICT, &err);
    const char *from = json_text(details, "sourceName"), *to = json_text(details, "newName");
    const char *match = json_text(details, "srcObjIfMatchETag");
    struct file *file = from && to ? file_find(target->place, from) : NULL;
    struct file *other = to ? file_find(target->place, to) : NULL;
    if (!file) {
        not_found(answer);
    } else if (match && !is_etag(match, file->etag)) {
        answer_refuse(answer, 412, "IfMatchFailed", "The etag does not match");
    } else if (other && json_text(details, "newObjIfNoneMatchETag")) {
        answer_refuse(answer, 412, "IfNoneMatchFailed", "The object exists already");
    } else if (!other && mishap_happens_often(MISHAP_OBJECT_RENAME_LATE)) {
        rename_later(target->place, file, to, instance_of(request));
        answer_refuse(answer, 504, "GatewayTimeout", "simulated, before the fact");
    } else {
        rename_now(target->place, file, to, instance_of(request));
        answer->status = 200;
        header_etag(answer, file->etag);
        if (mishap_happens_often(MISHAP_OBJECT_RENAME_REFUSED))
            refuse_renamed(answer);
    }
    cJSON_Delete(details);
}

/* ---- listings -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct file *const *)a)->name, (*(const struct file *const *)b)->name);
}

static void list(const struct request *request, const struct target *target, struct answer *answer)
{
    static const enum mishap kinds[] = {MISHAP_HTTP_LIST_STUCK, MISHAP_NONE};
    char prefix[NAME_SIZE] = "", start[NAME_SIZE] = "";
    const struct file *found[FILES_MAX];
    size_t count = 0, shown = 0;
    request_parameter(request, "prefix", prefix, sizeof prefix);
    request_parameter(request, "start", start, sizeof start);
    const struct file *files = world->places[target->place].files;
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].exists && strncmp(files[i].name, prefix, strlen(prefix)) == 0 &&
            strcmp(files[i].name, start) >= 0)
            found[count++] = &files[i];
    qsort(found, count, sizeof found[0], by_name);
    buf_append_text(&answer->body, "{\"objects\":[");
    for (; shown < count && shown < PAGE_MAX; shown++) {
        buf_append_text(&answer->body, shown ? ",{\"name\":" : "{\"name\":");
        json_append_text(&answer->body, found[shown]->name, strlen(found[shown]->name));
        buf_printf(&answer->body, ",\"size\":%u,\"etag\":\"etag-%llu\"}", found[shown]->body.size,
                   (unsigned long long)found[shown]->etag);
    }
    buf_append_char(&answer->body, ']');
    bool is_stuck = mishap_draw_often(kinds) != MISHAP_NONE && start[0];
    if (shown < count || is_stuck) {
        buf_append_text(&answer->body, ",\"nextStartWith\":");
        const char *next = is_stuck ? start : found[shown]->name;
        json_append_text(&answer->body, next, strlen(next));
    }
    buf_append_char(&answer->body, '}');
    answer->status = 200;
}

/* ---- uploads in parts ------------------------------------------------------------------------ */

static struct upload *find_upload(const struct request *request, const struct target *target)
{
    static const enum mishap kinds[] = {MISHAP_HTTP_UPLOAD_LOST, MISHAP_NONE};
    char id[32] = "";
    request_parameter(request, "uploadId", id, sizeof id);
    bool is_part = strcmp(request->method, "PUT") == 0;
    for (int i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &world->uploads[i];
        if (!upload->is_open || upload->place != target->place || upload->id != strtoull(id, NULL, 10))
            continue;
        upload->is_known = true;
        if (is_part && mishap_draw_often(kinds) != MISHAP_NONE)
            upload->is_open = false; /* expired, or aborted by an administrator */
        if (!is_part && mishap_happens(MISHAP_HTTP_UPLOAD_EXPIRED, world->plan.mishap_permille))
            upload->is_open = false;
        return upload->is_open ? upload : NULL;
    }
    return NULL;
}

void object_forget_uploads(void)
{
    for (int i = 0; i < UPLOADS_MAX; i++)
        if (world->uploads[i].is_open && mishap_happens(MISHAP_HTTP_UPLOAD_EXPIRED, 300))
            world->uploads[i].is_open = false;
}

static void create_upload(const struct request *request, const struct target *target,
                          struct answer *answer)
{
    struct error err;
    cJSON *details = json_parse(buf_text(&request->body), request->body.size, "body", JSON_STRICT, &err);
    const char *name = json_text(details, "object");
    int i = 0;
    while (i < UPLOADS_MAX - 1 && world->uploads[i].is_open)
        i++;
    struct upload *upload = &world->uploads[i];
    if (request_header(request, "if-none-match") && name && file_find(target->place, name)) {
        answer_refuse(answer, 412, "IfNoneMatchFailed", "The object exists already");
    } else {
        *upload = (struct upload){.is_open = true, .place = target->place, .id = world->next_id++};
        snprintf(upload->name, sizeof upload->name, "%s", name ? name : "");
        buf_printf(&answer->body, "{\"uploadId\":\"%llu\"}", (unsigned long long)upload->id);
        answer->status = 200;
    }
    cJSON_Delete(details);
}

static void put_part(const struct request *request, struct upload *upload, struct answer *answer)
{
    char number[16] = "";
    unsigned char md5[16];
    request_parameter(request, "uploadPartNum", number, sizeof number);
    unsigned long index = strtoul(number, NULL, 10);
    if (index < 1 || index > PARTS_MAX) {
        answer_refuse(answer, 400, "InvalidParameter", "uploadPartNum");
        return;
    }
    upload->parts[index - 1].body = receive(request, md5);
    upload->parts[index - 1].exists = true;
    upload->parts[index - 1].etag = world->next_id++;
    memcpy(upload->parts[index - 1].md5, md5, sizeof md5);
    answer->status = 200;
    header_etag(answer, upload->parts[index - 1].etag);
    header_md5(answer, "opc-content-md5", md5, 0);
}

/* The parts that are named, in their order. False: one is unknown, or another was put since. */
static bool join(const struct request *request, const struct upload *upload, struct body *body,
                 unsigned char md5[static 16], unsigned *count)
{
    struct error err;
    br_md5_context context;
    bool ok = true;
    cJSON *details = json_parse(buf_text(&request->body), request->body.size, "body", JSON_STRICT, &err);
    const cJSON *part, *parts = cJSON_GetObjectItemCaseSensitive(details, "partsToCommit");
    *count = 0;
    br_md5_init(&context);
    cJSON_ArrayForEach(part, parts)
    {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(part, "partNum");
        const char *etag = json_text(part, "etag");
        unsigned index = cJSON_IsNumber(number) ? (unsigned)number->valueint : 0;
        ok = ok && index >= 1 && index <= PARTS_MAX && upload->parts[index - 1].exists && etag &&
             is_etag(etag, upload->parts[index - 1].etag);
        if (!ok)
            break;
        body_append(body, body_bytes(&upload->parts[index - 1].body), upload->parts[index - 1].body.size);
        br_md5_update(&context, upload->parts[index - 1].md5, 16);
        ++*count;
    }
    br_md5_out(&context, md5);
    cJSON_Delete(details);
    return ok && *count > 0;
}

static void commit(const struct request *request, const struct target *target,
                   struct upload *upload, struct answer *answer)
{
    struct body body = body_new(4096);
    unsigned char md5[16];
    unsigned count;
    if (!join(request, upload, &body, md5, &count)) {
        answer_refuse(answer, 400, "InvalidUploadPart", "a part is unknown or changed");
        return;
    }
    struct file *file = publish(request, target, &body, answer);
    if (!file)
        return;
    upload->is_open = false;
    file->parts = count;
    memcpy(file->md5, md5, sizeof md5);
    answer->status = 200;
    header_etag(answer, file->etag);
    header_md5(answer, "opc-multipart-md5", md5, count);
    if (!name_is_temporary(file->name))
        ledger_published(target->place, file, instance_of(request));
    refuse_stored(file, answer);
}

static void serve_upload(const struct request *request, const struct target *target,
                         struct answer *answer)
{
    struct upload *upload = find_upload(request, target);
    if (!upload) {
        answer_refuse(answer, 404, "NoSuchUpload", "The specified upload does not exist");
    } else if (strcmp(request->method, "PUT") == 0) {
        put_part(request, upload, answer);
    } else if (strcmp(request->method, "POST") == 0) {
        commit(request, target, upload, answer);
    } else if (strcmp(request->method, "DELETE") == 0) {
        upload->is_open = false;
        answer->status = 204;
    } else {
        buf_append_text(&answer->body, "[]");
        answer->status = 200;
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

/* "/n/<namespace>/b/<bucket>/<kind>[/<name>]" */
static bool read_target(const struct request *request, struct target *target)
{
    const char *at = strstr(request->path, "/b/");
    at = at ? strchr(at + 3, '/') : NULL;
    *target = (struct target){.place = server_place(request->server)};
    if (!at)
        return false;
    target->kind = at[1];
    const char *name = strchr(at + 1, '/');
    return !name || url_decode(name + 1, strcspn(name + 1, "?"), target->name, sizeof target->name);
}

static bool is_in_time(const struct request *request)
{
    static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *date = request_header(request, "date");
    char month[4] = "";
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    if (!date || sscanf(date, "%*3s, %d %3s %d %d:%d:%d", &day, month, &year, &hour, &minute, &second) != 6)
        return false;
    const char *found = strstr(months, month);
    struct tm utc = {.tm_mday = day, .tm_year = year - 1900, .tm_hour = hour, .tm_min = minute,
                     .tm_sec = second, .tm_mon = found ? (int)(found - months) / 3 : 0};
    int64_t off_s = (int64_t)timegm(&utc) - world_wall_s();
    return off_s <= SKEW_MAX_S && off_s >= -SKEW_MAX_S;
}

void object_serve(const struct request *request, struct answer *answer)
{
    struct target target;
    bool has_target = read_target(request, &target);
    if (has_target)
        act_late(&target);
    if (!request_header(request, "Authorization") || !is_in_time(request))
        answer_refuse(answer, 401, "NotAuthenticated", "The required information was not provided");
    else if (!has_target)
        answer_refuse(answer, 404, "BucketNotFound", "no such bucket");
    else if (target.kind == 'a')
        rename_object(request, &target, answer);
    else if (target.kind == 'u' && target.name[0])
        serve_upload(request, &target, answer);
    else if (target.kind == 'u')
        create_upload(request, &target, answer);
    else if (!target.name[0])
        list(request, &target, answer);
    else if (strcmp(request->method, "PUT") == 0)
        put(request, &target, answer);
    else if (strcmp(request->method, "DELETE") == 0)
        delete(request, &target, answer);
    else
        get(request, &target, answer);
}
