/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a request to an operation of the developer API, over a real service with one
 * flow: first line (method and target), header fields, a blank line, the body. Whatever was asked, the
 * answer has a status that is no failure of the host, its JSON can be read, what only looks changes nothing,
 * and the configuration can be read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/section.h"
#include "server/api.h"
#include "sluice/abi.h"
#include "fuzz/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__wrap_http_exchange_field(const struct http_exchange *exchange, const char *name);
bool __wrap_http_exchange_argument(const struct http_exchange *exchange, const char *name,
                                   char *value, size_t value_size);
bool __wrap_http_exchange_has_argument(const struct http_exchange *exchange, const char *name);

static const char connections[] =
    "{\"A\":{\"type\":\"ftp\",\"host\":\"127.0.0.1\",\"port\":1,\"user\":\"u\",\"password\":{\"file\":\"p\"}},"
    "\"R\":{\"type\":\"rest\",\"url\":\"http://127.0.0.1:1/x\",\"auth\":\"none\"}}";
static const char flow_manifest[] =
    "{\"identifier\":\"PROBE\",\"name\":\"Probe\",\"version\":\"01.00.0000\",\"lookups\":[\"L\"],"
    "\"trigger\":{\"type\":\"schedule\"},\"durability\":\"tracked\",\"limits\":{\"memory_mib\":2,"
    "\"cpu_ms\":500,\"wall_s\":5,\"import_calls\":10000,\"log_lines\":3,\"input_bytes\":100000},"
    "\"grants\":[]}";
static char folder[] = "/tmp/sluice-fuzz-XXXXXX";
static struct service *service;
static struct api *api;

/* ---- the service ------------------------------------------------------------------------------- */

static void write_file(const char *name, const void *bytes, size_t size)
{
    struct error err = {0};
    char *path = file_join(folder, name);
    if (!path || !file_make_folder(folder, &err) || !file_write(path, bytes, size, 0600, &err))
        abort();
    free(path);
}

static void write_flow(void)
{
    struct buf module;
    struct error err = {0};
    buf_init(&module, 16u << 20);
    if (!file_read(getenv("PROBE_WASM"), &module, &err))
        abort();
    section_append(&module, SLUICE_MANIFEST_SECTION, flow_manifest, sizeof flow_manifest - 1);
    write_file("probe.wasm", module.data, module.size);
    buf_release(&module);
}

/* Beside this build's other modules: what was compiled once is there the next time. */
static void write_settings(void)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, "{\"store\":\"memory\",\"cache\":\"%s\"}", getenv("PROBE_CACHE"));
    write_file("sluice.json", text.data, text.size);
    buf_release(&text);
}

static void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        perror(folder);
}

static void leave(void)
{
    api_close(api);
    service_close(service);
    remove_folder();
}

