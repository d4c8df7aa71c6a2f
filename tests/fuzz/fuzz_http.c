/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as what a client sends on one connection, to the real server over a socket. The
 * first byte chooses the pieces that they are sent in. A second reader, below, splits the same bytes into
 * requests: what the handlers were given must be those, in order, with the same method, path and body, so
 * that nobody smuggles a request past a proxy; and what comes back must be whole answers, no more than there
 * were requests.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/answer.h"
#include "server/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUESTS_MAX 32
#define BODY_MAX 4096u    /* what the handler takes */
#define SILENCE_MS 20000  /* a server that says nothing for so long hangs */

struct seen {
    char *method, *path;
    struct buf body;
    bool is_whole;   /* the body came to its end, and was kept */
    bool is_refused; /* too busy: the handler was not asked */
};

static struct http_server *server;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct seen seen[REQUESTS_MAX];
static size_t seen_count;

static void fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    abort();
}

/* ---- the handler ------------------------------------------------------------------------------- */

static struct seen *see(const struct http_exchange *exchange)
{
    pthread_mutex_lock(&mutex);
    if (seen_count == REQUESTS_MAX)
        abort();
    struct seen *request = &seen[seen_count++];
    pthread_mutex_unlock(&mutex);
    *request = (struct seen){.method = strdup(exchange->method), .path = strdup(exchange->path)};
    buf_init(&request->body, 1u << 20);
    return request;
}

static size_t on_begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->streams = strncmp(exchange->path, "/stream", 7) == 0;
    return BODY_MAX;
}

static void read_stream(struct http_exchange *exchange, struct seen *request)
{
    char piece[512];
    size_t got;
    enum http_read what;
    while ((what = http_exchange_read(exchange, piece, sizeof piece, 1000, &got)) == HTTP_READ_BYTES ||
           what == HTTP_READ_WAIT)
        buf_append(&request->body, piece, what == HTTP_READ_BYTES ? got : 0);
    request->is_whole = what == HTTP_READ_END;
}

static void on_run(void *context, struct http_exchange *exchange)
{
    (void)context;
    struct seen *request = see(exchange);
    char value[256];
    const char *echo = http_exchange_field(exchange, "Echo");
    if (http_exchange_argument(exchange, "a", value, sizeof value) &&
        (text_has_control(value) || !text_is_utf8(value, strlen(value)) ||
         !http_exchange_has_argument(exchange, "a")))
        abort();
    request->is_whole = !exchange->is_too_large;
    if (exchange->streams)
        read_stream(exchange, request);
    else
        buf_append(&request->body, exchange->body.data, exchange->body.size);
    if (echo && *echo)
        http_answer_field(&exchange->answer, "Echo", echo);
    answer_json(&exchange->answer, request->is_whole ? 200 : 413, "{\"seen\":true}");
}

static void on_refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    see(exchange)->is_refused = true;
    answer_json(&exchange->answer, 429, "{}");
}

