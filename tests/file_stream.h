/* SPDX-License-Identifier: MIT */
/*
 * A local file as a stream that arrives in pieces of uneven sizes, with pauses between them, and that
 * may be cut. Header only.
 */
#ifndef FILE_STREAM_H
#define FILE_STREAM_H
#include <stdio.h>

#include "base/json.h"
#include "transfer/transfer.h"

#define FILE_STREAM_WHOLE UINT64_MAX

struct file_stream {
    struct remote_stream stream;
    FILE *file;
    uint64_t given, cut_at; /* after that many bytes it fails */
    unsigned turn;
};

static enum stream_outcome file_stream_read(void *context, char *buffer, size_t size, int wait_ms,
                                            size_t *got, struct error *err)
{
    static const size_t steps[] = {1, 100, 65536, 7, 4096, 1000000};
    struct file_stream *stream = context;
    size_t step = steps[stream->turn++ % (sizeof steps / sizeof steps[0])];
    (void)wait_ms;
    if (stream->turn % 4 == 0)
        return STREAM_WAIT;
    if (stream->given == stream->cut_at) {
        error_set(err, ERROR_BROKEN, "the message was cut");
        return STREAM_FAILED;
    }
    if (step > stream->cut_at - stream->given)
        step = (size_t)(stream->cut_at - stream->given);
    *got = fread(buffer, 1, size < step ? size : step, stream->file);
    stream->given += *got;
    return *got > 0 ? STREAM_BYTES : STREAM_END;
}

/* size as remote_open_stream takes it. file_stream_close closes it in any case. */
static inline bool file_stream_open(struct file_stream *stream, const char *path, uint64_t size,
                             uint64_t cut_at, struct remote_file *file, struct error *err)
{
    *stream = (struct file_stream){.file = fopen(path, "rb"), .cut_at = cut_at};
    stream->stream = (struct remote_stream){.read = file_stream_read, .context = stream};
    if (!stream->file)
        return error_set(err, ERROR_NOT_FOUND, "no file '%s'", path);
    return remote_open_stream(&stream->stream, "attachment", size, file, err);
}

static inline void file_stream_close(struct file_stream *stream)
{
    if (stream->file)
        fclose(stream->file);
    stream->file = NULL;
}

static inline uint64_t file_stream_number(const cJSON *object, const char *key)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(number) ? (uint64_t)number->valuedouble : UINT64_MAX;
}

/* {"stream": path, "size": what it says, "cut_at": bytes}, the last two as they are wanted. */
static inline bool file_stream_open_json(struct file_stream *stream, const cJSON *source,
                                         struct remote_file *file, struct error *err)
{
    return file_stream_open(stream, json_text(source, "stream"), file_stream_number(source, "size"),
                            file_stream_number(source, "cut_at"), file, err);
}
#endif
