/* SPDX-License-Identifier: MIT */
/*
 * The server of one workspace: routes, who may call, flows behind addresses. Opened, ticked and
 * closed by one thread.
 */
#ifndef SERVER_GATEWAY_H
#define SERVER_GATEWAY_H
#include "flow/flow.h"

struct gateway;

/* listen: NULL takes "server" of sluice.json. service is borrowed. */
MUST_USE bool gateway_open(struct gateway **out, struct service *service, const char *listen,
                           struct error *err);
const char *gateway_url(const struct gateway *gateway);
/* Whether there is a user, or an issuer of tokens. */
bool gateway_has_callers(const struct gateway *gateway);
/* Call a few times a second. */
void gateway_tick(struct gateway *gateway);
/* users.json, oauth.json with its keys, and then certificate and key again; of what cannot be read, that
 * which is in force stays. Recorded in the audit trail. */
MUST_USE bool gateway_reload(struct gateway *gateway, struct error *err);
/*
 * Accepts nothing more, lets what runs finish for "stop_s", then asks it to stop, then closes.
 * False: something did not stop; the process may only end, nothing can be released.
 */
bool gateway_stop(struct gateway *gateway);
#endif