static void begin(void)
{
    struct error err = {0};
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "sluice-fuzz-http-%d", getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0)
        abort();
    const struct http_server_options options = {
        .listen_fd = fd, .workers = 2, .connections_max = 8, .waiting_max = 8,
        .bodies_size_max = 1u << 20, .header_ms = 60000, .request_ms = 60000, .stall_ms = 60000,
        .handler = {NULL, on_begin, on_run, on_refuse, NULL}};
    if (!http_server_open(&server, &options, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

/* ---- a second reader of requests --------------------------------------------------------------- */

struct reader {
    const char *at, *end;
};

struct expected {
    const char *method, *target;
    size_t method_size, target_size;
    struct buf body;
    bool has_whole_body;
};

/* The next line without CR LF; false: there is none. A bare LF ends one only where is_lenient. */
static bool read_line(struct reader *reader, bool is_lenient, const char **line, size_t *size)
{
    const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (!end)
        return false;
    *line = reader->at;
    *size = (size_t)(end - reader->at);
    reader->at = end + 1;
    if (*size > 0 && end[-1] == '\r')
        --*size;
    else if (!is_lenient)
        return false;
    return true;
}

static bool is_field(const char *line, size_t size, const char *name, const char **value,
                     size_t *value_size)
{
    size_t length = strlen(name);
    if (size <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
        return false;
    *value = line + length + 1;
    *value_size = size - length - 1;
    while (*value_size > 0 && strchr(" \t", **value))
        ++*value, --*value_size;
    while (*value_size > 0 && strchr(" \t", (*value)[*value_size - 1]))
        --*value_size;
    return true;
}

/* Digits to the end or to a byte that is none; more than any body here has counts as that much. */
static size_t read_number(const char *text, size_t size, unsigned base)
{
    size_t number = 0;
    for (size_t i = 0; i < size; i++) {
        char digit[2] = {text[i], '\0'}, *end;
        size_t value = strtoul(digit, &end, (int)base);
        if (*end || end == digit)
            break;
        number = number < 1u << 24 ? number * base + value : number;
    }
    return number;
}

/* A line of a header as the library has it: it ends at CR LF or LF, its text before that or at a NUL. The
 * library writes NUL over what ends a line, so that the server sees how long each text is and where the
 * next one begins, and no more: two bytes between them may have been NUL LF as well. */
struct header_line {
    const char *text;
    size_t size;
};

static bool read_header_line(struct reader *reader, struct header_line *line)
{
    const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (!end)
        return false;
    bool has_cr = end > reader->at && end[-1] == '\r';
    line->text = reader->at;
    line->size = strnlen(reader->at, (size_t)(end - reader->at) - has_cr);
    reader->at = end + 1;
    return true;
}

/* Whether it ends the fields, of which so many came before: the library takes a colon where a further one
 * would begin for a blank line, too. */
static bool ends_fields(const struct header_line *line, size_t count)
{
    return line->size == 0 || (count > 0 && line->text[0] == ':');
}

/* The fields behind the last chunk, of which this server sees nothing. */
static bool read_trailer(struct reader *reader)
{
    struct header_line line;
    for (size_t count = 0; read_header_line(reader, &line); count++)
        if (ends_fields(&line, count))
            return true;
    return false;
}

/* What the library takes of chunks that this server cannot see: bare LF behind a size or the bytes. */
static bool read_chunks(struct reader *reader, struct buf *body)
{
    const char *line;
    size_t size, chunk;
    do {
        if (!read_line(reader, true, &line, &size))
            return false;
        chunk = read_number(line, size, 16);
        if (chunk > (size_t)(reader->end - reader->at))
            return false;
        buf_append(body, reader->at, chunk);
        reader->at += chunk;
    } while (chunk > 0 && read_line(reader, true, &line, &size) && size == 0);
    if (chunk > 0)
        return false;
    return read_trailer(reader);
}

static bool read_first_line(struct reader *reader, struct expected *out, struct header_line *line)
{
    do {
        if (!read_header_line(reader, line)) /* blank lines before a request are passed over */
            return false;
    } while (line->size == 0);
    const char *blank = memchr(line->text, ' ', line->size);
    const char *end = line->text + line->size;
    const char *last = blank ? memchr(blank + 1, ' ', (size_t)(end - blank - 1)) : NULL;
    if (!last)
        return false;
    out->method = line->text;
    out->method_size = (size_t)(blank - line->text);
    out->target = blank + 1;
    out->target_size = (size_t)(last - blank - 1);
    return true;
}

struct framing {
    size_t length;
    bool is_chunked;
};

/* Its fields, to the blank line. False: there are other than two bytes behind each text. */
static bool read_fields(struct reader *reader, struct header_line line, struct framing *framing)
{
    const char *value;
    size_t value_size;
    for (size_t count = 0;; count++) {
        const char *next = line.text + line.size + 2;
        if (!read_header_line(reader, &line))
            return false;
        if (ends_fields(&line, count))
            return next + 2 == reader->at;
        if (line.text != next)
            return false;
        if (is_field(line.text, line.size, "Content-Length", &value, &value_size))
            framing->length = read_number(value, value_size, 10);
        if (is_field(line.text, line.size, "Transfer-Encoding", &value, &value_size))
            framing->is_chunked = true;
    }
}

/* False: what follows is no request with a whole header. */
static bool read_request(struct reader *reader, struct expected *out)
{
    struct header_line line;
    struct framing framing = {0};
    buf_init(&out->body, 1u << 20);
    if (!read_first_line(reader, out, &line) || !read_fields(reader, line, &framing))
        return false;
    out->has_whole_body = framing.is_chunked ? read_chunks(reader, &out->body)
                                             : framing.length <= (size_t)(reader->end - reader->at);
    if (!framing.is_chunked && out->has_whole_body) {
        buf_append(&out->body, reader->at, framing.length);
        reader->at += framing.length;
    }
    return true;
}

static bool is_path(const struct expected *expected, const char *path)
{
    size_t size = expected->target_size;
    const char *target = expected->target, *query = memchr(target, '?', size);
    size = query ? (size_t)(query - target) : size;
    size_t scheme = size >= 7 && strncasecmp(target, "http://", 7) == 0    ? 7
                    : size >= 8 && strncasecmp(target, "https://", 8) == 0 ? 8
                                                                           : 0;
    if (scheme) {
        const char *slash = memchr(target + scheme, '/', size - scheme);
        size = slash ? size - (size_t)(slash - target) : 1;
        target = slash ? slash : "/";
    }
    return strlen(path) == size && memcmp(path, target, size) == 0;
}

static void check_seen(const struct seen *got, const struct expected *expected)
{
    if (strlen(got->method) != expected->method_size ||
        memcmp(got->method, expected->method, expected->method_size) != 0 ||
        !is_path(expected, got->path))
        fail("another method or path was handled");
    if (got->is_refused || !got->is_whole)
        return;
    if (!expected->has_whole_body || got->body.size != expected->body.size ||
        memcmp(buf_text(&got->body), buf_text(&expected->body), got->body.size) != 0)
        fail("another body was handled");
}

/* ---- answers ----------------------------------------------------------------------------------- */

/* One answer; false: what is there is none. Behind one of the library's own, which end the connection, all
 * is passed over: libmicrohttpd 0.9.75 writes their header twice. */
static bool read_answer(struct reader *reader, bool is_head, int *status)
{
    const char *line, *value;
    size_t size, value_size, length = 0;
    bool has_length = false, is_ours = false;
    if (!read_line(reader, false, &line, &size) || size < 12 || memcmp(line, "HTTP/1.", 7) != 0)
        return false;
    *status = (int)read_number(line + 9, 3, 10);
    while (read_line(reader, false, &line, &size) && size > 0) {
        if (!memchr(line, ':', size) || memchr(line, '\0', size))
            return false;
        if (is_field(line, size, "Content-Length", &value, &value_size)) {
            length = read_number(value, value_size, 10);
            has_length = true;
        }
        is_ours |= is_field(line, size, "Content-Type", &value, &value_size);
    }
    if (*status == 100)
        return !has_length;
    if (!is_ours) {
        reader->at = reader->end;
        return true;
    }
    length = is_head ? 0 : length;
    if (!has_length || length > (size_t)(reader->end - reader->at))
        return false;
    reader->at += length;
    return true;
}

/* methods: of the requests that were read, in order. */
static void check_answers(const struct buf *output, const bool *is_head, size_t request_count)
{
    struct reader reader = {buf_text(output), buf_text(output) + output->size};
    size_t answers = 0;
    while (reader.at < reader.end) {
        int status = 0;
        const char *before = reader.at;
        bool ok = read_answer(&reader, answers < request_count && is_head[answers], &status);
        if (!ok && answers >= request_count) { /* of what is no request; maybe to HEAD */
            reader.at = before;
            ok = read_answer(&reader, true, &status);
        }
        if (!ok || status == 500)
            fail(buf_text(output));
        answers += status != 100;
    }
    bool was_cut = seen_count > 0 && !seen[seen_count - 1].is_whole;
    if (answers > request_count + 1 || answers + was_cut < seen_count)
        fail("too many answers, or too few");
}

/* ---- one connection ---------------------------------------------------------------------------- */

static void wait_for(int fd, short events)
{
    static int64_t silent_since_ms;
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int ready = poll(&poll_fd, 1, fd < 0 ? 1 : 50);
    http_server_tick(server);
    int64_t now_ms = clock_monotonic_ms();
    if (ready > 0)
        silent_since_ms = 0;
    else if (silent_since_ms == 0)
        silent_since_ms = now_ms;
    else if (now_ms - silent_since_ms > SILENCE_MS)
        fail("the server says nothing");
}

/* Sends all in pieces, reads until the server has closed. */
static void talk(const uint8_t *data, size_t size, size_t step, struct buf *output)
{
    char bytes[4096];
    size_t sent = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    for (;;) {
        size_t piece = size - sent < step ? size - sent : step;
        ssize_t put = piece > 0 ? send(fd, data + sent, piece, MSG_NOSIGNAL) : 0;
        if (put > 0)
            sent += (size_t)put;
        else if (put < 0 && errno != EAGAIN)
            sent = size; /* it has closed, and may have answered before */
        if (sent == size)
            shutdown(fd, SHUT_WR);
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got > 0)
            buf_append(output, bytes, (size_t)got);
        else if (got == 0 || errno != EAGAIN)
            break;
        else if (sent == size || put < 0)
            wait_for(fd, sent == size ? POLLIN : POLLIN | POLLOUT);
    }
    close(fd);
    while (http_server_busy(server) > 0) /* a handler may still read a body that was cut */
        wait_for(-1, 0);
}

static void forget(void)
{
    for (size_t i = 0; i < seen_count; i++) {
        free(seen[i].method);
        free(seen[i].path);
        buf_release(&seen[i].body);
    }
    seen_count = 0;
}

static void check(const char *data, size_t size, const struct buf *output)
{
    struct reader reader = {data, data + size};
    struct expected expected;
    bool is_head[REQUESTS_MAX], is_whole = true;
    size_t count = 0;
    while (is_whole && count < REQUESTS_MAX && (expected = (struct expected){0},
                                                read_request(&reader, &expected))) {
        is_head[count] = expected.method_size == 4 && memcmp(expected.method, "HEAD", 4) == 0;
        if (count < seen_count)
            check_seen(&seen[count], &expected);
        is_whole = expected.has_whole_body;
        count++;
        buf_release(&expected.body);
    }
    buf_release(&expected.body);
    if (seen_count > count)
        fail("a request was handled that is none");
    check_answers(output, is_head, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf output;
    if (!server)
        begin();
    if (size == 0)
        return 0;
    for (size_t i = 1, lines = 0; i < size; i++) /* no more requests than can be noted */
        if (data[i] == '\n' && ++lines > 2 * REQUESTS_MAX)
            size = i;
    buf_init(&output, 1u << 22);
    talk(data + 1, size - 1, data[0] < 128 ? size : (size_t)1 << data[0] % 8, &output);
    check((const char *)data + 1, size - 1, &output);
    buf_release(&output);
    forget();
    return 0;
}
