/* SPDX-License-Identifier: MIT */
/*
 * A program over transfer/transfer.h for tests of Object Storage, REST, mail and connection tests:
 *
 *   web_driver FOLDER < steps.json      FOLDER holds connections.json, read as the host reads it
 *
 * steps.json is an array of {"do": "list|open|store|rename|discard|http|mail|test", "connection": NAME,
 * "deadline_ms" and "stop_after_ms" from its beginning on, ...}; each step prints one JSON line. All steps share one struct transfer and one thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/json.h"
#include "transfer/transfer.h"
#include "workspace/connections.h"

#include "../file_stream.h"

#define INPUT_SIZE_MAX (64u << 20)

struct driver {
    struct transfer *transfer;
    struct connection *connections;
    size_t count;
    struct transfer_call call;
    struct transfer_step announced, doubt;
    char left[REMOTE_NAME_SIZE_MAX + 1];
    bool is_settled;
    uint64_t progress_done;
    int64_t stop_ms; /* 0: never */
};

static const char *text_of(const cJSON *step, const char *key)
{
    const char *text = json_text(step, key);
    return text ? text : "";
}

static const struct connection *connection_of(struct driver *driver, const cJSON *step)
{
    for (size_t i = 0; i < driver->count; i++)
        if (strcmp(driver->connections[i].name, text_of(step, "connection")) == 0)
            return &driver->connections[i];
    fprintf(stderr, "no connection '%s'\n", text_of(step, "connection"));
    exit(2);
}

static void put_text(struct buf *out, const char *key, const char *text, size_t size)
{
    buf_printf(out, ",\"%s\":", key);
    json_append_text(out, text, size);
}

static void put(struct buf *out, const char *key, const char *text)
{
    put_text(out, key, text ? text : "", text ? strlen(text) : 0);
}

static bool do_list(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct remote_listing listing = {0};
    if (!remote_list(driver->transfer, connection_of(driver, step), text_of(step, "folder"),
                     text_of(step, "prefix"), &driver->call, &listing, err))
        return false;
    buf_printf(out, ",\"unparsed\":%zu,\"files\":[", listing.unparsed);
    for (size_t i = 0; i < listing.count; i++) {
        const struct remote_entry *entry = &listing.entries[i];
        buf_printf(out, "%s{\"size\":%llu,\"modified\":%lld,\"flags\":%u", i ? "," : "",
                   (unsigned long long)entry->info.size, (long long)entry->info.modified_s,
                   entry->info.flags);
        put(out, "name", entry->name);
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
    remote_listing_release(&listing);
    return true;
}

static bool do_open(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct remote_file file = {0};
    if (!remote_open(driver->transfer, connection_of(driver, step), text_of(step, "folder"),
                     text_of(step, "name"), &driver->call, &file, err))
        return false;
    buf_printf(out, ",\"size\":%llu,\"modified\":%lld", (unsigned long long)file.info.size,
               (long long)file.info.modified_s);
    put(out, "etag", file.etag);
    put(out, "digest", file.digest);
    remote_file_release(&file);
    return true;
}

static bool open_source(struct driver *driver, const cJSON *step, struct remote_file *file,
                        struct error *err)
{
    static struct file_stream stream; /* one at a time */
    const cJSON *source = cJSON_GetObjectItemCaseSensitive(step, "source");
    if (json_text(source, "stream")) {
        file_stream_close(&stream);
        return file_stream_open_json(&stream, source, file, err);
    }
    if (json_text(source, "local"))
        return remote_open_local(text_of(source, "local"), file, err);
    return remote_open(driver->transfer, connection_of(driver, source), text_of(source, "folder"),
                       text_of(source, "name"), &driver->call, file, err);
}

static void put_receipt(struct buf *out, const struct remote_receipt *receipt)
{
    buf_printf(out, ",\"size\":%llu", (unsigned long long)receipt->size);
    put(out, "name", receipt->name);
    put(out, "digest", receipt->digest);
    put(out, "etag", receipt->etag);
}

/* "pause": between opening and storing, waits for a line on the terminal of the test: its named
 * pipe. */
static void pause_at(const cJSON *step)
{
    const char *path = json_text(step, "pause");
    FILE *pipe = path ? fopen(path, "r") : NULL;
    if (!pipe)
        return;
    while (fgetc(pipe) != EOF)
        ;
    fclose(pipe);
}

/* "journaled": the call keeps a journal, as a durable flow's does; what it announced last is in the answer. */
static bool announce(void *context, const struct transfer_step *step, struct error *err)
{
    struct driver *driver = context;
    (void)err;
    driver->announced = *step;
    return true;
}

/* "doubt": what an earlier call announced, as its answer had it. */
static void read_doubt(struct driver *driver, const cJSON *told)
{
    struct transfer_step *doubt = &driver->doubt;
    if (!told)
        return;
    *doubt = (struct transfer_step){
        .kind = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(told, "publishing")) ? STEP_PUBLISHING
                                                                                  : STEP_SENDING,
        .is_object = true,
        .size = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(told, "size")),
    };
    snprintf(doubt->temporary, sizeof doubt->temporary, "%s", text_of(told, "temporary"));
    snprintf(doubt->name, sizeof doubt->name, "%s", text_of(told, "name"));
    snprintf(doubt->version, sizeof doubt->version, "%s", text_of(told, "version"));
    driver->call.doubt = doubt;
}

