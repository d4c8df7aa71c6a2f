/* SPDX-License-Identifier: MIT */
/* Addresses in configuration: strict checks, no I/O. Pure functions, thread-safe. */
#ifndef WORKSPACE_URL_H
#define WORKSPACE_URL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct url_parts {
    bool is_https;
    char host[256]; /* without brackets */
    uint16_t port;  /* 80 or 443 where the URL names none */
};

/* http or https, host, perhaps port and path; no user, query or fragment. On false, why is a phrase
 * that fits behind the key's name and does not repeat the URL, which might hold a password. */
bool url_parse(const char *url, struct url_parts *parts, char *why, size_t why_size);

/* A host name, an IPv4 or an IPv6 address (without brackets). */
bool url_is_host(const char *host);

/* "localhost", 127.0.0.0/8 or ::1. */
bool url_is_loopback(const char *host);
#endif
