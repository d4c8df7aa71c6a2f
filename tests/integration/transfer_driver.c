/* SPDX-License-Identifier: MIT */
/*
 * A program over transfer/transfer.h for tests: reads one JSON document on stdin, does its steps in
 * order on one struct transfer, writes one JSON line for each. One thread unless "threads" says so.
 *
 *   {"connections": {"A": {"type": "ftp", "host": ..., "port": ..., ...}},
 *    "call": {"file_size_max": n, "deadline_ms": n, "stop_after_bytes": n, "instance": "id",
 *             "doubt": {"publishing": true, "temporary": "old name", "name": "new name", "size": n,
 *                       "version": "..."}},
 *    "steps": [{"do": "list|open|store|rename|move|sleep", "connection": "A", "folder": ...}]}
 *
 * Names are text, or bytes as "<key>_hex". store has "source": {"connection", "folder", "name"} or
 * {"local": path}; move is store and then rename of the source to "marked", for each of "names".
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "transfer/transfer.h"

#include "../file_stream.h"

#define INPUT_SIZE_MAX (64u << 20)
#define CONNECTIONS_MAX 8
#define THREADS_MAX 16

static struct connection connections[CONNECTIONS_MAX];
static int connection_count;
static struct transfer *transfer;
static uint64_t stop_after_bytes, bytes_done, progress_calls;

/* ---- input ----------------------------------------------------------------------------------- */

static double number_of(const cJSON *object, const char *key, double standard)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : standard;
}

static bool flag_of(const cJSON *object, const char *key, bool standard)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return item ? cJSON_IsTrue(item) : standard;
}

static char *copy_of(const cJSON *object, const char *key)
{
    const char *text = json_text(object, key);
    return text ? strdup(text) : NULL;
}

/* The text of key, or the bytes of key_hex; "" if neither is there. One name in bytes at a time. */
static const char *name_of(const cJSON *object, const char *key)
{
    static char bytes[2048];
    char hex_key[64];
    snprintf(hex_key, sizeof hex_key, "%s_hex", key);
    const char *hex = json_text(object, hex_key), *text = json_text(object, key);
    if (!hex)
        return text ? text : "";
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size && i < sizeof bytes - 1; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (char)strtol(pair, NULL, 16);
        bytes[i + 1] = '\0';
    }
    return bytes;
}