static void keep_journal(struct driver *driver, const cJSON *step)
{
    driver->call.is_settled = &driver->is_settled;
    driver->call.announce =
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(step, "journaled")) ? announce : NULL;
    read_doubt(driver, cJSON_GetObjectItemCaseSensitive(step, "doubt"));
}

static void put_announced(const struct driver *driver, struct buf *out)
{
    const struct transfer_step *step = &driver->announced;
    buf_printf(out, ",\"announced\":{\"publishing\":%s,\"size\":%llu",
               step->kind == STEP_PUBLISHING ? "true" : "false", (unsigned long long)step->size);
    put(out, "temporary", step->temporary);
    put(out, "name", step->name);
    put(out, "version", step->version);
    buf_printf(out, "},\"settled\":%s", driver->is_settled ? "true" : "false");
}

/* What could not be removed again: "left". */
static void leave(void *context, const struct transfer_step *step)
{
    struct driver *driver = context;
    snprintf(driver->left, sizeof driver->left, "%s", step->temporary);
}

static bool do_store(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct remote_file file = {0};
    struct remote_receipt receipt = {0};
    if (!open_source(driver, step, &file, err))
        return error_context(err, "source");
    pause_at(step);
    keep_journal(driver, step);
    driver->call.leave = leave;
    bool ok = remote_store(driver->transfer, connection_of(driver, step), text_of(step, "folder"),
                           text_of(step, "name"), &file, &driver->call, &receipt, err);
    remote_file_release(&file);
    put_receipt(out, &receipt);
    put_announced(driver, out);
    put(out, "left", driver->left);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    buf_printf(out, ",\"progress\":%llu,\"peak_kib\":%ld",
               (unsigned long long)driver->progress_done, usage.ru_maxrss);
    return ok;
}

static bool do_rename(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct remote_receipt receipt = {0};
    keep_journal(driver, step);
    bool ok =
        remote_rename(driver->transfer, connection_of(driver, step), text_of(step, "folder"),
                      text_of(step, "from"), text_of(step, "to"), &driver->call, &receipt, err);
    put_receipt(out, &receipt);
    put_announced(driver, out);
    return ok;
}

/* "doubt": what is to be removed; "is_object": else it is an upload in parts. */
static bool do_discard(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    (void)out;
    keep_journal(driver, step);
    driver->doubt.is_object = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(step, "is_object"));
    driver->call.doubt = NULL;
    return remote_discard(driver->transfer, connection_of(driver, step), text_of(step, "folder"),
                          &driver->doubt, &driver->call, err);
}

static bool do_http(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct http_response response = {0};
    struct remote_file file = {0};
    bool has_file = cJSON_HasObjectItem(step, "source");
    if (has_file && !open_source(driver, step, &file, err))
        return error_context(err, "source");
    const char *body = text_of(step, "body");
    const struct http_request request = {.method = text_of(step, "method"),
                                         .path = text_of(step, "path"),
                                         .content_type = text_of(step, "content_type"),
                                         .body = body,
                                         .body_size = strlen(body),
                                         .attachment = has_file ? &file : NULL,
                                         .attachment_name = json_text(step, "attachment_name")};
    bool ok = http_call(driver->transfer, connection_of(driver, step), &request, &driver->call,
                        &response, err);
    buf_printf(out, ",\"status\":%d", response.status);
    put_text(out, "body", buf_text(&response.body),
             response.body.size < 100000 ? response.body.size : 0);
    put_text(out, "headers", buf_text(&response.headers), response.headers.size);
    buf_printf(out, ",\"body_size\":%zu", response.body.size);
    http_response_release(&response);
    remote_file_release(&file);
    return ok;
}

