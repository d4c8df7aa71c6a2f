/* SPDX-License-Identifier: MIT */
/* See relay.h. */
#include "supervisor/relay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define CHUNK_SIZE 16384

void relay_init(struct relay *relay)
{
    *relay = (struct relay){.skips = false};
    buf_init(&relay->line, RELAY_LINE_MAX);
    buf_init(&relay->document, RELAY_DOCUMENT_MAX);
}

void relay_release(struct relay *relay)
{
    buf_release(&relay->line);
    buf_release(&relay->document);
}

/* A line that is no line of our log is a message: of a library, of the loader, of a crash. */
static void pass_on(const char *tenant, const char *line, size_t size)
{
    if (size == 0 || log_relay(tenant, line, size))
        return;
    char text[LOG_LINE_SIZE_MAX];
    const size_t kept = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, line, kept);
    text[kept] = '\0';
    const struct log_field field = {"tenant", tenant, 0};
    log_event(LOG_WARNING, text, &field, 1);
}

static void end_line(struct relay *relay, const char *tenant)
{
    if (!relay->skips)
        pass_on(tenant, buf_text(&relay->line), relay->line.size);
    buf_clear(&relay->line);
    relay->skips = false;
}

/* Up to the next end of line, or all of it. Gives the bytes that were taken. */
static size_t take_part(struct relay *relay, const char *tenant, const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    const size_t part = end ? (size_t)(end - bytes) : size;
    const size_t room = RELAY_LINE_MAX - relay->line.size;
    if (!relay->skips)
        buf_append(&relay->line, bytes, part < room ? part : room);
    if (!relay->skips && part > room) {
        pass_on(tenant, buf_text(&relay->line), relay->line.size);
        relay->skips = true;
    }
    if (end)
        end_line(relay, tenant);
    return part + (end != NULL);
}

/* Negative: there is nothing to read just now. */
static ssize_t read_some(int fd, char chunk[CHUNK_SIZE])
{
    ssize_t got;
    do {
        got = read(fd, chunk, CHUNK_SIZE);
    } while (got < 0 && errno == EINTR);
    return got < 0 && errno != EAGAIN ? 0 : got;
}

bool relay_log(struct relay *relay, const char *tenant, int fd, int64_t now_ms)
{
    char chunk[CHUNK_SIZE];
    if (now_ms >= relay->window_ms + RELAY_WINDOW_MS) {
        relay->window_ms = now_ms;
        relay->window_bytes = 0;
    }
    while (relay->window_bytes < RELAY_BYTES) {
        const ssize_t got = read_some(fd, chunk);
        if (got <= 0)
            return got < 0;
        relay->window_bytes += (size_t)got;
        for (size_t at = 0; at < (size_t)got;)
            at += take_part(relay, tenant, chunk + at, (size_t)got - at);
    }
    return true;
}

int64_t relay_due_ms(const struct relay *relay)
{
    return relay->window_bytes < RELAY_BYTES ? relay->window_ms : relay->window_ms + RELAY_WINDOW_MS;
}

void relay_finish(struct relay *relay, const char *tenant)
{
    if (relay->line.size > 0)
        end_line(relay, tenant);
}

bool relay_output(struct relay *relay, int fd)
{
    char chunk[CHUNK_SIZE];
    ssize_t got;
    while ((got = read_some(fd, chunk)) > 0)
        buf_append(&relay->document, chunk, (size_t)got);
    return got < 0;
}

cJSON *relay_document(const struct relay *relay)
{
    struct error err;
    const struct buf *text = &relay->document;
    return text->failed || text->size == 0
               ? NULL
               : json_parse(text->data, text->size, "output", JSON_STRICT, &err);
}
