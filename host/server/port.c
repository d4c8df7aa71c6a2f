/* SPDX-License-Identifier: MIT */
/* One question to the kernel; see port.h. */
#include "server/port.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

static bool has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool port_address(const char *port, char address[static PORT_ADDRESS_SIZE], struct error *err)
{
    int64_t number;
    if (!text_parse_int(port, 1, UINT16_MAX, &number))
        return error_set(err, ERROR_INVALID, "PORT is '%.32s'; expected a number from 1 to 65535",
                         port);
    snprintf(address, PORT_ADDRESS_SIZE, "%s:%lld", has_ipv6() ? "[::]" : "0.0.0.0",
             (long long)number);
    return true;
}
