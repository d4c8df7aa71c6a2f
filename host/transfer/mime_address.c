/* SPDX-License-Identifier: MIT */
/*
 * Address lists; see mime.h. The accepted grammar is the part of RFC 5322 that people write: no
 * comments, groups or source routes, ASCII addresses only. What passes here cannot alter a command
 * line of SMTP or a header: no control byte, no angle bracket, no blank inside an address.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "transfer/mime.h"

void mime_addresses_release(struct mime_addresses *addresses)
{
    free(addresses->items);
    *addresses = (struct mime_addresses){0};
}

static bool is_atom_text(unsigned char byte)
{
    return isalnum(byte) || (byte && strchr("!#$%&'*+-/=?^_`{|}~", byte));
}

/* dot-atom: atoms with single dots between them. */
static bool is_dot_atom(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool is_dot = text[i] == '.';
        if (is_dot && (i == 0 || i + 1 == size || text[i - 1] == '.'))
            return false;
        if (!is_dot && !is_atom_text((unsigned char)text[i]))
            return false;
    }
    return size > 0;
}

static bool is_domain(const char *text, size_t size)
{
    if (size > 2 && text[0] == '[' && text[size - 1] == ']') { /* address literal */
        for (size_t i = 1; i + 1 < size; i++)
            if (!isxdigit((unsigned char)text[i]) && !strchr(".:IPv", text[i]))
                return false;
        return true;
    }
    size_t label = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i == size || text[i] == '.') {
            if (label == 0 || label > 63 || text[i - 1] == '-')
                return false;
            label = 0;
        } else if (isalnum((unsigned char)text[i]) || (text[i] == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

static const char *address_problem(const char *text, size_t size)
{
    const char *at = memrchr(text, '@', size);
    if (!at)
        return "has no @";
    if (size > MIME_ADDRESS_SIZE_MAX)
        return "is longer than 254 bytes";
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            return "holds a letter outside ASCII";
    size_t local = (size_t)(at - text);
    if (local > MIME_LOCAL_PART_SIZE_MAX)
        return "has more than 64 bytes before the @";
    if (!is_dot_atom(text, local))
        return "has no valid name before the @";
    if (!is_domain(at + 1, size - local - 1))
        return "has no valid domain behind the @";
    return NULL;
}

/* The item's end: the next comma outside quotes and angle brackets. NULL: a quote is not closed. */
static const char *item_end(const char *at)
{
    bool quoted = false, angle = false;
    for (; *at && (quoted || angle || *at != ','); at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && *at == '<')
            angle = true;
        else if (!quoted && *at == '>')
            angle = false;
    }
    return quoted || angle ? NULL : at;
}

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && **text == ' ') {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && (*text)[*size - 1] == ' ')
        (*size)--;
}

_Static_assert(MIME_ADDRESS_SIZE_MAX == 254 && MIME_LOCAL_PART_SIZE_MAX == 64 &&
                   MIME_DISPLAY_SIZE_MAX == 255, "the error texts around here say so");

/* Takes a display name out of its quotes. Gives what is wrong with it, or NULL. */
static const char *copy_display(const char *text, size_t size,
                                char out[static MIME_DISPLAY_SIZE_MAX + 1])
{
    trim(&text, &size);
    bool quoted = size >= 2 && text[0] == '"' && text[size - 1] == '"';
    if (quoted) {
        text++;
        size -= 2;
    }
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (quoted && text[i] == '\\' && i + 1 < size)
            i++;
        else if (strchr(quoted ? "\"\\" : "\"\\()<>[]:;@", text[i]))
            return "is malformed";
        if (length == MIME_DISPLAY_SIZE_MAX)
            return "is longer than 255 bytes";
        out[length++] = text[i];
    }
    out[length] = '\0';
    return NULL;
}

static bool parse_item(const char *text, size_t size, const char *field, struct mime_address *out,
                       struct error *err)
{
    const char *whole = text;
    int whole_size = (int)(size < 80 ? size : 80);
    const char *open = memrchr(text, '<', size);
    *out = (struct mime_address){0};
    if (open && text[size - 1] == '>') {
        const char *problem = copy_display(text, (size_t)(open - text), out->display);
        if (problem)
            return error_set(err, ERROR_INVALID, "%s: the name before <...> in \"%.*s\" %s", field,
                             whole_size, whole, problem);
        size -= (size_t)(open - text) + 2;
        text = open + 1;
    }
    const char *problem = address_problem(text, size);
    if (problem)
        return error_set(err, ERROR_INVALID, "%s: the address \"%.*s\" %s", field,
                         (int)(size < 80 ? size : 80), text, problem);
    memcpy(out->address, text, size);
    return true;
}

static bool add_item(struct mime_addresses *out, const char *text, size_t size, const char *field,
                     struct error *err)
{
    if (out->count == MIME_RECIPIENTS_MAX)
        return error_set(err, ERROR_LIMIT, "%s: more than %u addresses", field,
                         MIME_RECIPIENTS_MAX);
    struct mime_address *items = realloc(out->items, (out->count + 1) * sizeof *items);
    if (!items)
        return error_out_of_memory(err);
    out->items = items;
    if (!parse_item(text, size, field, &items[out->count], err))
        return false;
    out->count++;
    return true;
}

bool mime_parse_addresses(const char *text, const char *field, struct mime_addresses *out,
                          struct error *err)
{
    *out = (struct mime_addresses){0};
    if (!text_is_utf8(text, strlen(text)) || text_has_control(text))
        return error_set(err, ERROR_INVALID, "%s: holds a control byte or is not UTF-8", field);
    bool ok = true;
    while (ok && *text) {
        const char *end = item_end(text);
        const char *item = text;
        size_t size = end ? (size_t)(end - text) : 0;
        trim(&item, &size);
        if (!end)
            ok = error_set(err, ERROR_INVALID, "%s: a quote or < is not closed in \"%.80s\"", field,
                           text);
        else if (size > 0)
            ok = add_item(out, item, size, field, err);
        if (ok)
            text = *end ? end + 1 : end;
    }
    if (ok && out->count == 0)
        ok = error_set(err, ERROR_INVALID, "%s: no address is given", field);
    if (!ok)
        mime_addresses_release(out);
    return ok;
}
