/* SPDX-License-Identifier: MIT */
/* What the protocols share; see curl_easy.h. */
#include "curl_easy.h"

#include <stdlib.h>
#include <string.h>

#include "others.h"
#include "schedule.h"

#define LATENCY_NS_MAX (20 * NS_PER_MS)
#define IDLE_NS_MAX (60 * NS_PER_S) /* then a server has closed the connection */

static const struct {
    const char *host;
    enum place_id place;
} servers[] = {
    [SERVER_CCS_FTP] = {"ftp.ccs.test", PLACE_CCS_FTP},
    [SERVER_DACS_FTP] = {"ftp.dacs.test", PLACE_DACS_FTP},
    [SERVER_CCS_STORAGE] = {"storage.ccs.test", PLACE_CCS_BUCKET},
    [SERVER_DACS_STORAGE] = {"storage.dacs.test", PLACE_DACS_BUCKET},
    [SERVER_CCS] = {"rest.ccs.test", PLACE_COUNT},
    [SERVER_MAIL] = {"mail.test", PLACE_COUNT},
    [SERVER_SPARE_CCS_FTP] = {"ftp.ccs.spare.test", PLACE_SPARE + PLACE_CCS_FTP},
    [SERVER_SPARE_DACS_FTP] = {"ftp.dacs.spare.test", PLACE_SPARE + PLACE_DACS_FTP},
    [SERVER_SPARE_CCS_STORAGE] = {"storage.ccs.spare.test", PLACE_SPARE + PLACE_CCS_BUCKET},
    [SERVER_SPARE_DACS_STORAGE] = {"storage.dacs.spare.test", PLACE_SPARE + PLACE_DACS_BUCKET},
};

const char *server_name(enum server server)
{
    return servers[server].host;
}

enum server server_of_url(const char *url, const char **path)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t size = strcspn(host, ":/");
    *path = host + strcspn(host, "/");
    for (int i = 0; i < SERVER_COUNT; i++)
        if (strlen(servers[i].host) == size && memcmp(servers[i].host, host, size) == 0)
            return (enum server)i;
    return SERVER_COUNT;
}

CURLcode easy_fail(struct easy *easy, CURLcode code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (easy->error)
        vsnprintf(easy->error, CURL_ERROR_SIZE, format, args);
    va_end(args);
    return code;
}

/* ---- the course of an exchange --------------------------------------------------------------- */

static CURLcode watch(struct easy *easy)
{
    if (easy->watch && easy->watch(easy->watch_context, 0, 0, 0, 0) != 0)
        return easy_fail(easy, CURLE_ABORTED_BY_CALLBACK, "Callback aborted");
    if (easy->timeout_ms > 0 &&
        world->now_ns - easy->begun_ns > (int64_t)easy->timeout_ms * NS_PER_MS)
        return easy_fail(easy, CURLE_OPERATION_TIMEDOUT, "Operation timed out after %ld ms",
                         easy->timeout_ms);
    return CURLE_OK;
}

CURLcode easy_step(struct easy *easy)
{
    if (world->is_replaying)
        violation("a replay asked %s", server_name(easy->session->server));
    schedule_give_way();
    world_pass((int64_t)draw_between(1, LATENCY_NS_MAX));
    others_act();
    if (mishap_happens(MISHAP_SLOW, world->plan.mishap_permille / 4))
        world_pass((int64_t)draw_between(1, 50) * NS_PER_S);
    return watch(easy);
}

/* The host is asked to stop: what it waits for ends there, unless it says that this must not. */
static enum network draw_stop(struct easy *easy, CURLcode *code)
{
    if (!mishap_happens(MISHAP_STOPPED, world->plan.mishap_permille))
        return NETWORK_FINE;
    world->hosts[world->running].is_stopped = true;
    *code = watch(easy);
    if (*code == CURLE_OK)
        return NETWORK_FINE;
    return draw_later_chance(500) ? NETWORK_LOST_AFTER : NETWORK_LOST_BEFORE;
}

enum network easy_draw_network(struct easy *easy, CURLcode *code)
{
    static const enum mishap kinds[] = {MISHAP_RESET_BEFORE, MISHAP_REPLY_LOST,
                                        MISHAP_STALL_BEFORE, MISHAP_STALL_AFTER, MISHAP_NONE};
    enum mishap mishap = mishap_draw(kinds);
    bool is_stall = mishap == MISHAP_STALL_BEFORE || mishap == MISHAP_STALL_AFTER;
    if (mishap == MISHAP_NONE)
        return draw_stop(easy, code);
    if (is_stall)
        world_pass((int64_t)draw_between(60, 400) * NS_PER_S);
    *code = is_stall ? easy_fail(easy, CURLE_OPERATION_TIMEDOUT, "response timeout")
                     : easy_fail(easy, draw_chance(300) ? CURLE_GOT_NOTHING : CURLE_RECV_ERROR,
                                 "Recv failure: Connection reset by peer");
    bool is_before = mishap == MISHAP_RESET_BEFORE || mishap == MISHAP_STALL_BEFORE;
    return is_before ? NETWORK_LOST_BEFORE : NETWORK_LOST_AFTER;
}