static bool do_mail(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct mail_refusals refusals;
    const struct mail mail = {.message_id = text_of(step, "message_id"),
                              .from = text_of(step, "from"),
                              .to = text_of(step, "to"),
                              .envelope_to = text_of(step, "envelope_to"),
                              .subject = text_of(step, "subject"),
                              .body = text_of(step, "body"),
                              .instance = json_text(step, "instance")};
    bool ok = mail_send(driver->transfer, connection_of(driver, step), &mail, &driver->call,
                        &refusals, err);
    put(out, "refused", refusals.refused);
    put(out, "delayed", refusals.delayed);
    put(out, "deferred", refusals.deferred);
    mail_refusals_release(&refusals);
    return ok;
}

static bool do_test(struct driver *driver, const cJSON *step, struct buf *out, struct error *err)
{
    struct connection_report report;
    bool ok = connection_test(driver->transfer, connection_of(driver, step),
                              json_text(step, "folder"), &report, err);
    put(out, "reached", connection_step_name(report.reached));
    put(out, "failed", ok ? "" : connection_step_name(report.failed));
    put(out, "banner", report.banner);
    return ok;
}

static const struct {
    const char *name;
    bool (*run)(struct driver *driver, const cJSON *step, struct buf *out, struct error *err);
} actions[] = {{"list", do_list}, {"open", do_open}, {"store", do_store}, {"rename", do_rename},
               {"discard", do_discard}, {"http", do_http}, {"mail", do_mail}, {"test", do_test}};

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    (void)total;
    struct driver *driver = context;
    driver->progress_done = done;
}

static bool should_stop(void *context)
{
    const struct driver *driver = context;
    return driver->stop_ms && clock_monotonic_ms() >= driver->stop_ms;
}

/* A moment so many ms from now on; 0 if the step has none. */
static int64_t moment_of(const cJSON *step, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(step, key);
    return item ? clock_monotonic_ms() + (int64_t)item->valuedouble : 0;
}

static void run_step(struct driver *driver, const cJSON *step)
{
    struct error err = {0};
    struct buf out;
    bool ok = false, known = false;
    buf_init(&out, INPUT_SIZE_MAX);
    driver->progress_done = 0;
    driver->announced = (struct transfer_step){.kind = STEP_SENDING};
    driver->left[0] = '\0';
    driver->stop_ms = moment_of(step, "stop_after_ms");
    driver->call = (struct transfer_call){.progress = note_progress, .context = driver,
                                          .should_stop = should_stop,
                                          .deadline_ms = moment_of(step, "deadline_ms"),
                                          .instance = json_text(step, "id")};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, text_of(step, "do")) != 0)
            continue;
        known = true;
        ok = actions[i].run(driver, step, &out, &err);
    }
    if (!known) {
        fprintf(stderr, "unknown step '%s'\n", text_of(step, "do"));
        exit(2);
    }
    if (!ok) {
        put(&out, "kind", error_kind_name(err.kind));
        put(&out, "message", err.message);
        buf_printf(&out, ",\"code\":%d,\"retry\":%d,\"retry_after_ms\":%u", err.peer_code,
                   (int)err.retry, err.retry_after_ms);
    }
    printf("{\"ok\":%s%s}\n", ok ? "true" : "false", buf_text(&out));
    fflush(stdout);
    buf_release(&out);
}

static cJSON *read_steps(struct error *err)
{
    struct buf text;
    char block[65536];
    size_t got;
    buf_init(&text, INPUT_SIZE_MAX);
    while ((got = fread(block, 1, sizeof block, stdin)) > 0)
        buf_append(&text, block, got);
    cJSON *steps = json_parse(buf_text(&text), text.size, "steps", JSON_STRICT, err);
    buf_release(&text);
    return steps;
}

int main(int argc, char **argv)
{
    struct driver driver = {0};
    struct error err = {0};
    cJSON *steps = argc == 2 ? read_steps(&err) : NULL;
    if (!steps || !connections_read(argv[1], NULL, &driver.connections, &driver.count, &err)) {
        fprintf(stderr, "web_driver FOLDER < steps: %s\n", err.message);
        return 2;
    }
    driver.transfer = transfer_new();
    const cJSON *step;
    cJSON_ArrayForEach(step, steps)
        run_step(&driver, step);
    transfer_free(driver.transfer);
    for (size_t i = 0; i < driver.count; i++)
        connection_release(&driver.connections[i]);
    free(driver.connections);
    cJSON_Delete(steps);
    return 0;
}
