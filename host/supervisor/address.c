/* SPDX-License-Identifier: MIT */
/* See address.h. */
#include "supervisor/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define HOST_SIZE 256

struct address {
    char host[HOST_SIZE]; /* numeric ones in their shortest form */
    int64_t port;
    bool is_any, is_loopback_name;
};

static void normalise(struct address *out)
{
    unsigned char bytes[16];
    static const unsigned char zeros[16];
    const int family = strchr(out->host, ':') ? AF_INET6 : AF_INET;
    out->is_loopback_name = strcasecmp(out->host, "localhost") == 0;
    if (inet_pton(family, out->host, bytes) != 1)
        return;
    out->is_any = memcmp(bytes, zeros, family == AF_INET6 ? 16 : 4) == 0;
    inet_ntop(family, bytes, out->host, sizeof out->host);
}

static bool parse(struct address *out, const char *text)
{
    *out = (struct address){.port = 0};
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (size == 0 || size >= HOST_SIZE || !text_parse_int(colon + 1, 1, 65535, &out->port))
        return false;
    memcpy(out->host, text, size);
    normalise(out);
    return true;
}

static bool is_loopback(const struct address *address)
{
    return strcmp(address->host, "127.0.0.1") == 0 || strcmp(address->host, "::1") == 0;
}

bool address_overlaps(const char *a, const char *b)
{
    struct address left, right;
    if (!parse(&left, a) || !parse(&right, b) || left.port != right.port)
        return false;
    return left.is_any || right.is_any || strcasecmp(left.host, right.host) == 0 ||
           (left.is_loopback_name && is_loopback(&right)) ||
           (right.is_loopback_name && is_loopback(&left));
}
