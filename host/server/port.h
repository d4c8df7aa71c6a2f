/* SPDX-License-Identifier: MIT */
/* Where a platform wants a container to listen (knative/specs: specs/serving/runtime-contract.md).
 */
#ifndef SERVER_PORT_H
#define SERVER_PORT_H
#include "base/error.h"

#define PORT_ADDRESS_SIZE 32

/* All addresses of the container with that port, value of PORT: "[::]:8080", or "0.0.0.0:8080"
 * where there is no IPv6. ERROR_INVALID: no port number. */
MUST_USE bool port_address(const char *port, char address[static PORT_ADDRESS_SIZE],
                           struct error *err);
#endif
