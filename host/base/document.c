/* SPDX-License-Identifier: MIT */
/* JSON output; see document.h. */
#include "base/document.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define DOCUMENT_SIZE_MAX (256u << 20)

void document_init(struct document *document)
{
    *document = (struct document){0};
    buf_init(&document->text, DOCUMENT_SIZE_MAX);
}

static void begin_value(struct document *document, const char *key)
{
    if (document->has_member[document->depth])
        buf_append_char(&document->text, ',');
    if (document->depth > 0)
        buf_printf(&document->text, "\n%*s", 2 * document->depth, "");
    document->has_member[document->depth] = true;
    if (!key)
        return;
    json_append_text(&document->text, key, strlen(key));
    buf_append_text(&document->text, ": ");
}

void document_open(struct document *document, const char *key, char bracket)
{
    begin_value(document, key);
    buf_append_char(&document->text, bracket);
    assert(document->depth < DOCUMENT_DEPTH_MAX);
    document->has_member[++document->depth] = false;
}

void document_close(struct document *document, char bracket)
{
    bool has_member = document->has_member[document->depth--];
    if (has_member)
        buf_printf(&document->text, "\n%*s", 2 * document->depth, "");
    buf_append_char(&document->text, bracket);
}

void document_bytes(struct document *document, const char *key, const char *value, size_t size)
{
    begin_value(document, key);
    if (value)
        json_append_text(&document->text, value, size);
    else
        buf_append_text(&document->text, "null");
}

void document_text(struct document *document, const char *key, const char *value)
{
    document_bytes(document, key, value, value ? strlen(value) : 0);
}

void document_number(struct document *document, const char *key, int64_t value)
{
    begin_value(document, key);
    buf_printf(&document->text, "%" PRId64, value);
}

void document_json(struct document *document, const char *key, const char *json)
{
    begin_value(document, key);
    buf_append_text(&document->text, json ? json : "null");
}

void document_flag(struct document *document, const char *key, bool value)
{
    begin_value(document, key);
    buf_append_text(&document->text, value ? "true" : "false");
}

void document_time(struct document *document, const char *key, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    document_text(document, key, wall_ms ? clock_format_ms(wall_ms, text) : NULL);
}

bool document_finish(struct document *document, FILE *out)
{
    bool ok = !document->text.failed;
    if (ok) {
        fwrite(document->text.data, 1, document->text.size, out);
        fputc('\n', out);
    }
    buf_release(&document->text);
    return ok;
}

void document_move(struct document *document, struct buf *out)
{
    buf_release(out);
    *out = document->text;
    document->text = (struct buf){0};
}