static int choose(const cJSON *object, const char *key, const char *const words[])
{
    const char *text = json_text(object, key);
    for (int i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return 0;
}

static void read_connection(const cJSON *from)
{
    static const char *const types[] = {"ftp", "sftp", "object_storage", NULL};
    static const char *const tls[] = {"none", "explicit", "implicit", NULL};
    static const char *const conflicts[] = {"fail", "number", "overwrite", NULL};
    if (connection_count == CONNECTIONS_MAX)
        abort();
    connections[connection_count++] = (struct connection){
        .name = strdup(from->string),
        .type = (enum connection_type)choose(from, "type", types),
        .host = copy_of(from, "host"),
        .port = (uint16_t)number_of(from, "port", 0),
        .url = copy_of(from, "url"),
        .tls = (enum tls_mode)choose(from, "tls", tls),
        .tls_verify = flag_of(from, "tls_verify", true),
        .ca_file = copy_of(from, "ca_file"),
        .user = copy_of(from, "user"),
        .password.env = copy_of(from, "password_env"),
        .private_key = {.file = copy_of(from, "private_key")},
        .passphrase.env = copy_of(from, "passphrase_env"),
        .known_hosts = copy_of(from, "known_hosts"),
        .on_conflict = (enum conflict_policy)choose(from, "on_conflict", conflicts),
        .settle_ms = (uint32_t)number_of(from, "settle_ms", 0),
        .connect_timeout_ms = (uint32_t)number_of(from, "connect_timeout_ms", 20000),
        .stall_timeout_ms = (uint32_t)number_of(from, "stall_timeout_ms", 10000),
        .request_timeout_ms = (uint32_t)number_of(from, "request_timeout_ms", 10000),
    };
}

static const struct connection *connection_of(const cJSON *object)
{
    const char *name = json_text(object, "connection");
    for (int i = 0; name && i < connection_count; i++)
        if (strcmp(connections[i].name, name) == 0)
            return &connections[i];
    fprintf(stderr, "no connection '%s'\n", name ? name : "");
    exit(2);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void put_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    json_append_text(out, text, strlen(text));
}

static void put_hex(struct buf *out, const char *key, const char *bytes)
{
    buf_printf(out, ",\"%s\":\"", key);
    for (; *bytes; bytes++)
        buf_printf(out, "%02x", (unsigned char)*bytes);
    buf_append_char(out, '"');
}

static void put_info(struct buf *out, const struct sluice_file_info *info)
{
    buf_printf(out, ",\"size\":%llu,\"modified\":%lld,\"flags\":%u", (unsigned long long)info->size,
               (long long)info->modified_s, info->flags);
}

static void put_error(struct buf *out, const struct error *err)
{
    put_text(out, "kind", error_kind_name(err->kind));
    buf_printf(out, ",\"peer_code\":%d,\"retry_after_ms\":%u", err->peer_code, err->retry_after_ms);
    put_text(out, "message", err->message);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool do_list(const cJSON *step, const struct transfer_call *call, struct buf *out,
                    struct error *err)
{
    struct remote_listing listing;
    if (!remote_list(transfer, connection_of(step), name_of(step, "folder"),
                     name_of(step, "prefix"), call, &listing, err))
        return false;
    buf_printf(out, ",\"unparsed\":%zu,\"count\":%zu,\"files\":[", listing.unparsed, listing.count);
    for (size_t i = 0; i < listing.count; i++) {
        buf_printf(out, "%s{\"i\":%zu", i ? "," : "", i);
        put_text(out, "name", listing.entries[i].name);
        put_hex(out, "name_hex", listing.entries[i].name);
        put_info(out, &listing.entries[i].info);
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
    remote_listing_release(&listing);
    return true;
}

static bool do_open(const cJSON *step, const struct transfer_call *call, struct buf *out,
                    struct error *err)
{
    struct remote_file file;
    if (!remote_open(transfer, connection_of(step), name_of(step, "folder"), name_of(step, "name"),
                     call, &file, err))
        return false;
    put_info(out, &file.info);
    remote_file_release(&file);
    return true;
}

static void put_receipt(struct buf *out, const struct remote_receipt *receipt)
{
    put_text(out, "name", receipt->name);
    buf_printf(out, ",\"size\":%llu", (unsigned long long)receipt->size);
    put_text(out, "digest", receipt->digest);
}

static bool open_source(const cJSON *step, const char *name, const struct transfer_call *call,
                        struct remote_file *file, struct error *err)
{
    static struct file_stream stream; /* one at a time */
    const cJSON *source = cJSON_GetObjectItemCaseSensitive(step, "source");
    if (json_text(source, "stream")) {
        file_stream_close(&stream);
        return file_stream_open_json(&stream, source, file, err);
    }
    if (json_text(source, "local"))
        return remote_open_local(json_text(source, "local"), file, err);
    return remote_open(transfer, connection_of(source), name_of(source, "folder"),
                       name ? name : name_of(source, "name"), call, file, err);
}

static bool do_store(const cJSON *step, const struct transfer_call *call, struct buf *out,
                     struct error *err)
{
    struct remote_file file;
    struct remote_receipt receipt;
    if (!open_source(step, NULL, call, &file, err))
        return false;
    sleep((unsigned)number_of(step, "sleep_before_s", 0));
    bool ok = remote_store(transfer, connection_of(step), name_of(step, "folder"),
                           name_of(step, "name"), &file, call, &receipt, err);
    remote_file_release(&file);
    if (ok)
        put_receipt(out, &receipt);
    buf_printf(out, ",\"progress_calls\":%llu,\"bytes\":%llu", (unsigned long long)progress_calls,
               (unsigned long long)bytes_done);
    return ok;
}

static bool do_rename(const cJSON *step, const struct transfer_call *call, struct buf *out,
                      struct error *err)
{
    struct remote_receipt receipt;
    if (!remote_rename(transfer, connection_of(step), name_of(step, "folder"),
                       name_of(step, "from"), name_of(step, "to"), call, &receipt, err))
        return false;
    put_receipt(out, &receipt);
    return true;
}

static bool move_one(const cJSON *step, const char *name, const struct transfer_call *call,
                     struct error *err)
{
    struct remote_file file;
    struct remote_receipt receipt;
    char marked[REMOTE_NAME_SIZE_MAX + 1];
    snprintf(marked, sizeof marked, "SENT-%s", name);
    if (!open_source(step, name, call, &file, err))
        return false;
    bool ok =
        remote_store(transfer, connection_of(step), name_of(step, "folder"), name, &file, call,
                     &receipt, err) &&
        remote_rename(transfer, file.connection, file.folder, name, marked, call, &receipt, err);
    remote_file_release(&file);
    return ok;
}

struct mover {
    const cJSON *step;
    const struct transfer_call *call;
    struct remote_listing *listing;
    size_t first, stride;
    bool ok;
    struct error err;
};

static void *mover_run(void *context)
{
    struct mover *mover = context;
    mover->ok = true;
    for (size_t i = mover->first; i < mover->listing->count && mover->ok; i += mover->stride)
        mover->ok =
            move_one(mover->step, mover->listing->entries[i].name, mover->call, &mover->err);
    return NULL;
}

static bool do_move(const cJSON *step, const struct transfer_call *call, struct buf *out,
                    struct error *err)
{
    const cJSON *source = cJSON_GetObjectItemCaseSensitive(step, "source");
    struct remote_listing listing;
    if (!remote_list(transfer, connection_of(source), name_of(source, "folder"),
                     name_of(source, "prefix"), call, &listing, err))
        return false;
    struct mover movers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    size_t count = (size_t)number_of(step, "threads", 1);
    bool ok = true;
    for (size_t i = 0; i < count && i < THREADS_MAX; i++) {
        movers[i] = (struct mover){step, call, &listing, i, count, false, {0}};
        if (pthread_create(&threads[i], NULL, mover_run, &movers[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < count && i < THREADS_MAX; i++) {
        pthread_join(threads[i], NULL);
        if (!movers[i].ok)
            *err = movers[i].err;
        ok = ok && movers[i].ok;
    }
    buf_printf(out, ",\"count\":%zu", listing.count);
    remote_listing_release(&listing);
    return ok;
}

static bool do_sleep(const cJSON *step, const struct transfer_call *call, struct buf *out,
                     struct error *err)
{
    (void)call, (void)out, (void)err;
    clock_sleep_ms((int64_t)number_of(step, "ms", 0));
    return true;
}

static const struct {
    const char *name;
    bool (*run)(const cJSON *step, const struct transfer_call *call, struct buf *out,
                struct error *err);
} actions[] = {{"list", do_list},     {"open", do_open}, {"store", do_store},
               {"rename", do_rename}, {"move", do_move}, {"sleep", do_sleep}};

static bool should_stop(void *context)
{
    (void)context;
    return stop_after_bytes > 0 && bytes_done >= stop_after_bytes;
}

static void progress(void *context, uint64_t done, uint64_t total)
{
    (void)context, (void)total;
    progress_calls++;
    bytes_done = done;
}

/* What an earlier call left in doubt; NULL: nothing. */
static const struct transfer_step *doubt_of(const cJSON *how, struct transfer_step *doubt)
{
    const cJSON *told = cJSON_GetObjectItemCaseSensitive(how, "doubt");
    if (!told)
        return NULL;
    doubt->kind = flag_of(told, "publishing", false) ? STEP_PUBLISHING : STEP_SENDING;
    doubt->size = (uint64_t)number_of(told, "size", 0);
    snprintf(doubt->temporary, sizeof doubt->temporary, "%s", json_text(told, "temporary"));
    snprintf(doubt->name, sizeof doubt->name, "%s", json_text(told, "name"));
    snprintf(doubt->version, sizeof doubt->version, "%s", json_text(told, "version"));
    return doubt;
}

static void run_step(const cJSON *step, const cJSON *how)
{
    struct transfer_step doubt = {.kind = STEP_SENDING};
    struct transfer_call call = {
        .doubt = doubt_of(how, &doubt),
        .deadline_ms = 0,
        .should_stop = should_stop,
        .progress = flag_of(how, "quiet", false) ? NULL : progress,
        .file_size_max = (uint64_t)number_of(how, "file_size_max", 0),
        .instance = json_text(how, "instance"),
    };
    double deadline_ms = number_of(how, "deadline_ms", 0);
    if (deadline_ms > 0)
        call.deadline_ms = clock_monotonic_ms() + (int64_t)deadline_ms;
    stop_after_bytes = (uint64_t)number_of(how, "stop_after_bytes", 0);
    bytes_done = progress_calls = 0;
    struct error err = {0};
    struct buf out;
    buf_init(&out, INPUT_SIZE_MAX);
    bool ok = false;
    int64_t start_ns = clock_monotonic_ns();
    const char *name = json_text(step, "do");
    for (size_t i = 0; name && i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(name, actions[i].name) == 0)
            ok = actions[i].run(step, &call, &out, &err);
    int64_t taken_us = (clock_monotonic_ns() - start_ns) / 1000;
    if (!ok)
        put_error(&out, &err);
    printf("{\"ok\":%s,\"us\":%lld%s}\n", ok ? "true" : "false", (long long)taken_us,
           buf_text(&out));
    fflush(stdout);
    buf_release(&out);
}

int main(void)
{
    static char chunk[65536];
    struct buf input;
    struct error err;
    buf_init(&input, INPUT_SIZE_MAX);
    for (ssize_t size; (size = read(STDIN_FILENO, chunk, sizeof chunk)) > 0;)
        buf_append(&input, chunk, (size_t)size);
    cJSON *root = json_parse(buf_text(&input), input.size, "stdin", JSON_STRICT, &err);
    transfer = transfer_new();
    if (!root || !transfer) {
        fprintf(stderr, "%s\n", root ? "transfer_new failed" : err.message);
        return 2;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "connections"))
        read_connection(item);
    const cJSON *how = cJSON_GetObjectItemCaseSensitive(root, "call");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "steps"))
        run_step(item, cJSON_GetObjectItemCaseSensitive(item, "call")
                           ? cJSON_GetObjectItemCaseSensitive(item, "call")
                           : how);
    transfer_free(transfer);
    cJSON_Delete(root);
    buf_release(&input);
    return 0;
}
