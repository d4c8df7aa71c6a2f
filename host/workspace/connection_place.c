/* SPDX-License-Identifier: MIT */
/* Which place a connection means; see connection.h. */
#include <string.h>

#include "base/pack.h"
#include "workspace/connection.h"

static void append_lower(struct buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_append_char(out, text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i]);
}

/* Scheme and host are the same in capitals (RFC 3986, 6.2.2.1), a path is not. */
static void append_url(struct buf *out, const char *url)
{
    const char *authority = strstr(url, "://");
    size_t size = authority ? (size_t)(authority - url) + 3 : 0;
    size += strcspn(url + size, "/");
    append_lower(out, url, size);
    buf_append_text(out, url + size);
}

void connection_place(const struct connection *connection, struct buf *out)
{
    const char *host = connection->host ? connection->host : "";
    if (connection->url) {
        append_url(out, connection->url);
        return;
    }
    buf_printf(out, "%s://%s%s", connection_type_name(connection->type),
               connection->user ? connection->user : "", connection->user ? "@" : "");
    append_lower(out, host, strlen(host));
    buf_printf(out, ":%u", connection->port);
}

void connection_pack_place(const struct connection *connection, struct buf *out)
{
    struct buf place;
    buf_init(&place, CONNECTION_PLACE_SIZE_MAX);
    connection_place(connection, &place);
    pack_text(out, buf_text(&place));
    out->failed |= place.failed;
    buf_release(&place);
}

bool connection_is_at(const struct connection *connection, const char *place)
{
    struct buf now;
    buf_init(&now, CONNECTION_PLACE_SIZE_MAX);
    connection_place(connection, &now);
    bool is_same = !now.failed && strcmp(buf_text(&now), place) == 0;
    buf_release(&now);
    return is_same;
}