void easy_note(struct easy *easy, curl_infotype type, const char *line)
{
    char text[1100];
    if (!easy->debug)
        return;
    int size = snprintf(text, sizeof text, "%s\r\n", line);
    size = size < (int)sizeof text ? size : (int)sizeof text - 1;
    easy->debug((CURL *)easy, type, text, (size_t)size, easy->debug_context);
}

/* ---- connections ----------------------------------------------------------------------------- */

void easy_disconnect(struct easy *easy)
{
    if (easy->session)
        easy->session->is_open = false;
}

static struct session *find_session(struct easy *easy, enum server server)
{
    for (size_t i = 0; i < 2; i++) {
        struct session *session = &easy->multi->sessions[i];
        if (session->is_open && session->server == server)
            return session;
    }
    return NULL;
}

static CURLcode open_session(struct easy *easy, enum server server)
{
    static const enum mishap kinds[] = {
        MISHAP_RESOLVE_FAILURE, MISHAP_CONNECT_REFUSED,     MISHAP_CONNECT_TIMEOUT,
        MISHAP_TLS_FAILURE,     MISHAP_CERTIFICATE_FAILURE, MISHAP_NONE};
    easy->connect_us = 0;
    switch (mishap_draw(kinds)) {
    case MISHAP_RESOLVE_FAILURE:
        return easy_fail(easy, CURLE_COULDNT_RESOLVE_HOST, "Could not resolve host");
    case MISHAP_CONNECT_REFUSED:
        return easy_fail(easy, CURLE_COULDNT_CONNECT, "Connection refused");
    case MISHAP_CONNECT_TIMEOUT:
        world_pass(30 * NS_PER_S);
        return easy_fail(easy, CURLE_OPERATION_TIMEDOUT, "Connection timed out");
    case MISHAP_TLS_FAILURE:
        return easy_fail(easy, CURLE_SSL_CONNECT_ERROR, "TLS connect error");
    case MISHAP_CERTIFICATE_FAILURE:
        return easy_fail(easy, CURLE_PEER_FAILED_VERIFICATION, "certificate has expired");
    default:
        break;
    }
    easy->connect_us = 1000;
    easy->connect_count = 1;
    *easy->session = (struct session){.is_open = true, .server = server, .type = '?'};
    return CURLE_OK;
}

CURLcode easy_connect(struct easy *easy, enum server server, bool *is_new)
{
    struct session *kept = find_session(easy, server);
    if (kept && world->now_ns - kept->used_ns > IDLE_NS_MAX && draw_chance(700))
        kept->is_open = false; /* libcurl sees it before it uses it */
    bool is_kept = kept && kept->is_open && !easy->is_fresh;
    easy->session = kept ? kept : &easy->multi->sessions[0];
    easy->was_reused = is_kept;
    easy->connect_count = 0;
    *is_new = !is_kept;
    CURLcode code = easy_step(easy);
    if (code == CURLE_OK && !is_kept)
        code = open_session(easy, server);
    if (code == CURLE_OK)
        easy->session->used_ns = world->now_ns;
    return code;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

CURLcode easy_give(struct easy *easy, const void *bytes, size_t size)
{
    char chunk[CHUNK_SIZE];
    for (size_t at = 0; at < size;) {
        size_t part = size - at < sizeof chunk ? size - at : sizeof chunk;
        memcpy(chunk, (const char *)bytes + at, part); /* callbacks may write to it */
        if (easy->write && easy->write(chunk, 1, part, easy->write_context) != part)
            return easy_fail(easy, CURLE_WRITE_ERROR, "Failure writing output to destination");
        at += part;
    }
    return CURLE_OK;
}

CURLcode easy_take(struct easy *easy, char *bytes, size_t room, size_t *size)
{
    *size = 0;
    size_t got = easy->read(bytes, 1, room, easy->read_context);
    if (got == CURL_READFUNC_ABORT)
        return easy_fail(easy, CURLE_ABORTED_BY_CALLBACK, "operation aborted by callback");
    *size = got;
    return CURLE_OK;
}

bool url_decode(const char *text, size_t size, char *out, size_t room)
{
    size_t length = 0;
    for (size_t i = 0; i < size && length + 1 < room; i++) {
        char digits[3] = {0};
        if (text[i] == '%' && size - i >= 3) {
            memcpy(digits, text + i + 1, 2);
            out[length++] = (char)strtol(digits, NULL, 16);
            i += 2;
        } else {
            out[length++] = text[i];
        }
    }
    out[length] = '\0';
    return length + 1 < room;
}
