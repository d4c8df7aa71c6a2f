/* SPDX-License-Identifier: MIT */
/* Addresses in configuration; see url.h. */
#include "workspace/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

bool url_is_host(const char *host)
{
    struct in6_addr address;
    if (strchr(host, ':'))
        return inet_pton(AF_INET6, host, &address) == 1;
    if (!isalnum((unsigned char)host[0]))
        return false;
    for (const char *at = host; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-._", *at))
            return false;
    return !strstr(host, "..");
}

bool url_is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    return strcasecmp(host, "localhost") == 0;
}

static bool fail(char *why, size_t why_size, const char *text)
{
    snprintf(why, why_size, "%s", text);
    return false;
}

/* Splits "host:port" or "[v6]:port" of size bytes. */
static bool parse_authority(const char *text, size_t size, struct url_parts *parts)
{
    char authority[sizeof parts->host + 8];
    if (size == 0 || size >= sizeof authority)
        return false;
    memcpy(authority, text, size);
    authority[size] = '\0';
    char *host = authority;
    char *colon = strrchr(authority, ':');
    if (*host == '[') {
        char *bracket = strchr(host++, ']');
        if (!bracket || (bracket[1] && bracket[1] != ':'))
            return false;
        colon = bracket[1] ? bracket + 1 : NULL;
        *bracket = '\0';
    }
    int64_t port = parts->port;
    if (colon && !text_parse_int(colon + 1, 1, UINT16_MAX, &port))
        return false;
    if (colon)
        *colon = '\0';
    parts->port = (uint16_t)port;
    if (strlen(host) >= sizeof parts->host || !url_is_host(host))
        return false;
    snprintf(parts->host, sizeof parts->host, "%s", host);
    return true;
}

bool url_parse(const char *url, struct url_parts *parts, char *why, size_t why_size)
{
    *parts = (struct url_parts){.is_https = strncasecmp(url, "https://", 8) == 0};
    if (!parts->is_https && strncasecmp(url, "http://", 7) != 0)
        return fail(why, why_size, "must begin with https:// or http://");
    parts->port = parts->is_https ? 443 : 80;
    for (const char *at = url; *at; at++)
        if (!isgraph((unsigned char)*at))
            return fail(why, why_size, "must not hold spaces or characters outside ASCII");
    const char *authority = strstr(url, "//") + 2;
    size_t size = strcspn(authority, "/?#");
    if (memchr(authority, '@', size))
        return fail(why, why_size, "must not hold a user or password; use \"user\" and \"password\"");
    if (!parse_authority(authority, size, parts))
        return fail(why, why_size, "must have a host and, if any, a port from 1 to 65535");
    if (strpbrk(authority + size, "?#"))
        return fail(why, why_size, "must not hold a query ('?') or a fragment ('#')");
    return true;
}
