/* SPDX-License-Identifier: MIT */
/*
 * The socket on which Fn's agent calls a function (fnproject/docs: fn/develop/fn-format.md; fn:
 * api/agent/agent.go). The agent waits for the name to appear and connects at once, so the socket
 * is made ready under another name beside it and then linked to: "lsnr.sock" -> "phonylsnr.sock",
 * the only form of link that the agent follows. Not thread-safe.
 */
#ifndef SERVER_FN_LISTENER_H
#define SERVER_FN_LISTENER_H
#include <sys/un.h>

#include "base/error.h"

#define FN_LISTENER_PHONY "phony"

struct fn_listener {
    int fd; /* listens; whoever takes it closes it */
    char path[sizeof ((struct sockaddr_un *)0)->sun_path];  /* the link */
    char phony[sizeof ((struct sockaddr_un *)0)->sun_path]; /* the socket */
};

/* value: of FN_LISTENER, "unix:/tmp/iofs/lsnr.sock"; NULL is an error, too. What is left of an earlier
 * process is removed. ERROR_INVALID, ERROR_INTERNAL. */
MUST_USE bool fn_listener_open(struct fn_listener *out, const char *value, struct error *err);
/* Removes both names. */
void fn_listener_remove(const struct fn_listener *listener);
#endif