static void begin(void)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    write_settings();
    write_flow();
    write_file("connections.json", connections, sizeof connections - 1);
    write_file("p", "secret", 6);
    if (!workspace_open(&workspace, folder, folder, &err) ||
        !service_open(&service, workspace, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    const struct api_options options = {.service = service};
    if (!api_open(&api, &options, &err))
        abort();
}

/* What an earlier input changed must not change what this one does. */
static void begin_anew(void)
{
    leave();
    begin();
}

/* ---- the request ------------------------------------------------------------------------------- */

static char *fields; /* "Name: value\n" each */
static char *query;

/* The value of the first "name<mark>value" among parts that end in stop; NULL: there is none. Static. */
static const char *find(const char *text, const char *name, const char *mark, char stop, bool any_case)
{
    static char value[8192];
    const char stops[] = {stop, '\0'};
    size_t name_size = strlen(name), mark_size = strlen(mark);
    while (text && *text) {
        size_t size = strcspn(text, stops);
        bool is_same = size >= name_size && (any_case ? strncasecmp(text, name, name_size)
                                                      : strncmp(text, name, name_size)) == 0;
        if (is_same && size >= name_size + mark_size &&
            strncmp(text + name_size, mark, mark_size) == 0 && size < sizeof value) {
            size -= name_size + mark_size;
            snprintf(value, sizeof value, "%.*s", (int)size, text + name_size + mark_size);
            return value;
        }
        text += size + (text[size] != '\0');
    }
    return NULL;
}

const char *__wrap_http_exchange_field(const struct http_exchange *exchange, const char *name)
{
    (void)exchange;
    return find(fields, name, ": ", '\n', true);
}

bool __wrap_http_exchange_argument(const struct http_exchange *exchange, const char *name,
                                   char *value, size_t value_size)
{
    (void)exchange;
    const char *text = find(query, name, "=", '&', false);
    return text && text_decode_percent(text, true, value, value_size);
}

bool __wrap_http_exchange_has_argument(const struct http_exchange *exchange, const char *name)
{
    (void)exchange;
    return find(query, name, "=", '&', false) != NULL;
}

/* Cuts text at the first such byte; what is behind it, or its end. */
static char *cut(char *text, const char *mark)
{
    char *at = strstr(text, mark);
    if (!at)
        return text + strlen(text);
    *at = '\0';
    return at + strlen(mark);
}

/* 500 is what OIC says, too, where the test of a connection does not reach the peer. */
static void check_answer(const struct http_answer *answer, const char *path)
{
    struct error err = {0};
    cJSON *json = NULL;
    bool has_failed = answer->status == 500 && !strstr(path, "/test");
    if (answer->status < 200 || answer->status > 599 || has_failed || answer->body.failed) {
        fprintf(stderr, "status %d: %s\n", answer->status, buf_text(&answer->body));
        abort();
    }
    if (strcmp(answer->content_type, "application/json") != 0)
        return;
    json = json_parse(buf_text(&answer->body), answer->body.size, "answer", JSON_STRICT, &err);
    if (!json) {
        fprintf(stderr, "%s: %s\n", err.message, buf_text(&answer->body));
        abort();
    }
    cJSON_Delete(json);
}

static bool is_unchanged(void)
{
    struct buf text;
    struct error err = {0};
    char *path = file_join(folder, "connections.json");
    buf_init(&text, 1u << 20);
    bool same = path && file_read(path, &text, &err) && text.size == sizeof connections - 1 &&
                memcmp(text.data, connections, text.size) == 0;
    buf_release(&text);
    free(path);
    return same;
}

static void check_workspace(void)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    if (!workspace_open(&workspace, folder, folder, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    workspace_close(workspace);
}

static void ask(struct http_exchange *exchange)
{
    bool is_change = strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0;
    size_t ceiling = api_body_max(exchange);
    if (exchange->body.size > ceiling) {
        buf_clear(&exchange->body);
        exchange->is_too_large = true;
    }
    (void)api_role(exchange);
    api_answer(api, "fuzz", exchange);
    check_answer(&exchange->answer, exchange->path);
    if (!is_change && !is_unchanged())
        abort();
    if (is_change && exchange->answer.status < 400) {
        check_workspace();
        begin_anew();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!api) {
        log_configure(LOG_ERROR, LOG_PLAIN, 2);
        if (!mkdtemp(folder))
            abort();
        begin();
        atexit(leave);
    }
    char *text = input_text(data, size);
    if (!text)
        return 0;
    struct http_exchange exchange = {.address = "local"};
    char *body = cut(text, "\n\n");
    buf_init(&exchange.body, 1u << 20);
    buf_init(&exchange.answer.body, 1u << 26);
    buf_init(&exchange.answer.fields, HTTP_HEADER_SIZE_MAX);
    buf_append(&exchange.body, body, size - (size_t)(body - text));
    exchange.body_size = exchange.body.size;
    fields = cut(text, "\n");
    char *target = cut(text, " ");
    query = cut(target, "?");
    exchange.method = text;
    exchange.path = target;
    const char *type = find(fields, "Content-Type", ": ", '\n', true);
    char *content_type = type ? strdup(type) : NULL;
    exchange.content_type = content_type;
    if (api_is_at(target))
        ask(&exchange);
    buf_release(&exchange.body);
    buf_release(&exchange.answer.body);
    buf_release(&exchange.answer.fields);
    free(content_type);
    free(text);
    return 0;
}
